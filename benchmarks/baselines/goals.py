"""What was hoped for, beside what was measured. Nothing here passes or fails a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.baselines.baseline import PUBLISHED, PYTORCH, RESOLUTION, SLICING
from benchmarks.report.section import Goal

FASTER_THAN_PUBLISHED, FASTER_THAN_PYTORCH = 5.0, 2.0
MOST_HOST = 0.05  # of a search


def goals(rows: Sequence[Mapping[str, Any]], host: Mapping[str, float]) -> list[Goal]:
    """Each goal, for what took part. ``host``: what ``host_figures`` gave.

    A single pass at the size that the weights were trained at is no rival: it looks once where
    the search looks twice, and is a cheaper and far less exact point of its own.
    """
    speed = [
        _faster(row, FASTER_THAN_PUBLISHED, False) for row in rows if row["group"] == PUBLISHED
    ]
    speed += [_faster(row, FASTER_THAN_PYTORCH, True) for row in rows if row["group"] == PYTORCH]
    rivals = [row for row in rows if row["group"] in (SLICING, RESOLUTION)]
    return [*speed, *([_best(rivals)] if rivals else []), _lean(host)]


def dominated(row: Mapping[str, Any]) -> bool:
    """Whether ours is more exact on the same questions, and has a lower p99."""
    return bool(row["macc_ours"] > row["macc"] and row["p99_ms_ours"] < row["p99_ms"])


def _faster(row: Mapping[str, Any], factor: float, same: bool) -> Goal:
    wanted, found, holds = f"at least {factor:g}x", f"{row['ratio']:.2f}x", row["ratio"] >= factor
    if same:
        wanted += ", equal boxes"
        found += f", {100 * row['same_box']:.1f} % equal boxes"
        holds = holds and row["same_box"] == 1.0
    return Goal(f"faster than {row['name']}", wanted, found, bool(holds))


def _best(rivals: Sequence[Mapping[str, Any]]) -> Goal:
    what = "higher mAcc at lower p99 than slicing and resolution"
    others = [row["name"] for row in rivals if not dominated(row)]
    found = f"than {len(rivals) - len(others)} of {len(rivals)}"
    if others:
        found += f", not: {', '.join(others)}"
    return Goal(what, "than every setting", found, not others)


def _lean(host: Mapping[str, float]) -> Goal:
    found = (
        f"{100 * host['host_share']:.1f} %; with the crop kernel"
        f" {100 * host['outside_share']:.1f} %"
    )
    what, wanted = (
        "host time of a search, outside networks and crop",
        f"below {100 * MOST_HOST:g} %",
    )
    return Goal(what, wanted, found, host["host_share"] < MOST_HOST)
