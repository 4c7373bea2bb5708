"""Operators of the networks, from traces as ONNX Runtime writes them."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import main
from benchmarks.operators import BETWEEN, compare, operators, section
from benchmarks.report.section import printed
from evaluation.questions import Workload
from sdk.results.grounding import Grounding


def event(name: str, ts: int, dur: int, kind: str = "") -> dict[str, Any]:
    return {"name": name, "ts": ts, "dur": dur, "args": {"op_name": kind}}


def trace(*runs: int) -> list[dict[str, Any]]:
    """Runs of so many microseconds for each of three nodes, two of them Adds, and 10 beside."""
    events, now = [event("session_initialization", 0, 5000)], 5000
    for us in runs:
        kinds = (("a", "Add"), ("b", "Gemm"), ("c", "Add"))
        for place, (node, kind) in enumerate(kinds):
            events.append(event(f"{node}_kernel_time", now + place * us, us, kind))
        events.append(event("model_run", now, 3 * us + 10))
        now += 3 * us + 20
    return events


def test_times_are_those_of_one_run() -> None:
    rows = operators("ground", trace(100, 300))
    assert [(row["operator"], row["nodes"]) for row in rows] == [
        ("Add", 2),
        ("Gemm", 1),
        (BETWEEN, 0),
    ]
    assert [row["ms"] for row in rows] == pytest.approx([0.4, 0.2, 0.01])
    assert {row["network"] for row in rows} == {"ground"}


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=8))
def test_shares_add_up(runs: list[int]) -> None:
    rows = operators("ground", trace(*runs))
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert [row["ms"] for row in rows] == sorted((row["ms"] for row in rows), reverse=True)


def test_what_others_take_between_operators_does_not_count() -> None:
    """In most runs another program has the processor for a while."""
    events = trace(*[100] * 20)
    for each in [each for each in events if each["name"] == "model_run"][3:]:
        each["dur"] += 5000
    [between] = [row for row in operators("ground", events) if row["operator"] == BETWEEN]
    assert between["ms"] == pytest.approx(0.01)


def test_warm_up_does_not_count() -> None:
    assert operators("ground", trace(9999, 100), 0.5) == operators("ground", trace(100))


def test_a_network_that_never_ran() -> None:
    assert operators("text", []) == operators("text", trace()) == []


TURNS = {"stages": [{"name": "ground", "exported_ms": 9.0, "ms": 4.5, "ratio": 2.0}], "same": 1.0}


def test_rare_operators_share_a_row() -> None:
    rows = operators("ground", trace(100))
    ours = [row | {"operator": row["operator"].replace("Gemm", "Own")} for row in rows]
    figures = {"searches": 2, "warmup": 1, "rows_exported": rows, "rows": ours, **TURNS}
    told = printed(section(figures))
    assert re.search(r"ground: all +3 +0.31 +100.0 % +3 +0.31 +100.0 %", told)
    assert re.search(r"ground: Gemm +1 +0.10 +32.3 %\n", told)
    assert re.search(r"ground: Own +1 +0.10 +32.3 %\n", told)
    assert re.search(r"ground +9.00 +4.50 +2.00x", told)
    told = printed(section(figures, least=0.5))
    assert re.search(r"ground: 3 others +1 +0.11 +35.5 % +1 +0.11 +35.5 %", told)
    assert "ground: Gemm" not in told


class Slower:
    """A search of so many milliseconds, half of them in a network; text is remembered."""

    def __init__(self, answer: Callable[..., Grounding], *total_ms: float, right: bool = True):
        self._answer, self._total_ms, self._right, self.asked = answer, total_ms, right, []

    def locate(self, frame: np.ndarray, ref: str) -> Grounding:
        ms = self._total_ms[len(self.asked) % len(self._total_ms)]
        self.asked.append((int(frame[0, 0, 0]), ref))
        timing = {"total": ms, "text": 0.0, "ground": ms / 2}
        answer = self._answer(ref, [(0, 0, 10, 10 if self._right or ref == "a" else 20)])
        return dataclasses.replace(answer, timing_ms=timing)


WORKLOAD = Workload(
    tuple(np.full((2, 2, 3), k, np.uint8) for k in range(2)), ((0, "a"), (1, "b"), (0, "c"))
)


def test_with_and_without_in_turns(answer: Callable[..., Grounding]) -> None:
    exported, ours = Slower(answer, 90.0, 8.0, 8.0), Slower(answer, 70.0, 2.0, 4.0, right=False)
    figures = compare(exported, ours, WORKLOAD, warmup=1, runs=2)
    assert exported.asked == ours.asked == [(0, "a"), (1, "b"), (0, "c")]
    search, ground = figures["stages"]
    assert search == {"name": "search", "exported_ms": 8.0, "ms": 3.0, "ratio": 3.0}
    assert (ground["name"], ground["ms"]) == ("ground", 1.5)
    assert figures["same"] == 0.0
    assert compare(exported, exported, WORKLOAD, 0, 3)["same"] == 1.0


def test_the_command(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "operators.json"
    command = ["latency", "--operators", "--runs", "2", "--warmup", "1", "--engine", str(engine)]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert (figures["benchmark"], figures["searches"]) == ("latency, operators", 2)
    assert {row["network"] for row in figures["rows"]} == {"text", "image", "ground"}
    assert all(row["ms"] >= 0 for row in figures["rows"])
    assert {"search", "image", "ground"} <= {row["name"] for row in figures["stages"]}
    assert figures["same"] == 1.0
    assert "ground: all" in capsys.readouterr().out
    assert not list(Path.cwd().glob("ground_*.json"))


def test_not_with_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latency", "--operators", "--scenario", "single-stream"]) == 2
    assert "--operators or --scenario, not both" in capsys.readouterr().err
