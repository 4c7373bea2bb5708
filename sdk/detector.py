"""``Detector``: the face of engines that find everything they know, without being asked."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.checks import Number, Whole
from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.families.few_shot import Detected, FewShotAnswerer
from sdk.frame import check_color, check_frame
from sdk.grounder import opened
from sdk.leaving import native_work
from sdk.nv12 import Nv12
from sdk.results.detections import Detections
from sdk.runtime import Runtime
from sdk.timing import Deadline, LatencyEstimator
from sdk.turns import Turns


class Detector:
    """Finds all objects of the classes that an engine was taught, in one camera frame.

    Thread-safe; calls are answered one after another. Close it, or use it in a ``with`` statement,
    to free the networks early.

    Args:
        engine: the folder of an engine of the family ``few-shot``.
        threshold: score from which an object counts (0..1), instead of the engine's own.
        allow_unproven: accept an engine without a passing certificate.
        threads: CPU threads, as for ``Grounder``.

    Raises:
        EngineError: the engine is missing, damaged, altered, too new, not proven, or does not
            detect.
        MissingRuntimeError: the package that runs this engine is not installed.
        InputError: an option cannot be used.

    Example:
        >>> with Detector("build/scooter.engine") as detector:
        ...     found = detector.detect(frame)
        ...     found.xyxy, found.scores, [found.label(k) for k in range(len(found))]
    """

    def __init__(
        self,
        engine: str | Path,
        *,
        threshold: Number | None = None,
        allow_unproven: bool = False,
        threads: Whole | None = None,
    ) -> None:
        path, manifest, least, answerer, runtime = opened(
            engine, threshold, allow_unproven, threads
        )
        if not isinstance(answerer, FewShotAnswerer):
            with native_work():
                runtime.close()
            raise EngineError(
                f"expected an engine of the family few-shot, which detects, found one of"
                f" {manifest.family} in {path}: it answers sentences, open it with sdk.Grounder"
            )
        self._assemble(path, manifest, least, answerer, runtime)

    @classmethod
    def from_hub(
        cls,
        repo: str,
        *,
        revision: str | None = None,
        threshold: Number | None = None,
        allow_unproven: bool = False,
        threads: Whole | None = None,
    ) -> Detector:
        """A detector over an engine of the Hugging Face hub; see ``Grounder.from_hub``.

        Args:
            repo: the engine's id, "owner/name".
            revision: a branch, a tag or a commit; by default the newest of its main branch.
            threshold: as of ``Detector``; ``allow_unproven`` and ``threads`` likewise.

        Raises:
            EngineError: the engine is not to be had, or is one that ``Detector`` does not open.
            MissingRuntimeError: the hub's client or the engine's runtime is not installed.
            InputError: an option cannot be used.
        """
        from sdk.hub import fetch_engine

        engine = fetch_engine(repo, revision)
        return cls(engine, threshold=threshold, allow_unproven=allow_unproven, threads=threads)

    @classmethod
    def over(
        cls, runtime: Runtime, folder: Path, manifest: Manifest, threshold: float | None = None
    ) -> Detector:
        """A detector whose networks somebody else runs: PyTorch, before there is an engine.

        Args:
            runtime: the networks; closed with the detector.
            folder: holds what the family keeps beside its networks.
            manifest: what an engine of these networks would say.
            threshold: score from which an object counts, instead of the manifest's.

        Raises:
            EngineError: what the family keeps cannot be read.
        """
        least = manifest.threshold if threshold is None else threshold
        detector = cls.__new__(cls)
        answerer = FewShotAnswerer(folder, manifest, least)
        detector._assemble(folder, manifest, least, answerer, runtime)
        return detector

    def _assemble(
        self,
        path: Path,
        manifest: Manifest,
        threshold: float,
        answerer: FewShotAnswerer,
        runtime: Runtime,
    ) -> None:
        self.path, self.manifest, self.threshold = path, manifest, threshold
        self._answerer, self._pace = answerer, LatencyEstimator()
        self._turns = Turns(f"the detector of {path}", runtime, answerer.forget)

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that it knows."""
        return self._answerer.block.labels

    def detect(self, frame: NDArray[Any] | Nv12 | None, color: str = "bgr") -> Detections:
        """Finds all objects whose score reaches the threshold.

        Args:
            frame: ``(h, w, 3)`` uint8, any strides, or ``sdk.Nv12``; it is read, never copied or
                changed.
            color: its channel order, ``"bgr"`` as OpenCV gives it, or ``"rgb"``.

        Raises:
            InputError: the frame or its order cannot be used.
            EngineError: the networks failed, or the detector is closed.
        """
        begin_s = self._pace.now()
        image = check_frame(frame)
        order = check_color(color, image)
        never = Deadline(self._pace, None, begin_s)
        with native_work(), self._turns.take(never.left_ms / 1e3) as runtime:
            assert runtime is not None  # which has waited for it as long as it took
            runtime.clock.start(begin_s)
            found = self._answerer.detect(runtime, image, order, never)
            timing_ms = runtime.clock.drain()
        scores = np.array(self._answerer.told(found.proposals.scores.tolist()), np.float32)
        return self._told(found, scores, image, order, timing_ms)

    def _told(
        self,
        found: Detected,
        scores: NDArray[np.float32],
        image: NDArray[np.uint8],
        order: str,
        timing_ms: dict[str, float],
    ) -> Detections:
        sure = scores >= self.threshold
        proposals = found.proposals
        return Detections(
            xyxy=proposals.xyxy[sure],
            scores=scores[sure],
            labels=proposals.labels[sure],
            names=proposals.names,
            own_scores=found.own[sure],
            frame_wh=(image.shape[1], image.shape[0]),
            engine=self._answerer.engine,
            timing_ms=timing_ms,
            color=order,
            frame=image,
        )

    def close(self) -> None:
        """Frees the networks, after the call in progress; then ``detect`` raises EngineError."""
        with native_work():
            self._turns.close()

    def __enter__(self) -> Detector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
