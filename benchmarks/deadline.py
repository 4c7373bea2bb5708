"""Searches under a deadline: do they keep it, and what do their answers lose?"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.latency import timed
from sdk.geometry import contains
from sdk.grounder import Grounder
from train.evaluation.metrics import answer_ious

SLACK = 1.1  # a call keeps its deadline when it returns within this times the deadline


@dataclass(frozen=True)
class Call:
    """One search: how long it took, the IoU of its box with the true one (0 without a box),
    whether its box holds the true one (a search on its way has a place, not an object)."""

    wall_ms: float
    iou: float
    holds: bool
    complete: bool


def normal_ms(grounder: Grounder, cases: Sequence[Case]) -> float:
    """The median time of a search without a deadline, over the first of the cases."""
    return float(np.median([ask(grounder, case, case.frame()).wall_ms for case in cases]))


def ask(
    grounder: Grounder, case: Case, frame: NDArray[np.uint8], deadline_ms: float | None = None
) -> Call:
    """One search on a case, whose picture is ``frame``."""
    answer, wall_ms = timed(partial(grounder.locate, frame, case.ref, deadline_ms=deadline_ms))
    overlap = float(answer_ious([answer.xyxy], [case.target_xyxy])[0])
    holds = answer.xyxy is not None and bool(contains(answer.xyxy, case.target_xyxy, 1.0))
    return Call(wall_ms, overlap, holds, answer.complete)


def measure(
    grounder: Grounder,
    cases: Sequence[Case],
    deadlines_ms: Sequence[float],
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> list[list[Call]]:
    """For each deadline its calls; the deadlines take turns, in another order for each case."""
    calls: list[list[Call]] = [[] for _ in deadlines_ms]
    for number, case in enumerate(progress(cases)):
        frame = case.frame()
        ask(grounder, case, frame)  # the text features are known afterwards
        for k in np.random.default_rng(number).permutation(len(deadlines_ms)):
            calls[k].append(ask(grounder, case, frame, deadlines_ms[k]))
    return calls


def summarise(deadline_ms: float, calls: Sequence[Call]) -> dict[str, Any]:
    """A row of figures for one deadline."""
    walls = np.array([call.wall_ms for call in calls])
    return {
        "deadline_ms": deadline_ms,
        "n": len(calls),
        "kept": float((walls <= deadline_ms * SLACK).mean()),
        "p50_ms": float(np.percentile(walls, 50)),
        "p99_ms": float(np.percentile(walls, 99)),
        "complete": float(np.mean([call.complete for call in calls])),
        "acc50": float(np.mean([call.iou >= 0.5 for call in calls])),
        "place": float(np.mean([call.holds or call.iou >= 0.5 for call in calls])),
    }


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that count as fast as they can, while the body of ``with`` runs."""
    context = multiprocessing.get_context("spawn")
    busy = [context.Process(target=_count, daemon=True) for _ in range(processes)]
    for each in busy:
        each.start()
    try:
        yield
    finally:
        for each in busy:
            each.terminate()
            each.join()


def _count() -> None:
    while True:
        sum(range(100_000))
