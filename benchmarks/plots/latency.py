"""Plots of the report: latency as a distribution, over time, by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.plots.style import BLUE, MUTED, RED, TEXT, blank, dress, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CURVE_POINTS, _TAIL_POINTS = 400, 200  # of a distribution: evenly, and all of its end


def distribution_plot(figures: Mapping[str, Any], path: Path) -> None:
    """How many searches took at most so long; and, on a logarithmic axis, how many longer.

    Args:
        figures: what ``python -m benchmarks latency`` wrote.
        path: .png or .svg.
    """
    samples = figures["samples"]
    search = np.sort(samples["search_ms"])
    whole = np.sort(np.add(samples["search_ms"], samples["decode_ms"]))
    figure = blank(9.4, 3.8)
    left, right = figure.subplots(1, 2)
    for values, color, label in ((whole, MUTED, "JPEG to answer"), (search, BLUE, "search")):
        some = _some(len(values))
        left.plot(values[some], 100 * (some + 1) / len(values), color=color, lw=1.8, label=label)
        longer = 100 * (1 - some / len(values))
        right.plot(values[some], longer, color=color, lw=1.8, drawstyle="steps-pre")
    for key, name in (
        ("p50_ms", "p50"),
        ("p90_ms", "p90"),
        ("p99_ms", "p99"),
        ("p999_ms", "p99.9"),
    ):
        if key in figures:
            y = float(name[1:])
            left.plot([figures[key]], [y], "o", color=BLUE, ms=4.5)
            right.plot([figures[key]], [100 - y], "o", color=BLUE, ms=4.5)
            right.annotate(
                f"{name}  {figures[key]:.0f} ms",
                (figures[key], 100 - y),
                xytext=(8, 3),
                textcoords="offset points",
                fontsize=8.5,
                color=TEXT,
            )
    for axes in (left, right):
        _deadline(axes, figures, across=False)
        axes.set_xlabel("ms")
    left.set_xlim(0.94 * search[0], 1.05 * float(np.percentile(whole, 99.5)))
    left.set_ylim(0, 101)
    left.set_ylabel("took at most so long, in %")
    left.legend(frameon=False, fontsize=9, loc="center right")
    _logarithmic(right)
    right.set_yscale("log")
    right.set_ylim(100 / len(search) * 0.8, 105)
    right.yaxis.set_major_formatter("{x:g}")
    right.set_ylabel("took so long or longer, in %")
    right.margins(x=0.12)
    dress(left, "Distribution")
    dress(right, "The slow end")
    save(figure, path)


def over_time_plot(figures: Mapping[str, Any], path: Path) -> None:
    """Every search when it was made, and a running median: drifts and slow moments show."""
    at = np.asarray(figures["samples"]["at_s"])
    search = np.asarray(figures["samples"]["search_ms"])
    figure = blank(9.4, 2.9)
    axes = figure.subplots()
    size = 10 if len(search) <= 500 else 4
    axes.scatter(at, search, s=size, color=MUTED, alpha=0.5, lw=0, rasterized=len(search) > 500)
    window = max(5, len(search) // 50)
    if len(search) >= 2 * window:
        middle, running = _running_median(at, search, window)
        axes.plot(middle, running, color=BLUE, lw=1.8, label=f"median of {window}")
        axes.legend(frameon=False, fontsize=9, loc="upper right")
    _deadline(axes, figures, across=True)
    top = 1.25 * max(float(np.percentile(search, 99.5)), _deadline_ms(figures) or 0.0)
    axes.set_ylim(0, top)
    beyond = search > top
    if beyond.any():
        edge = np.full(beyond.sum(), 0.975 * top)
        axes.scatter(at[beyond], edge, marker="^", s=22, color=RED)
        above = f"{beyond.sum()} above, up to {search.max():.0f} ms"
        axes.set_title(above, loc="right", fontsize=9, color=RED)
    axes.margins(x=0.01)
    axes.set_xlabel("seconds since the first search that counts")
    axes.set_ylabel("ms")
    dress(axes, "Over time")
    save(figure, path)


def stages_plot(figures: Mapping[str, Any], stages: Sequence[str], path: Path) -> None:
    """The median of each stage as a bar, a tick at its p99, its share of a search's mean."""
    by_name = {row["name"]: row for row in figures["rows"]}
    rows = [by_name[name] for name in ("decode", "upload", *stages)]
    figure = blank(9.4, 0.7 + 0.36 * len(rows))
    axes = figure.subplots()
    most = max(row["p99_ms"] for row in rows)
    for y, row in enumerate(rows):
        inside = row["name"] in stages
        axes.barh(y, row["p50_ms"], height=0.62, color=BLUE if inside else MUTED)
        axes.plot([row["p99_ms"]] * 2, [y - 0.31, y + 0.31], color=RED, lw=1.6)
        share = (
            f"  ·  {100 * row['mean_ms'] / by_name['search']['mean_ms']:.1f} %" if inside else ""
        )
        axes.annotate(
            f"p50 {row['p50_ms']:.2f} ms{share}",
            (max(row["p50_ms"], row["p99_ms"]), y),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=TEXT,
        )
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.24 * most)
    axes.set_xlabel("ms (bar: p50, line: p99, share of a search's mean)")
    axes.tick_params(axis="y", length=0)
    dress(axes, "Where the time goes", grid="x")
    save(figure, path)


def _logarithmic(axes: Axes) -> None:
    """The x axis, with plain numbers: 1, 2 and 5 of each decade, of many decades only 1."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.dataLim.intervalx
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 60 * low else (1,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _some(count: int) -> NDArray[np.intp]:
    """Indices that draw a sorted series: a few hundred evenly, and everything at its end."""
    even = np.linspace(0, count - 1, min(count, _CURVE_POINTS)).round().astype(np.intp)
    return np.union1d(even, np.arange(max(0, count - _TAIL_POINTS), count))


def _running_median(
    at: NDArray[np.float64], values: NDArray[np.float64], window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stretches = np.lib.stride_tricks.sliding_window_view(values, window)
    times = np.lib.stride_tricks.sliding_window_view(at, window)
    every = max(1, len(stretches) // _CURVE_POINTS)
    return times[::every, window // 2], np.median(stretches[::every], axis=1)


def _deadline(axes: Axes, figures: Mapping[str, Any], across: bool) -> None:
    """The deadline as a line, where there is one."""
    ms = _deadline_ms(figures)
    if ms is None:
        return
    line = axes.axhline if across else axes.axvline
    line(ms, color=RED, lw=1.2, ls=(0, (4, 3)), zorder=1)
    axes.annotate(
        f"deadline {ms:g} ms",
        (0.005, ms) if across else (ms, 0.03),
        xycoords=axes.get_yaxis_transform() if across else axes.get_xaxis_transform(),
        xytext=(0, 3) if across else (3, 0),
        textcoords="offset points",
        fontsize=8.5,
        color=RED,
    )


def _deadline_ms(figures: Mapping[str, Any]) -> float | None:
    return figures["deadline"]["deadline_ms"] if "deadline" in figures else None
