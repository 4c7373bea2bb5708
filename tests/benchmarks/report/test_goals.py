"""Goals beside figures."""

from __future__ import annotations

from typing import Any

from benchmarks.report.document import document
from benchmarks.report.folder import Record
from benchmarks.report.section import below


def verdicts(measured: dict[str, Any], wheel_mb: float | None = None) -> dict[str, Any]:
    report = document(measured, Record(wheel_mb=wheel_mb))
    return {goal.what: (goal.found, goal.holds) for goal in report.goals}


def test_nothing_measured(made: dict[str, Any]) -> None:
    made["latency"]["cold_start"] = None
    said = verdicts({"latency": made["latency"]})
    assert len(said) == 3
    assert set(said.values()) == {("not measured", None)}


def test_everything_measured(made: dict[str, Any]) -> None:
    said = verdicts(made, 0.4)
    assert said == {
        "engine load to first answer": ("0.29 s", True),
        "most memory of a running Grounder": ("330 MB", True),
        "wheel without assets": ("0.40 MB", True),
        "faster than loop": ("6.00x", True),  # as the peers' own command says
        "of a search outside the networks": ("9.0 %", False),
        "zoom of a detector against its tiles": ("2.46x", True),
        "targets that the zoom does not propose and tiles do": ("0.0 points", True),
        "novel AP of both over fine-tuning, 10 shots": ("+20.0 ± 0.0", True),
        "base AP of both over fine-tuning, 10 shots": ("+20.0 points", True),
        "frames of 9 in which the engine detects what PyTorch detects": ("100.0 %", True),
    }


def test_a_limit_is_not_below_itself() -> None:
    assert below("size", 5.0, 5.0, "MB").holds is False
    assert below("size", 4.999, 5.0, "MB").wanted == "below 5 MB"


def test_peers_of_a_run_without_goals(made: dict[str, Any]) -> None:
    made["peers"]["goals"] = []
    assert "faster than loop" not in verdicts(made)
