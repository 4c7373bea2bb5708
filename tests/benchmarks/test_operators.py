"""Operators of the networks, from traces as ONNX Runtime writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import main
from benchmarks.operators import BETWEEN, operators, section
from benchmarks.report.section import printed


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


def test_warm_up_does_not_count() -> None:
    assert operators("ground", trace(9999, 100), 0.5) == operators("ground", trace(100))


def test_a_network_that_never_ran() -> None:
    assert operators("text", []) == operators("text", trace()) == []


def test_rare_operators_share_a_row() -> None:
    figures = {"searches": 2, "warmup": 1, "rows": operators("ground", trace(100))}
    told = printed(section(figures, least=0.5))
    assert "ground: 1 others" in told
    assert "ground: Gemm" not in told
    assert "ground: Gemm" in printed(section(figures))


def test_the_command(engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "operators.json"
    command = ["latency", "--operators", "--runs", "2", "--warmup", "1", "--engine", str(engine)]
    assert main([*command, "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    assert (figures["benchmark"], figures["searches"]) == ("latency, operators", 2)
    assert {row["network"] for row in figures["rows"]} == {"text", "image", "ground"}
    assert all(row["ms"] >= 0 for row in figures["rows"])
    assert "ground: all" in capsys.readouterr().out
    assert not list(Path.cwd().glob("ground_*.json"))


def test_not_with_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["latency", "--operators", "--scenario", "single-stream"]) == 2
    assert "--operators or --scenario, not both" in capsys.readouterr().err
