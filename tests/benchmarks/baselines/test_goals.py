"""What was hoped for, held against rows."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.baselines.goals import dominated, goals

LEAN = {"host_share": 0.03, "crop_share": 0.01, "outside_share": 0.04}


def row(name: str, group: str, **changes: Any) -> dict[str, Any]:
    values = {"ratio": 6.0, "same_box": 1.0, "macc": 0.5, "macc_ours": 0.7}
    return {"name": name, "group": group, **values, "p99_ms": 90.0, "p99_ms_ours": 50.0, **changes}


@pytest.mark.parametrize(
    ("peer", "holds"),
    [
        (row("loop", "published", ratio=5.0), True),
        (row("loop", "published", ratio=4.99, same_box=0.0), False),
        (row("loop", "published", ratio=5.1, same_box=0.0), True),  # its boxes may be others
        (row("eager", "pytorch", ratio=2.0), True),
        (row("eager", "pytorch", ratio=1.9), False),
        (row("eager", "pytorch", ratio=9.0, same_box=0.99), False),
    ],
)
def test_speed(peer: dict[str, Any], holds: bool) -> None:
    speed, _ = goals([row("ours", "ours"), peer], LEAN)
    assert speed.holds is holds
    assert peer["name"] in speed.what
    assert f"{peer['ratio']:.2f}x" in speed.found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"macc": 0.7}, False),  # as exact is not more exact
        ({"p99_ms": 50.0}, False),
        ({"p99_ms": 20.0, "macc": 0.1}, False),
    ],
)
def test_a_setting_is_dominated(changes: dict[str, Any], expected: bool) -> None:
    assert dominated(row("2x2 tiles", "slicing", **changes)) is expected


def test_every_slicing_and_resolution_setting_counts_but_no_usual_pass() -> None:
    rows = [
        row("2x2 tiles", "slicing"),
        row("6x4 tiles", "slicing", macc=0.8),
        row("single pass, 960x544", "resolution"),
        row("single pass, 640x352", "single pass", p99_ms=20.0),
    ]
    best, _ = goals(rows, LEAN)
    assert not best.holds
    assert best.found == "than 2 of 3, not: 6x4 tiles"
    assert goals(rows[::2], LEAN)[0].holds


def test_host_time() -> None:
    assert goals([], LEAN)[0].holds
    [lean] = goals([], LEAN | {"host_share": 0.051, "outside_share": 0.061})
    assert not lean.holds
    assert lean.found == "5.1 %; with the crop kernel 6.1 %"
