"""Latency figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.asking import Run
from benchmarks.commands.latency import measure, summarise
from evaluation.questions import Workload
from sdk.results.grounding import Grounding

STAGES = ("crop", "text", "image", "ground", "host")


def runs(*walls: float) -> list[Run]:
    return [Run(wall, dict.fromkeys(STAGES, wall / 10), 2, 3.0, 0.5) for wall in walls]


class CallContext:
    """Answers everything; remembers the frame's first value and the expression."""

    def __init__(self, answer: Callable[..., Grounding]) -> None:
        self.questions: list[tuple[int, str]] = []
        self._answer = answer

    def locate(self, frame: NDArray[np.uint8], ref: str) -> Grounding:
        self.questions.append((int(frame[0, 0, 0]), ref))
        return self._answer(ref, [(0, 0, 10, 10)])


WORKLOAD = Workload(
    tuple(np.full((2, 2, 3), k, np.uint8) for k in range(2)), ((0, "a"), (1, "b"), (0, "c"))
)


def test_percentiles() -> None:
    figures = summarise(runs(*range(1, 102)))
    assert [figures[key] for key in ("p50_ms", "p90_ms", "p99_ms")] == [51.0, 91.0, 100.0]
    assert (figures["min_ms"], figures["max_ms"], figures["n"]) == (1.0, 101.0, 101)
    assert figures["mean_ms"] == 51.0
    assert figures["throughput_per_s"] == pytest.approx(1000 / 51)
    assert figures["steps"] == 2.0
    assert figures["stages_ms"] == {stage: pytest.approx(5.1) for stage in STAGES}


def test_rows_of_search_stages_and_what_comes_before() -> None:
    rows = {row["name"]: row for row in summarise(runs(10.0, 20.0, 30.0))["rows"]}
    assert list(rows) == ["search", *STAGES, "decode", "upload", "frame to answer"]
    assert rows["decode"]["p50_ms"] == 3.0
    assert rows["upload"]["p50_ms"] == 0.5
    assert rows["frame to answer"]["p50_ms"] == 23.0  # the search does the upload itself


@pytest.mark.parametrize(("count", "there"), [(9_999, False), (10_000, True)])
def test_one_in_a_thousand_only_where_there_are_ten_of_them(count: int, there: bool) -> None:
    figures = summarise(runs(*range(1, count + 1)))
    assert ("p999_ms" in figures) == there
    assert ("p999_ms" in figures["rows"][0]) == there
    if there:
        assert figures["p999_ms"] == pytest.approx(9990.001)


def test_missed_deadlines() -> None:
    walls = runs(10.0, 20.0, 20.1, 40.0)
    assert summarise(walls, 20.0)["deadline"] == {"deadline_ms": 20.0, "missed": 2, "share": 0.5}
    assert "deadline" not in summarise(walls)


def test_samples_are_the_runs() -> None:
    samples = summarise([Run(1.23456, dict.fromkeys(STAGES, 0.1), 2, ref="a")])["samples"]
    assert samples["search_ms"] == [1.2346]
    assert samples["question"] == ["a"]
    assert {len(column) for column in samples.values()} == {1}
    assert {f"{stage}_ms" for stage in (*STAGES, "decode", "upload")} < set(samples)


def test_warm_up_is_run_and_not_counted(answer: Callable[..., Grounding]) -> None:
    asked = CallContext(answer)
    measured = measure(asked, WORKLOAD, warmup=1)
    assert asked.questions == list(WORKLOAD.questions)
    assert [run.ref for run in measured] == ["b", "c"]
    assert measured[0].steps == 1
    assert measured[0].wall_ms > 0
    assert measured[0].decode_ms > 0
    assert 0 <= measured[0].at_s < measured[1].at_s
    assert measured[0].stages_ms == {"crop": 1, "text": 1, "image": 2, "ground": 1, "host": 1}


def test_questions_come_again_when_more_are_wanted(answer: Callable[..., Grounding]) -> None:
    asked, uploaded = CallContext(answer), []
    measured = measure(asked, WORKLOAD, warmup=2, runs=5, upload=uploaded.append)
    assert [run.ref for run in measured] == ["c", "a", "b", "c", "a"]
    assert len(asked.questions) == len(uploaded) == 7
