"""Latency as MLPerf Automotive measures it: two scenarios, how long each has to last, and the tail
that counts.

The rules' figures are those of MLCommons' suite, version 0.5 (github.com/mlcommons/
mlperf_automotive; arXiv 2510.27065): ``loadgen/mlperf.conf`` has the 99.9th percentile, 6,636
queries of a single stream, ten minutes of either, 12 or 15 queries a second of a constant stream;
pull request 73 its 100,000 queries; issue 67 that a query of it may take as long as it is to the
next. ``loadgen/results.cc`` has the ranks and the early stopping estimate that are told here.

A run of ours is no submission: the questions are our own, and LoadGen does not ask them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.asking import percentiles
from benchmarks.report.section import Figures, Section, Table, milliseconds
from evaluation.risk import tolerated

if TYPE_CHECKING:
    from benchmarks.commands.latency import SingleLocator
    from evaluation.questions import Workload

PERCENTILE, CONFIDENCE = 0.999, 0.99
LEAST = 6_636  # queries before a bound of that percentile can be told with that confidence
_LATE_S = 1e-3  # a query that begins so much after its time has waited for another


@dataclass(frozen=True)
class Scenario:
    """How queries come, and what a run of it has to have.

    Attributes:
        name: as the command calls it.
        queries: at least so many.
        duration_s: the last of them comes at least so long after the first.
        rate_hz: of a camera that does not wait; None: the next comes when the last is answered.
    """

    name: str
    queries: int
    duration_s: float
    rate_hz: float | None = None


SCENARIOS = {
    each.name: each
    for each in (
        Scenario("single-stream", LEAST, 600.0),
        Scenario("constant-stream", 100_000, 600.0, 15.0),
    )
}


@dataclass(frozen=True)
class Query:
    """One query, in seconds since the first was due: when it came, was begun and was answered."""

    due_s: float
    begin_s: float
    end_s: float
    ref: str = ""

    @property
    def latency_ms(self) -> float:
        """From when it came, be it that it had to wait."""
        return (self.end_s - self.due_s) * 1e3


def play(
    locator: SingleLocator,
    workload: Workload,
    scenario: Scenario,
    warmup: int = 0,
    now: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Query]:
    """Asks as the scenario says, until it has what it wants.

    Frames are in memory and decoded, as samples are for LoadGen. A constant stream goes on coming
    while one is answered; what has come waits for its turn, and that time is part of its latency.

    Args:
        locator: who answers.
        workload: what is asked, from the beginning again when it ends.
        scenario: how.
        warmup: questions before those that count.
        now: a clock, in seconds.
        sleep: waits so many seconds of that clock.
    """

    def ask(number: int) -> str:
        picture, ref = workload.questions[number % len(workload.questions)]
        locator.locate(workload.frames[picture], ref)
        return ref

    for number in range(warmup):
        ask(number)
    start_s, count, due_s = now(), 0, 0.0
    while count < scenario.queries or due_s < scenario.duration_s:
        due_s = now() - start_s if scenario.rate_hz is None else count / scenario.rate_hz
        if (left_s := start_s + due_s - now()) > 0:
            sleep(left_s)
        begin_s = now() - start_s
        ref = ask(warmup + count)
        yield Query(due_s, begin_s, now() - start_s, ref)
        count += 1


def summarise(
    queries: Sequence[Query], scenario: Scenario, deadline_ms: float | None = None
) -> dict[str, Any]:
    """Percentiles of the latency, whether the run was long enough, deadlines, and raw samples.

    ``p999_ms`` is there from 6,636 queries on, by LoadGen's rank (no mean of two); so is
    ``bound_ms``, which the true percentile stays below with a confidence of 99 %: LoadGen's early
    stopping estimate. ``deadline`` counts queries that took longer than ``deadline_ms``, by default
    a constant stream's time to the next query.

    Args:
        queries: in their order.
        scenario: as it was played, which may be shorter than the rules' of that name.
        deadline_ms: what a query may take.
    """
    latencies = sorted(query.latency_ms for query in queries)
    count, last_s = len(queries), queries[-1].due_s
    rules = SCENARIOS[scenario.name]
    figures: dict[str, Any] = {
        "scenario": scenario.name,
        "n": count,
        "duration_s": last_s,
        "rate_hz": scenario.rate_hz,
        "rules": {"queries": rules.queries, "duration_s": rules.duration_s},
        "valid": count >= rules.queries and last_s >= rules.duration_s,
        **percentiles(latencies),
    }
    figures.pop("p999_ms", None)
    allowed = tolerated(count, 1 - PERCENTILE, CONFIDENCE) if count >= LEAST else 0
    if allowed:
        figures["p999_ms"] = latencies[int(count * PERCENTILE)]
        figures["bound_ms"] = latencies[count - allowed]
    if deadline_ms is None and scenario.rate_hz is not None:
        deadline_ms = 1e3 / scenario.rate_hz
    if deadline_ms is not None:
        missed = sum(each > deadline_ms for each in latencies)
        figures["deadline"] = {
            "deadline_ms": deadline_ms,
            "missed": missed,
            "share": missed / count,
            "holds": missed <= allowed if allowed else None,
        }
    if scenario.rate_hz is not None:
        waits = [query.begin_s - query.due_s for query in queries]
        figures["waited"] = {
            "share": sum(each > _LATE_S for each in waits) / count,
            "max_ms": max(waits) * 1e3,
        }
    figures["samples"] = {
        "question": [query.ref for query in queries],
        "due_s": [round(query.due_s, 6) for query in queries],
        "latency_ms": [round(query.latency_ms, 4) for query in queries],
    }
    return figures


def section(figures: Figures) -> Section:
    """What a run of a scenario says."""
    titles = {"p50_ms": "p50", "p90_ms": "p90", "p99_ms": "p99", "p999_ms": "p99.9"}
    titles |= {"bound_ms": "p99.9, bound", "mean_ms": "mean", "max_ms": "max"}
    shown = {key: title for key, title in titles.items() if key in figures}
    row = ("latency", *(milliseconds(figures[key]) for key in shown))
    return Section(
        f"Latency, {figures['scenario'].replace('-', ' ')} after MLPerf Automotive",
        tuple(_told(figures)),
        (Table(("milliseconds", *shown.values()), (row,), strong=0),),
    )


def _told(figures: Figures) -> Iterator[str]:
    rules = figures["rules"]
    rate = (
        "one after the other" if figures["rate_hz"] is None else f"{figures['rate_hz']:g} a second"
    )
    yield (
        f"{figures['n']} queries, {rate}, over {figures['duration_s']:.1f} s. The rules ask for"
        f" {rules['queries']:,} and {rules['duration_s']:g} s:"
        f" {'this run has them' if figures['valid'] else 'this run is too short for them'}."
    )
    if "bound_ms" in figures:
        yield (
            "With a confidence of 99 % the 99.9th percentile is below the bound (LoadGen's early"
            " stopping estimate)."
        )
    else:
        yield f"p99.9 is not told: it takes {LEAST:,} queries."
    if "deadline" in figures:
        deadline = figures["deadline"]
        verdict = {
            None: "",
            True: "; few enough to keep it in 99.9 % with a confidence of 99 %",
            False: "; too many to keep it in 99.9 % with a confidence of 99 %",
        }[deadline["holds"]]
        yield (
            f"{deadline['missed']} of {figures['n']} ({100 * deadline['share']:.2f} %) took longer"
            f" than {deadline['deadline_ms']:.1f} ms, a deadline that they were not told{verdict}."
        )
    if "waited" in figures:
        waited = figures["waited"]
        yield (
            f"{100 * waited['share']:.1f} % began more than 1 ms late, behind an earlier one or the"
            f" clock; the longest wait was {milliseconds(waited['max_ms'])} ms."
        )
