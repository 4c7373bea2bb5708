"""``Grounder``: the face of the vehicle side."""

from __future__ import annotations

import dataclasses
import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from sdk.answer import Asked, Judge
from sdk.cache import LruCache
from sdk.calibration import Calibration
from sdk.checks import check_beam, check_deadline, check_refs, check_starts, check_unit
from sdk.clock import StageClock
from sdk.engine import default_engine, read_manifest, verify_files
from sdk.errors import EngineError, InputError
from sdk.frame import check_color, check_frame
from sdk.history import HistoryEncoder
from sdk.manifest import Manifest
from sdk.pace import Deadline, Pace
from sdk.results import Grounding
from sdk.runtime import RuntimeSession, open_session
from sdk.search import Search, search
from sdk.text import Tokenizer, Tokens, normalise
from sdk.trail import Rules, Start

if TYPE_CHECKING:
    from sdk.video import Stream

_CACHED_TEXTS = 256


class Grounder:
    """Finds the object that an expression names, in one camera frame.

    Thread-safe; calls are answered one after another. Close it, or use it in a ``with``
    statement, to free the networks early. A process that was forked from the one that opened it
    cannot use it (threads do not survive a fork), and is told so.

    Args:
        engine: the engine folder; by default ``$PIZA_ENGINE`` or the bundled one.
        threshold: score from which an object counts as found (0..1), instead of the engine's own.
        allow_unproven: accept an engine without a passing certificate.
        threads: CPU threads, by default one for each core of this process.

    Raises:
        EngineError: the engine is missing, damaged, altered, too new or not proven.
        MissingRuntimeError: the package that runs this engine is not installed.
        InputError: ``threshold`` or ``threads`` is out of range.

    Example:
        >>> with Grounder("build/piza-tiny.engine") as grounder:
        ...     answer = grounder.locate(frame, "the white van left of the bus")
        ...     answer.found, answer.score, answer.xyxy
    """

    def __init__(
        self,
        engine: str | Path | None = None,
        *,
        threshold: float | None = None,
        allow_unproven: bool = False,
        threads: int | None = None,
    ) -> None:
        self.path = default_engine() if engine is None else Path(engine)
        self.manifest: Manifest = read_manifest(self.path)
        self.threshold = (
            self.manifest.threshold if threshold is None else check_unit(threshold, "a threshold")
        )
        if threads is not None and threads < 1:
            raise InputError(f"expected at least 1 thread, got {threads}")
        if not (self.manifest.proven or allow_unproven):
            raise EngineError(_unproven(self.path, self.manifest))
        verify_files(self.path, self.manifest)
        self._tokenizer = Tokenizer.from_file(
            self.path / "tokenizer.json", self.manifest.max_tokens
        )
        calibration = Calibration.from_mapping(self.manifest.calibration)
        self._rules = Rules(
            HistoryEncoder.from_npz(self.path / "history.npz"),
            self.manifest.zoom,
            self.manifest.input_hw,
            calibration.score,
        )
        label = f"{self.manifest.name}@{self.manifest.fingerprint}"
        self._judge = Judge(calibration, self.threshold, label)
        self._session: RuntimeSession | None = open_session(self.path, self.manifest, threads)
        self._tokens: LruCache[Tokens] = LruCache(_CACHED_TEXTS)  # by normalised expression
        self._texts: LruCache[Any] = LruCache(_CACHED_TEXTS)  # features, by token ids
        self._pace = Pace()
        self._lock = threading.Lock()
        self._process = os.getpid()

    @overload
    def locate(
        self,
        frame: NDArray[np.uint8],
        ref: str,
        color: str = "bgr",
        *,
        beam: int = 1,
        deadline_ms: float | None = None,
        start: Start | None = None,
    ) -> Grounding: ...

    @overload
    def locate(
        self,
        frame: NDArray[np.uint8],
        ref: list[str] | tuple[str, ...],
        color: str = "bgr",
        *,
        beam: int = 1,
        deadline_ms: float | None = None,
        start: Start | Sequence[Start | None] | None = None,
    ) -> list[Grounding]: ...

    def locate(
        self,
        frame: NDArray[np.uint8],
        ref: str | list[str] | tuple[str, ...],
        color: str = "bgr",
        *,
        beam: int = 1,
        deadline_ms: float | None = None,
        start: Start | Sequence[Start | None] | None = None,
    ) -> Grounding | list[Grounding]:
        """Looks for one expression, or for several on the same frame side by side.

        Several cost less than as many calls: a window that they share (the whole frame, to begin
        with) is encoded once, and the networks run for all of them at once. The answers are those
        of separate calls, but for windows less than a quarter of a network input's pixel apart,
        which count as one. A word that the engine does not know causes a UserWarning; an expression
        of nothing but such words is answered with ``found=False`` and a ``reason``.

        Args:
            frame: ``(h, w, 3)`` uint8, any strides; it is read, never copied or changed.
            ref: an expression, or a list of them.
            color: the frame's channel order, ``"bgr"`` as OpenCV gives it, or ``"rgb"``.
            beam: how many candidates of the first step are followed; the best end is the answer.
            deadline_ms: when the answer is wanted, counted from this call. A step that would end
                later, as far as earlier ones tell, is not begun: the answer is then not
                ``complete`` and not ``found``; its box is the place that the search had come to (a
                ``Start`` for the next call), or None.
            start: where to look first instead of at the whole frame; one for each expression, or
                one for all.

        Returns:
            A ``Grounding``, or a list with one for each expression.

        Raises:
            InputError: the frame, an expression or an option cannot be used.
            EngineError: the networks failed, or the grounder is closed.
        """
        begin_s = self._pace.now()
        check_frame(frame)
        order = check_color(color)
        refs = check_refs(ref)
        rules = dataclasses.replace(self._rules, beam=check_beam(beam))
        starts = check_starts(start, len(refs))
        deadline = Deadline(self._pace, check_deadline(deadline_ms), begin_s)
        prompts = [self._tokenize(each) for each in refs]  # all are usable before one is run
        for tokens in prompts:
            if tokens.unknown:
                words = ", ".join(map(repr, tokens.unknown))
                warnings.warn(f"the engine does not know {words}", stacklevel=2)
        known = [k for k, tokens in enumerate(prompts) if tokens.understood]
        outcomes = dict.fromkeys(range(len(refs)), Search((), complete=False))
        with self._turn(deadline) as session:
            clock = StageClock() if session is None else session.clock
            clock.start(begin_s)
            if session is not None:
                found = search(
                    session,
                    session.upload(frame, order),
                    (frame.shape[1], frame.shape[0]),
                    [self._text(session, prompts[k]) for k in known],
                    rules,
                    [starts[k] for k in known],
                    deadline,
                )
                outcomes.update(zip(known, found, strict=True))
            timing_ms = clock.drain()
        asked = Asked(frame, color, deadline.limit_ms, timing_ms)
        answers = [self._judge(asked, each, prompts[k], outcomes[k]) for k, each in enumerate(refs)]
        return answers[0] if isinstance(ref, str) else answers

    @property
    def runs(self) -> dict[str, int]:
        """How often crops were made and each network was run, since the engine was opened."""
        session = self._session
        return {} if session is None else dict(session.clock.runs)

    def check_refs(self, refs: str | list[str] | tuple[str, ...]) -> list[str]:
        """The expressions as a list; raises what ``locate`` would: InputError, EngineError."""
        if self._session is None:
            raise EngineError(f"the grounder of {self.path} is closed")
        asked = check_refs(refs)
        for ref in asked:
            self._tokenize(ref)
        return asked

    def stream(
        self,
        source: int | str | os.PathLike[str] | Iterable[Any],
        refs: str | list[str] | tuple[str, ...],
        policy: Literal["latest", "all"] = "latest",
        *,
        deadline_ms: float | None = None,
        warm: bool = True,
        color: str = "bgr",
        topic: str | None = None,
        timeout_s: float | None = 10.0,
        reconnects: int = 5,
        bundles: str | Path | None = None,
        max_bundles: int = 20,
    ) -> Stream:
        """Answers frame after frame; use it in a ``with`` statement and iterate over it.

        Args:
            source: a camera number, a URL (RTSP, ...), a GStreamer pipeline, a video file, a
                folder or pattern of images, an MCAP file, or an iterable of frames or
                ``(time_s, frame)``. An iterable's frames may be grey or have a fourth channel;
                they are copied, and None stands for one that could not be read.
            refs: one expression or several; ``Stream.set_refs`` changes them on the way.
            policy: ``"latest"`` answers the newest frame and drops the older ones; a recording
                is then played at its own speed, as a camera would give it. ``"all"`` answers
                every frame, and lets the source wait.
            deadline_ms: time for the answers of a frame, as in ``locate``.
            warm: start where the object was; otherwise every frame is searched from the whole.
            color: the channel order of an iterable's frames, and of ``StreamFrame.image``.
            topic: the image topic of an MCAP file that has several.
            timeout_s: longest wait for a frame, None for ever. A source that exceeds it has
                stalled: an error, or for a camera or an address a reason to reconnect.
            reconnects: attempts in a row to open a camera or an address again that was lost
                (after 0.5, 1, 2, 4, 8, 8, ... seconds); the first opening has only one.
            bundles: folder for replay bundles of frames with an answer that was not found or not
                complete, ``max_bundles`` at most.

        Raises:
            InputError: an argument cannot be used or there is no such source; while iterating, a
                source that cannot be opened, stalls, is lost, or gives something else than frames.
            EngineError: the grounder is closed.
        """
        from sdk.video.opening import open_stream

        return open_stream(
            self,
            source,
            refs,
            policy,
            deadline_ms=deadline_ms,
            warm=warm,
            color=color,
            topic=topic,
            timeout_s=timeout_s,
            reconnects=reconnects,
            bundles=bundles,
            max_bundles=max_bundles,
        )

    def close(self) -> None:
        """Frees the networks; afterwards ``locate`` raises EngineError."""
        if os.getpid() != self._process:  # they are another process's to free
            return
        with self._lock:
            if self._session is not None:
                self._texts.clear()
                self._session.close()
                self._session = None

    def __enter__(self) -> Grounder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _turn(self, deadline: Deadline) -> Iterator[RuntimeSession | None]:
        """The networks, for this thread alone; None when others have them until the deadline."""
        if os.getpid() != self._process:
            raise EngineError(
                f"the grounder of {self.path} was opened in another process, before a fork: open"
                " one in each process"
            )
        wait_s = min(max(deadline.left_ms / 1e3, 0.0), threading.TIMEOUT_MAX)
        if not self._lock.acquire(timeout=wait_s):
            yield None
            return
        try:
            if self._session is None:
                raise EngineError(f"the grounder of {self.path} is closed")
            yield self._session
        finally:
            self._lock.release()

    def _tokenize(self, ref: str) -> Tokens:
        return self._tokens.get(normalise(ref), lambda: self._tokenizer.encode(ref))

    def _text(self, session: RuntimeSession, tokens: Tokens) -> Any:
        return self._texts.get(tokens.key, lambda: session.encode_text(tokens))


def _unproven(path: Path, manifest: Manifest) -> str:
    state = "has no certificate" if manifest.certificate is None else "failed its certificate"
    return (
        f"the engine {path} {state}, so nothing says that it finds what its checkpoint finds:"
        f" python -m export verify {path} makes one; allow_unproven=True (--allow-unproven) opens"
        " it all the same"
    )
