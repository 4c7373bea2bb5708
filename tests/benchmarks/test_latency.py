"""Latency figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.cases import Workload
from benchmarks.timing import STAGES, Run, measure, summarise
from sdk.results import Grounding


def runs(*walls: float) -> list[Run]:
    return [Run(wall, dict.fromkeys(STAGES, wall / 10), 2) for wall in walls]


def test_percentiles() -> None:
    figures = summarise(runs(*range(1, 102)))
    assert [figures[key] for key in ("p50_ms", "p90_ms", "p99_ms")] == [51.0, 91.0, 100.0]
    assert (figures["min_ms"], figures["max_ms"], figures["n"]) == (1.0, 101.0, 101)
    assert figures["steps"] == 2.0
    assert figures["stages_ms"] == {stage: pytest.approx(5.1) for stage in STAGES}


def test_warm_up_is_run_and_not_counted(answer: Callable[..., Grounding]) -> None:
    asked: list[tuple[int, str]] = []

    class Locator:
        def locate(self, frame: NDArray[np.uint8], ref: str) -> Grounding:
            asked.append((int(frame[0, 0, 0]), ref))
            return answer(ref, [(0, 0, 10, 10)])

    frames = tuple(np.full((2, 2, 3), k, np.uint8) for k in range(2))
    questions = ((0, "a"), (1, "b"), (0, "c"))
    measured = measure(Locator(), Workload(frames, questions), warmup=1)
    assert asked == list(questions)
    assert len(measured) == 2
    assert measured[0].steps == 1
    assert measured[0].wall_ms > 0
    assert measured[0].stages_ms == {"crop": 1, "text": 1, "image": 2, "ground": 1, "host": 1}
