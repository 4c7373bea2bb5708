"""Latency of whole searches, and where it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Workload
from sdk.results import Grounding

STAGES = ("crop", "text", "image", "ground", "host")


class SingleLocator(Protocol):
    """What is measured: ``sdk.Grounder``, or anything that answers like it."""

    def locate(self, frame: NDArray[np.uint8], ref: str) -> Grounding:
        """The answer to one expression."""


@dataclass(frozen=True)
class Run:
    """One search: wall-clock milliseconds, its stages as the grounder counted them, its steps."""

    wall_ms: float
    stages_ms: dict[str, float]
    steps: int


def measure(
    locator: SingleLocator,
    workload: Workload,
    warmup: int,
    progress: Callable[[Sequence[Any]], Iterable[Any]] = iter,
) -> list[Run]:
    """Time each question of the workload but the first ``warmup``, one after the other.

    The stages of a search are timed inside of it, so that they share its caches and its clock.
    """
    runs = []
    for index, question in enumerate(progress(workload.questions)):
        run = _timed(locator, workload.frames[question[0]], question[1])
        if index >= warmup:
            runs.append(run)
    return runs


def summarise(runs: Sequence[Run]) -> dict[str, Any]:
    """Percentiles of the whole (linear between ranks), and the median of each stage."""
    walls = [run.wall_ms for run in runs]
    p50, p90, p99 = np.percentile(walls, [50, 90, 99])
    return {
        "p50_ms": float(p50),
        "p90_ms": float(p90),
        "p99_ms": float(p99),
        "min_ms": float(min(walls)),
        "max_ms": float(max(walls)),
        "n": len(runs),
        "steps": float(np.mean([run.steps for run in runs])),
        "stages_ms": {
            stage: float(np.median([run.stages_ms[stage] for run in runs])) for stage in STAGES
        },
        "stages_p99_ms": {
            stage: float(np.percentile([run.stages_ms[stage] for run in runs], 99))
            for stage in STAGES
        },
    }


def _timed(locator: SingleLocator, frame: NDArray[np.uint8], ref: str) -> Run:
    begin = time.perf_counter()
    answer = locator.locate(frame, ref)
    wall_ms = (time.perf_counter() - begin) * 1e3
    return Run(wall_ms, {stage: answer.timing_ms[stage] for stage in STAGES}, len(answer.zooms))
