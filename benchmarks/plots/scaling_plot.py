"""Plot of what grows with what: a panel for each axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.plots.style import BLUE, MUTED, blank, dress, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLES = {
    "refs": ("Expressions in one call", "expressions"),
    "frame": ("Frame size, one expression", "megapixels"),
    "threads": ("CPU threads", "threads"),
    "batch": ("Windows at once, one round", "windows"),
    "steps": ("Zoom steps", "steps taken"),
}
_LOGARITHMIC = ("refs", "frame", "batch")
_SHARED = {"refs": "an expression", "batch": "a window"}  # what shares the time of a call


def scaling_plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Milliseconds of a call over each axis of the rows (see ``benchmarks.scaling.measure``):
    median, and a band from the 10th to the 90th percentile, shared by expressions or windows."""
    axes_names = list(dict.fromkeys(row["axis"] for row in rows))
    down = -(-len(axes_names) // 2)
    figure = blank(9.0, 0.4 + 2.9 * down)
    panels = list(figure.subplots(down, min(2, len(axes_names)), squeeze=False).flat)
    for panel in panels[len(axes_names) :]:
        panel.remove()
    for axis, panel in zip(axes_names, panels, strict=False):
        _panel(panel, axis, [row for row in rows if row["axis"] == axis])
    save(figure, path)


def _panel(axes: Axes, axis: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.ticker import NullFormatter, NullLocator

    title, unit = _TITLES[axis]
    at = [row["at"] for row in rows]
    low, mid, high = (
        [row[key] / (row["at"] if axis in _SHARED else 1) for row in rows]
        for key in ("p10_ms", "p50_ms", "p90_ms")
    )
    axes.fill_between(at, low, high, color=BLUE, alpha=0.16, lw=0)
    axes.plot(at, mid, color=BLUE, marker="o", ms=4, lw=1.8)
    if axis in _SHARED:
        axes.axhline(mid[0], color=MUTED, lw=1.2, ls=(0, (4, 4)))
        axes.annotate(
            "a call for each",
            (at[-1], mid[0]),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=MUTED,
        )
    if axis in _LOGARITHMIC:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(0, 1.08 * max(high))
    labels = [
        f"{row['label']}\n{row['at']:.1f}" if axis == "frame" else row["label"] for row in rows
    ]
    axes.set_xticks(at, labels, fontsize=8)
    axes.set_xlabel(unit, fontsize=9)
    axes.set_ylabel(f"ms {_SHARED.get(axis, 'a call')}", fontsize=9)
    axes.tick_params(axis="y", labelsize=8)
    dress(axes, title, grid="y")
