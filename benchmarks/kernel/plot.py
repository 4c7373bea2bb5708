"""Plot of the kernel benchmark: how many times as long as ours does everyone else take?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.plots.style import BLUE, GREEN, GRID, RED, SOFT, VIOLET, blank, dress, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmarks.kernel.timing import Row

_STYLES = {  # contestant: label, marker, colour
    "opencv": ("OpenCV", "o", BLUE),
    "pillow": ("Pillow + numpy", "s", GREEN),
    "torch": ("torch", "D", VIOLET),
    "blob": ("blobFromImage (not antialiased)", "o", "white"),
    "kornia": ("kornia-rs (not antialiased)", "D", "white"),
    "copy": ("copy (one thread)", "|", SOFT),
}
_GOAL = 2.0


def kernel_plot(rows: Sequence[Row], path: Path) -> None:
    """A line of dots for each row, on a logarithmic axis; ours is 1."""
    figure = blank(8.4, 1.7 + 0.34 * len(rows))
    axes = figure.subplots()
    places = _places(rows)
    for y in places:
        axes.axhline(y, color=GRID, lw=1, zorder=0)
    axes.axvline(1, color=RED, lw=1.6, zorder=1)
    axes.axvline(_GOAL, color=RED, lw=1, ls=(0, (4, 4)), alpha=0.7, zorder=1)
    for name in _STYLES:
        _dots(axes, rows, places, name)
    labels = [f"{row.frame}  {row.window} → {row.size}   ours {row.ours_ms:.2f} ms" for row in rows]
    axes.set_yticks(places, labels, fontsize=9)
    axes.invert_yaxis()
    _style(axes)
    figure.legend(loc="outside upper center", ncols=6, frameon=False, fontsize=9)
    save(figure, path)


def _places(rows: Sequence[Row]) -> list[float]:
    """Heights of the rows: a gap where another frame or window begins."""
    places, y = [], 0.0
    for index, row in enumerate(rows):
        if index:
            before = rows[index - 1]
            y += 1.0 if (before.frame, before.window) == (row.frame, row.window) else 1.6
        places.append(y)
    return places


def _dots(axes: Axes, rows: Sequence[Row], places: Sequence[float], name: str) -> None:
    label, marker, color = _STYLES[name]
    times = [getattr(row, f"{name}_ms") for row in rows]
    known = [k for k, ms in enumerate(times) if ms is not None]
    if not known:
        return
    axes.scatter(
        [times[k] / rows[k].ours_ms for k in known],
        [places[k] for k in known],
        s=140 if marker == "|" else 40,
        marker=marker,
        color=color,
        edgecolors=BLUE if color == "white" else None,
        lw=2.2 if marker == "|" else 1.4,
        label=label,
        zorder=3,
    )


def _style(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("time relative to ours (left: faster than ours; dashed: the goal of 2x)")
    axes.tick_params(axis="y", length=0)
    dress(axes, grid=None)  # each row has its own line
    axes.spines["left"].set_visible(False)
