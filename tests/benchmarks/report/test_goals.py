"""Goals beside figures."""

from __future__ import annotations

from typing import Any

import pytest

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
        "host time outside crop and networks, of a search": ("20.0 %", False),
        "wheel without assets": ("0.40 MB", True),
        "faster than the published loop": ("6.0x", True),
        "faster than PyTorch": ("1.5x", False),  # the fastest of them counts
        "higher mAcc at lower p99 than slicing and resolution": ("than 2 of 2", True),
    }


@pytest.mark.parametrize("change", [{"macc": 0.7}, {"p99_ms": 50.0}])
def test_as_good_is_not_better(made: dict[str, Any], change: dict[str, float]) -> None:
    made["peers"]["rows"][-1].update(change)
    said = verdicts(made)["higher mAcc at lower p99 than slicing and resolution"]
    assert said == ("than 1 of 2", False)


def test_peers_without_ours_or_others(made: dict[str, Any]) -> None:
    made["peers"]["rows"] = made["peers"]["rows"][1:2]
    said = verdicts(made)
    assert said["faster than the published loop"][1] is True
    assert said["faster than PyTorch"] == ("not measured", None)
    assert said["higher mAcc at lower p99 than slicing and resolution"][1] is None
