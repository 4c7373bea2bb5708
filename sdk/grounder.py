"""``Grounder``: the face of the vehicle side."""

from __future__ import annotations

import math
import threading
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from sdk.cache import LruCache
from sdk.clock import StageClock
from sdk.engine import default_engine, read_manifest, verify_files
from sdk.errors import EngineError, InputError
from sdk.frame import check_color, check_frame
from sdk.history import HistoryEncoder
from sdk.manifest import Manifest
from sdk.results import Grounding
from sdk.runtime import RuntimeSession, open_session
from sdk.search import Search, search
from sdk.text import Tokenizer, Tokens, normalise
from sdk.windows import SharedWindows

_CACHED_TEXTS = 256


class Grounder:
    """Finds the object that an expression names, in one camera frame.

    Thread-safe; calls are answered one after another. Close it, or use it in a ``with``
    statement, to free the networks early.

    Args:
        engine: the engine folder; by default ``$PIZA_ENGINE`` or the bundled one.
        threshold: score from which an object counts as found (0..1), instead of the engine's own.
        allow_unproven: accept an engine without a passing certificate.
        threads: CPU threads of one network, by default one for each core of this process.

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
        self.threshold = self.manifest.threshold if threshold is None else _unit(threshold)
        if threads is not None and threads < 1:
            raise InputError(f"expected at least 1 thread, got {threads}")
        if not (self.manifest.proven or allow_unproven):
            raise EngineError(_unproven(self.path, self.manifest))
        verify_files(self.path, self.manifest)
        self._tokenizer = Tokenizer.from_file(
            self.path / "tokenizer.json", self.manifest.max_tokens
        )
        self._history = HistoryEncoder.from_npz(self.path / "history.npz")
        self._session: RuntimeSession | None = open_session(self.path, self.manifest, threads)
        self._tokens: LruCache[Tokens] = LruCache(_CACHED_TEXTS)  # by normalised expression
        self._texts: LruCache[Any] = LruCache(_CACHED_TEXTS)  # features, by token ids
        self._lock = threading.Lock()
        self._label = f"{self.manifest.name}@{self.manifest.fingerprint}"

    @overload
    def locate(self, frame: NDArray[np.uint8], ref: str, color: str = "bgr") -> Grounding: ...

    @overload
    def locate(
        self, frame: NDArray[np.uint8], ref: list[str] | tuple[str, ...], color: str = "bgr"
    ) -> list[Grounding]: ...

    def locate(
        self,
        frame: NDArray[np.uint8],
        ref: str | list[str] | tuple[str, ...],
        color: str = "bgr",
    ) -> Grounding | list[Grounding]:
        """Looks for one expression, or for several on the same frame.

        A word that the engine does not know causes a UserWarning; an expression of nothing but
        such words is answered with ``found=False`` and a ``reason``, without a search.

        Args:
            frame: ``(h, w, 3)`` uint8, any strides; it is read, never copied or changed.
            ref: an expression, or a list of them (windows that they share are encoded once).
            color: the frame's channel order, ``"bgr"`` as OpenCV gives it, or ``"rgb"``.

        Returns:
            A ``Grounding``, or a list with one for each expression.

        Raises:
            InputError: the frame or an expression cannot be used.
            EngineError: the networks failed, or the grounder is closed.
        """
        check_frame(frame)
        order = check_color(color)
        refs = [ref] if isinstance(ref, str) else _expressions(ref)
        with self._lock:
            if self._session is None:
                raise EngineError(f"the grounder of {self.path} is closed")
            self._session.clock.drain()
            prompts = [self._tokenize(each) for each in refs]  # all are usable before one is run
            for tokens in prompts:
                if tokens.unknown:
                    words = ", ".join(map(repr, tokens.unknown))
                    warnings.warn(f"the engine does not know {words}", stacklevel=2)
            shared, clock = SharedWindows(self._session), self._session.clock
            uploaded = self._session.upload(frame, order)
            answers = [
                self._answer(shared, clock, uploaded, frame, color, each, tokens)
                for each, tokens in zip(refs, prompts, strict=True)
            ]
        return answers[0] if isinstance(ref, str) else answers

    def close(self) -> None:
        """Frees the networks; afterwards ``locate`` raises EngineError."""
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

    def _tokenize(self, ref: str) -> Tokens:
        return self._tokens.get(normalise(ref), lambda: self._tokenizer.encode(ref))

    def _answer(
        self,
        session: SharedWindows,
        clock: StageClock,
        uploaded: Any,
        frame: NDArray[np.uint8],
        color: str,
        ref: str,
        tokens: Tokens,
    ) -> Grounding:
        """Searches for one expression and judges the outcome."""
        frame_wh = (frame.shape[1], frame.shape[0])
        if tokens.understood:
            text = self._texts.get(tokens.key, lambda: session.encode_text(tokens))
            outcome = search(
                session,
                uploaded,
                frame_wh,
                text,
                self._history,
                self.manifest.zoom,
                self.manifest.input_hw,
            )
        else:
            outcome = Search((), f"the engine knows none of the words of {ref!r}")
        last = outcome.zooms[-1] if outcome.zooms else None
        score = last.score if last else 0.0
        reason = outcome.fault
        if reason is None and score < self.threshold:
            reason = f"the score {score:.3f} is below the threshold {self.threshold:.3f}"
        return Grounding(
            ref=ref,
            found=reason is None,
            score=score,
            xyxy=last.xyxy if last else None,
            zooms=outcome.zooms,
            frame_wh=frame_wh,
            engine=self._label,
            timing_ms=clock.drain(),
            reason=reason,
            unknown_words=tokens.unknown,
            color=color,
            frame=frame,
        )


def _expressions(refs: Any) -> list[str]:
    """Several expressions as a list; their content is the tokenizer's to check."""
    if not isinstance(refs, list | tuple):
        raise InputError(f"expected an expression or a list of them, got {type(refs).__name__}")
    return list(refs)


def _unit(threshold: float) -> float:
    if isinstance(threshold, int | float) and not isinstance(threshold, bool):
        value = float(threshold)
        if math.isfinite(value) and 0.0 <= value <= 1.0:
            return value
    raise InputError(f"expected a threshold in 0..1, got {threshold!r}")


def _unproven(path: Path, manifest: Manifest) -> str:
    state = "has no certificate" if manifest.certificate is None else "failed its certificate"
    return (
        f"the engine {path} {state}, so nothing says that it finds what its checkpoint finds:"
        f" python -m export verify {path} makes one; allow_unproven=True (--allow-unproven) opens"
        " it all the same"
    )
