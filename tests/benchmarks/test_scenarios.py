"""The scenarios of MLPerf Automotive, on a clock that a test turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import main
from benchmarks.report.section import printed
from benchmarks.scenarios import LEAST, SCENARIOS, Query, Scenario, play, section, summarise
from evaluation.questions import Workload
from evaluation.risk import tolerated

WORKLOAD = Workload(
    tuple(np.full((2, 2, 3), k, np.uint8) for k in range(2)), ((0, "a"), (1, "b"), (0, "c"))
)
SINGLE, CONSTANT = Scenario("single-stream", 4, 0.0), Scenario("constant-stream", 4, 0.0, 10.0)


class Bench:
    """A clock, and an answerer that takes its time by it."""

    def __init__(self, *takes_s: float) -> None:
        self.time_s, self.takes_s = 100.0, takes_s
        self.asked: list[tuple[int, str]] = []

    def locate(self, frame: np.ndarray, ref: str) -> None:
        self.time_s += self.takes_s[len(self.asked) % len(self.takes_s)]
        self.asked.append((int(frame[0, 0, 0]), ref))

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time_s += seconds

    def play(self, scenario: Scenario, warmup: int = 0) -> list[Query]:
        return list(play(self, WORKLOAD, scenario, warmup, lambda: self.time_s, self.sleep))


def latencies(queries: list[Query]) -> list[float]:
    return [round(each.latency_ms, 6) for each in queries]


def test_a_single_stream_asks_when_it_was_answered() -> None:
    bench = Bench(0.5, 0.25)
    queries = bench.play(SINGLE)
    assert latencies(queries) == [500, 250, 500, 250]
    assert [each.due_s for each in queries] == [0, 0.5, 0.75, 1.25]
    assert bench.asked == [(0, "a"), (1, "b"), (0, "c"), (0, "a")]


def test_a_constant_stream_does_not_wait() -> None:
    """The second takes longer than it is to the third and the fourth, which have to wait."""
    queries = Bench(0.05, 0.25, 0.05, 0.05).play(CONSTANT)
    assert [round(each.due_s, 6) for each in queries] == [0, 0.1, 0.2, 0.3]
    assert [round(each.begin_s, 6) for each in queries] == [0, 0.1, 0.35, 0.4]
    assert latencies(queries) == [50, 250, 200, 150]
    waited = summarise(queries, CONSTANT)["waited"]
    assert waited == {"share": 0.5, "max_ms": pytest.approx(150)}


def test_warm_up_does_not_count() -> None:
    bench = Bench(9.0, 9.0, 0.5)
    assert latencies(bench.play(Scenario("single-stream", 1, 0.0), warmup=2)) == [500]
    assert [ref for _, ref in bench.asked] == ["a", "b", "c"]


@pytest.mark.parametrize(("queries", "duration_s", "expected"), [(3, 0.0, 3), (3, 2.0, 5)])
def test_it_lasts_as_long_as_both_minima(queries: int, duration_s: float, expected: int) -> None:
    played = Bench(0.5).play(Scenario("single-stream", queries, duration_s))
    assert len(played) == expected
    assert played[-1].due_s >= duration_s


def test_the_least_count_is_that_of_early_stopping() -> None:
    """6,636 is where one of them may be slower and the bound still holds (LoadGen's own number)."""
    assert SCENARIOS["single-stream"].queries == LEAST
    assert [tolerated(n, 0.001, 0.99) for n in (LEAST - 1, LEAST)] == [0, 1]


def queries_of(times_ms: np.ndarray) -> list[Query]:
    return [Query(k / 15, k / 15, k / 15 + ms / 1e3) for k, ms in enumerate(times_ms.tolist())]


def test_the_tail() -> None:
    queries = queries_of(np.random.default_rng(0).permutation(np.arange(10_000)))
    figures = summarise(queries, SCENARIOS["single-stream"])
    assert figures["p999_ms"] == pytest.approx(9990)  # LoadGen's rank: sorted[int(0.999 n)]
    discarded = tolerated(10_000, 0.001, 0.99)
    assert figures["bound_ms"] == pytest.approx(10_000 - discarded)
    assert figures["valid"]  # 10,000 queries, 667 s
    assert "deadline" not in figures
    assert "p99.9, bound" in printed(section(figures))
    assert "p999_ms" not in summarise(queries[: LEAST - 1], SCENARIOS["single-stream"])


@given(st.lists(st.floats(0.001, 1e4), min_size=1, max_size=50), st.floats(0.01, 1e4))
def test_misses_are_those_above_the_deadline(times_ms: list[float], deadline_ms: float) -> None:
    queries = [Query(0.0, 0.0, each / 1e3) for each in times_ms]
    deadline = summarise(queries, SINGLE, deadline_ms)["deadline"]
    assert deadline["missed"] == sum(each.latency_ms > deadline_ms for each in queries)
    assert deadline["holds"] is None  # too few to say


@pytest.mark.parametrize(("slow", "holds"), [(1, True), (2, False)])
def test_a_constant_stream_may_miss_as_few_as_the_bound_lets(slow: int, holds: bool) -> None:
    times_ms = np.full(LEAST, 10.0)
    times_ms[:slow] = 67.0  # a little longer than a fifteenth of a second
    figures = summarise(queries_of(times_ms), SCENARIOS["constant-stream"])
    deadline = figures["deadline"]
    assert (deadline["missed"], deadline["holds"]) == (slow, holds)
    assert deadline["deadline_ms"] == pytest.approx(1000 / 15)
    assert not figures["valid"]  # of 100,000
    text = printed(section(figures))
    assert "this run is too short for them" in text
    assert ("few enough" if holds else "too many") in text


def test_options_that_contradict_each_other(capsys) -> None:
    assert main(["latency", "--rate-hz", "10"]) == 2
    assert main(["latency", "--scenario", "single-stream", "--rate-hz", "10"]) == 2
    assert "expected --rate-hz with --scenario constant-stream" in capsys.readouterr().err
