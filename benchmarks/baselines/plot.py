"""Exactness over the slowest answers: every setting that was tried, and who is never beaten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.baselines.baseline import OURS, RESOLUTION, SINGLE_PASS, SLICING
from benchmarks.baselines.ours import KNOWN
from benchmarks.plots.style import BLUE, LINE, OCHRE, RED, SOFT, blank, dress, save

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Series:
    title: str
    groups: tuple[str, ...]
    color: str
    marker: str
    joined: bool  # by a line, in the order of the pixels that are looked at


_SERIES = (
    _Series("ours", (OURS,), RED, "o", False),
    _Series("slicing", (SLICING,), BLUE, "s", True),
    _Series("single pass, larger and larger", (SINGLE_PASS, RESOLUTION), OCHRE, "D", True),
)
_PLACES = ((7, 3, "left"), (7, -10, "left"), (-7, 3, "right"), (-7, -10, "right"), (7, 12, "left"))


def pareto_plot(rows: Sequence[Row], path: Path) -> None:
    """mAcc (with its standard error) over p99, logarithmic; a band through those whom nobody beats
    in both; hollow where the weights are not those of the first row.

    Slicing, single passes and ours. PyTorch's peers look where ours does, and are asked too little
    for their mAcc to stand beside the others'; the one that knows its expression beforehand is ours
    again.
    """
    groups = {group for series in _SERIES for group in series.groups}
    shown = [row for row in rows if row["group"] in groups and row["name"] != KNOWN]
    figure = blank(8.4, 5.2)
    axes = figure.subplots()
    _band(axes, front(shown))
    points: list[tuple[Row, str]] = []
    for series in _SERIES:
        some = [row for row in shown if row["group"] in series.groups]
        for weights in dict.fromkeys(row["weights"] for row in some):
            of_weights = [row for row in some if row["weights"] == weights]
            _draw(axes, of_weights, series, hollow=weights != rows[0]["weights"])
        points += [(row, series.color) for row in some]
        if some:
            line = "-" if series.joined else "none"
            axes.plot([], [], ls=line, c=series.color, marker=series.marker, label=series.title)
    if any(row["weights"] != rows[0]["weights"] for row in shown):
        axes.plot([], [], ls="none", c=SOFT, marker="o", mfc="white", label="hollow: other weights")
    _dress(axes)
    figure.legend(frameon=False, fontsize=8.5, loc="outside upper center", ncols=3)
    _label(figure, axes, points)
    save(figure, path)


def front(rows: Sequence[Row]) -> list[Row]:
    """The rows that no other beats in both p99 and mAcc, fastest first."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda each: (each["p99_ms"], -each["macc"])):
        if not kept or row["macc"] > kept[-1]["macc"]:
            kept.append(row)
    return kept


def label(row: Row) -> str:
    """What stands beside a point: its name without what the legend says already."""
    name = str(row["name"])
    for known in ("ours, ", "single pass, ", " tiles", ", single-pass weights"):
        name = name.replace(known, "")
    return name


def _band(axes: Any, edge: Sequence[Row]) -> None:
    axes.plot(
        [row["p99_ms"] for row in edge],
        [100 * row["macc"] for row in edge],
        drawstyle="steps-post",
        color=LINE,
        lw=6,
        alpha=0.6,
        solid_capstyle="round",
        zorder=1,
        label="nobody is faster and more exact",
    )


def _draw(axes: Any, rows: Sequence[Row], series: _Series, hollow: bool) -> None:
    ordered = sorted(rows, key=lambda row: row["mpx"] if series.joined else row["p99_ms"])
    at = [row["p99_ms"] for row in ordered], [100 * row["macc"] for row in ordered]
    if series.joined:
        axes.plot(*at, color=series.color, lw=1, alpha=0.5, zorder=2)
    axes.errorbar(
        *at,
        [100 * row["macc_se"] for row in ordered],
        ls="",
        marker=series.marker,
        ms=6,
        color=series.color,
        mfc="white" if hollow else series.color,
        elinewidth=1,
        zorder=3,
    )


def _dress(axes: Any) -> None:
    from matplotlib.ticker import LogLocator

    axes.set_xscale("log")
    axes.set_xlabel("p99 of a search in ms (logarithmic)")
    axes.set_ylabel("mAcc in %")
    axes.margins(x=0.12, y=0.1)
    axes.set_ylim(bottom=-3)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}")
    axes.tick_params(which="both", labelsize=9)
    dress(axes, grid="y")


def _label(figure: Any, axes: Any, points: Sequence[tuple[Row, str]]) -> None:
    """Beside each point where no other label and no other point is, if there is such a place."""
    figure.draw_without_rendering()
    at = [(row["p99_ms"], 100 * row["macc"]) for row, _ in points]
    dots = [tuple(axes.transData.transform(each)) for each in at]
    taken: list[Any] = []
    inside = axes.get_window_extent()
    for (row, color), place, own in zip(points, at, dots, strict=True):
        for dx, dy, side in _PLACES:
            text = axes.annotate(
                label(row),
                place,
                xytext=(dx, dy),
                textcoords="offset points",
                ha=side,
                fontsize=7.5,
                color=color,
            )
            box = text.get_window_extent()
            free = not any(box.overlaps(each) for each in taken) and box.x1 <= inside.x1
            if free and not any(box.padded(5).contains(*dot) for dot in dots if dot != own):
                break
            if (dx, dy, side) != _PLACES[-1]:
                text.remove()
        taken.append(box)
