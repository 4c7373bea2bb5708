"""``Grounder``: the face of the vehicle side."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from numpy.typing import NDArray

from sdk.checks import (
    Number,
    Whole,
    check_beam,
    check_deadline,
    check_flag,
    check_path,
    check_refs,
    check_starts,
    check_threads,
    check_unit,
)
from sdk.engine.folder import default_engine, read_manifest, verify_files
from sdk.engine.manifest import Manifest
from sdk.engine.proof import require_proof
from sdk.families import Answerer, Call, family, open_networks
from sdk.frame import check_color, check_frame
from sdk.leaving import native_work
from sdk.nv12 import Nv12
from sdk.results.grounding import Grounding
from sdk.runtime import Runtime
from sdk.runtime.arithmetic import arithmetic_doubt
from sdk.timing import Deadline, LatencyEstimator
from sdk.turns import Turns
from sdk.zoom.state import Start

if TYPE_CHECKING:
    from sdk.video import Stream


Opened = tuple[Path, Manifest, float, Answerer, Runtime]


def opened(
    engine: str | Path | None,
    threshold: Number | None,
    allow_unproven: bool,
    threads: Whole | None,
) -> Opened:
    """An engine, checked and ready: its folder, what it says, its threshold, what answers, over
    which networks.

    Args:
        engine: its folder; see ``Grounder`` for this and all else, and for what is raised.
        threshold: score from which something is found.
        allow_unproven: open it without a certificate.
        threads: of its networks.
    """
    path = default_engine() if engine is None else check_path(engine, "an engine folder")
    count = None if threads is None else check_threads(threads)
    manifest = read_manifest(path)
    least = manifest.threshold if threshold is None else check_unit(threshold, "a threshold")
    if not check_flag(allow_unproven, "allow_unproven"):
        require_proof(path, manifest)
    verify_files(path, manifest)
    with native_work():
        answerer = family(manifest).answerer(path, manifest, least)
        runtime = open_networks(path, manifest, count)
        doubt = arithmetic_doubt(manifest)
    if doubt is not None:
        warnings.warn(
            f"the figures of the engine {path} may not hold here: {doubt}; piza verify"
            f" {path} measures them on this machine",
            stacklevel=3,
        )
    return path, manifest, least, answerer, runtime


class Grounder:
    """Finds the object that an expression names, in one camera frame.

    Thread-safe; calls are answered one after another. Close it, or use it in a ``with``
    statement, to free the networks early. A process that was forked from the one that opened it
    cannot use it (threads do not survive a fork), and is told so; so is a signal handler that asks
    in the middle of a call of its own thread. The interpreter's exit waits for calls in progress.

    Args:
        engine: the engine folder; by default ``$PIZA_ENGINE`` or the bundled one.
        threshold: score from which an object counts as found (0..1), instead of the engine's own.
        allow_unproven: accept an engine without a passing certificate.
        threads: CPU threads, 1 to 256; by default ``$PIZA_THREADS``, or one for each core that
            this process may use (the smaller of its affinity and its container's CPU quota).

    An engine in eight bits whose certificate was measured with another arithmetic than this
    machine's causes a UserWarning.

    Raises:
        EngineError: the engine is missing, damaged, altered, too new or not proven.
        MissingRuntimeError: the package that runs this engine is not installed.
        InputError: an option cannot be used.

    Example:
        >>> with Grounder("build/piza-tiny.engine") as grounder:
        ...     answer = grounder.locate(frame, "the white van left of the bus")
        ...     answer.found, answer.score, answer.xyxy
    """

    def __init__(
        self,
        engine: str | Path | None = None,
        *,
        threshold: Number | None = None,
        allow_unproven: bool = False,
        threads: Whole | None = None,
    ) -> None:
        self._assemble(*opened(engine, threshold, allow_unproven, threads))

    @classmethod
    def from_hub(
        cls,
        repo: str,
        *,
        revision: str | None = None,
        threshold: Number | None = None,
        allow_unproven: bool = False,
        threads: Whole | None = None,
    ) -> Grounder:
        """A grounder over an engine of the Hugging Face hub, fetched once and kept in its cache.

        It has to be proven like any other: a passing certificate, and every file of its SHA-256.

        Args:
            repo: the engine's id, "owner/name"; ``piza push`` puts engines there.
            revision: a branch, a tag or a commit; by default the newest of its main branch. A
                vehicle that shall answer tomorrow as today names a commit.
            threshold: as of ``Grounder``; ``allow_unproven`` and ``threads`` likewise.

        Raises:
            EngineError: the hub has no such engine or does not show it, it is neither in the cache
                nor to be had, or it is one that ``Grounder`` does not open.
            MissingRuntimeError: the hub's client (extra ``hub``) or the engine's runtime is not
                installed.
            InputError: an option cannot be used.
        """
        from sdk.hub import fetch_engine

        engine = fetch_engine(repo, revision)
        return cls(engine, threshold=threshold, allow_unproven=allow_unproven, threads=threads)

    @classmethod
    def over(cls, runtime: Runtime, folder: Path, manifest: Manifest) -> Grounder:
        """A grounder whose networks somebody else runs: PyTorch, before there is an engine.

        Args:
            runtime: the networks; closed with the grounder.
            folder: holds what the family keeps beside its networks; read here, and not again.
            manifest: what an engine of these networks would say. Nothing in it is verified.

        Raises:
            EngineError: what the family keeps cannot be read.
        """
        with native_work():
            answerer = family(manifest).answerer(folder, manifest, manifest.threshold)
        grounder = cls.__new__(cls)
        grounder._assemble(folder, manifest, manifest.threshold, answerer, runtime)
        return grounder

    def _assemble(
        self,
        path: Path,
        manifest: Manifest,
        threshold: float,
        answerer: Answerer,
        runtime: Runtime,
    ) -> None:
        self.path, self.manifest, self.threshold = path, manifest, threshold
        self._answerer, self._pace = answerer, LatencyEstimator()
        self._turns = Turns(f"the grounder of {path}", runtime, answerer.forget)

    @overload
    def locate(
        self,
        frame: NDArray[Any] | Nv12 | None,
        ref: str,
        color: str = "bgr",
        *,
        beam: Whole = 1,
        deadline_ms: Number | None = None,
        start: Start | None = None,
    ) -> Grounding: ...

    @overload
    def locate(
        self,
        frame: NDArray[Any] | Nv12 | None,
        ref: list[str] | tuple[str, ...],
        color: str = "bgr",
        *,
        beam: Whole = 1,
        deadline_ms: Number | None = None,
        start: Start | Sequence[Start | None] | None = None,
    ) -> list[Grounding]: ...

    def locate(
        self,
        frame: NDArray[Any] | Nv12 | None,
        ref: str | list[str] | tuple[str, ...],
        color: str = "bgr",
        *,
        beam: Whole = 1,
        deadline_ms: Number | None = None,
        start: Start | Sequence[Start | None] | None = None,
    ) -> Grounding | list[Grounding]:
        """Looks for one expression, or for several on the same frame side by side.

        Several cost less than as many calls: a window that they share (the whole frame, to begin
        with) is encoded once, and the networks run for all of them at once. The answers are those
        of separate calls, but for windows less than a quarter of a network input's pixel apart,
        which count as one. A word that the engine does not know causes a UserWarning; an expression
        of nothing but such words is answered with ``found=False`` and a ``reason``.

        Args:
            frame: ``(h, w, 3)`` uint8, any strides, or ``sdk.Nv12``; it is read, never copied or
                changed. (None, which ``cv2.imread`` gives for a file that it cannot read, is an
                InputError.)
            ref: an expression, or a list of them.
            color: the frame's channel order, ``"bgr"`` as OpenCV gives it, or ``"rgb"``.
            beam: how many candidates of the first step are followed, 1 to 16; the best end is the
                answer.
            deadline_ms: when the answer is wanted, counted from this call. A step that would end
                later, as far as earlier ones tell, is not begun: the answer is then not
                ``complete`` and not ``found``; its box is the place that the search had come to
                (``Start(answer.xyxy)`` goes on from there), or None. What earlier ones tell grows
                old: when none was begun for 0.4 s, a first step is begun if the time is enough for
                the fastest so far, and after 10 s whatever the time; such a call may be late.
            start: where to look first instead of at the whole frame; one for each expression, or
                one for all.

        Returns:
            A ``Grounding``, or a list with one for each expression.

        Raises:
            InputError: the frame, an expression or an option cannot be used, or a start shows
                nothing of the frame.
            EngineError: the networks failed, or the grounder is closed, or in the middle of a call
                of this very thread (in a signal handler).
        """
        begin_s = self._pace.now()
        image = check_frame(frame)
        order = check_color(color, image)
        refs = check_refs(ref)
        width = check_beam(beam)
        starts = check_starts(start, len(refs), (image.shape[1], image.shape[0]))
        deadline = Deadline(self._pace, check_deadline(deadline_ms), begin_s)
        with native_work():
            queries = [self._answerer.read(each) for each in refs]  # all, before one is run
        for query in queries:
            if query.unknown:
                words = ", ".join(map(repr, query.unknown))
                warnings.warn(f"the engine does not know {words}", stacklevel=2)
        call = Call(image, order, queries, starts, width, deadline, begin_s)
        with native_work(), self._turns.take(deadline.left_ms / 1e3) as runtime:
            answers = self._answerer.answer(runtime, call)
        return answers[0] if isinstance(ref, str) else answers

    @property
    def runs(self) -> dict[str, int]:
        """How often crops were made and each network was run, since the engine was opened."""
        runtime = self._turns.get()
        return {} if runtime is None else dict(runtime.clock.runs)

    def check_refs(self, refs: str | list[str] | tuple[str, ...]) -> list[str]:
        """The expressions as a list; raises what ``locate`` would: InputError, EngineError."""
        self._turns.check_open()
        asked = check_refs(refs)
        with native_work():
            for ref in asked:
                self._answerer.read(ref)
        return asked

    def stream(
        self,
        source: int | str | os.PathLike[str] | Iterable[Any],
        refs: str | list[str] | tuple[str, ...],
        policy: Literal["latest", "all"] = "latest",
        *,
        deadline_ms: Number | None = None,
        warm: bool = True,
        color: str = "bgr",
        topic: str | None = None,
        timeout_s: Number | None = 10.0,
        reconnects: Whole = 5,
        bundles: str | Path | None = None,
        max_bundles: Whole = 20,
    ) -> Stream:
        """Answers frame after frame; use it in a ``with`` statement and iterate over it.

        Args:
            source: a camera number, a URL (RTSP, ...), a GStreamer pipeline, a video file, a
                folder or pattern of images, an MCAP file, or an iterable of frames or
                ``(time_s, frame)``. An iterable's frames may be grey, have a fourth channel or be
                ``sdk.Nv12``; they are copied, and None stands for one that could not be read. A
                pipeline that ends in ``video/x-raw,format=NV12 ! appsink`` gives ``Nv12`` too.
            refs: one expression or several; ``Stream.set_refs`` changes them on the way.
            policy: ``"latest"`` answers the newest frame and drops the older ones; a recording
                is then played at its own speed, as a camera would give it. ``"all"`` answers
                every frame, and lets the source wait.
            deadline_ms: time for the answers of a frame, as in ``locate``.
            warm: start where the object was; otherwise every frame is searched from the whole.
            color: the channel order of an iterable's frames, and of ``StreamFrame.image``.
            topic: the image topic of an MCAP file that has several.
            timeout_s: longest wait for a frame, up to 1e6, None for ever. A source that exceeds it
                has stalled: an error, or for a camera or an address a reason to reconnect.
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
        """Frees the networks, after the call in progress; then ``locate`` raises EngineError."""
        with native_work():
            self._turns.close()

    def __enter__(self) -> Grounder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
