"""Goals beside figures."""

from __future__ import annotations

from typing import Any

from benchmarks.report.goals import goals


def verdicts(measured: dict[str, Any], wheel_mb: float | None = None) -> dict[str, Any]:
    return {goal.what: (goal.measured, goal.met) for goal in goals(measured, wheel_mb)}


def test_nothing_measured() -> None:
    assert {met for _, met in verdicts({}).values()} == {None}


def test_everything_measured(made: dict[str, Any]) -> None:
    said = verdicts(made, 0.4)
    assert said == {
        "engine load to first answer": ("0.29 s", True),
        "most memory of a running Grounder": ("330 MB", True),
        "wheel without assets": ("0.40 MB", True),
        "faster than loop": ("6.00x", True),  # as the peers' own command says
        "of a search outside the networks": ("9.0 %", False),
    }


def test_peers_of_a_run_without_goals(made: dict[str, Any]) -> None:
    made["peers"]["goals"] = []
    assert "faster than loop" not in verdicts(made)
