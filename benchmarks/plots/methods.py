"""Plots of the benchmarks' rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.plots.style import AMBER, BLUE, LINE, MUTED, RED, blank, dress, save
from sdk.errors import InputError
from sdk.extras import extras_named

if TYPE_CHECKING:
    from benchmarks.methods import Row

_PLAIN, _ZOOMING, _OTHER = MUTED, RED, BLUE


def check_plot(path: Path) -> None:
    """InputError when no plot could be made there, MissingRuntimeError without matplotlib."""
    if path.suffix not in (".png", ".svg"):
        raise InputError(f"expected a plot in a .png or .svg file, got {path}")
    with extras_named("benchmarks"):
        import matplotlib  # noqa: F401


def methods_plot(rows: Sequence[Row], path: Path) -> None:
    """mAcc over trainable parameters, each plain method joined to its zooming twin."""
    figure = blank(7.2, 4.2)
    axes = figure.subplots()
    by_name = {row.method: row for row in rows}
    least = min((row.params for row in rows if row.params), default=1)
    place = {row.method: (max(row.params, least / 2) / 1e6, 100 * row.macc) for row in rows}
    for name, (x, y) in place.items():
        twin = f"piza-{name}"
        if twin in by_name:
            axes.annotate(
                "",
                place[twin],
                (x, y),
                arrowprops={"arrowstyle": "-|>", "color": LINE, "lw": 1.5, "shrinkB": 5},
            )
    for name, (x, y) in place.items():
        zooming = name.startswith("piza-")
        paired = zooming or f"piza-{name}" in by_name
        color = _ZOOMING if zooming else _PLAIN if paired else _OTHER
        axes.scatter(x, y, s=46, color=color, zorder=3)
        right = zooming or not paired  # a plain method and the next one's label would meet
        axes.annotate(
            name,
            (x, y),
            xytext=(7 if right else -7, 5),
            textcoords="offset points",
            ha="left" if right else "right",
            fontsize=9,
            color=color,
        )
    axes.set_xscale("log")
    axes.set_xlabel("trainable parameters in millions (zero-shot: none)")
    axes.set_ylabel("mAcc in %")
    axes.set_ylim(bottom=-1.5)
    axes.margins(x=0.12, y=0.12)
    dress(axes, grid="y")
    save(figure, path)


def deadline_plot(rows: Sequence[Mapping[str, Any]], usual_ms: float, path: Path) -> None:
    """What is right, exact and kept, over the deadline; a line where a search usually ends."""
    figure = blank(7.2, 4.0)
    axes = figure.subplots()
    at = [row["deadline_ms"] for row in rows]
    curves = (
        ("kept", "deadline kept (within 10 %)", _OTHER, "--"),
        ("acc50", "right box (IoU at least 0.5)", _ZOOMING, "-"),
        ("place", "right place (the box holds the object, or is it)", AMBER, "-"),
        ("complete", "search complete", _PLAIN, ":"),
    )
    for key, label, color, style in curves:
        axes.plot(
            at, [100 * row[key] for row in rows], style, color=color, label=label, marker="o", ms=4
        )
    axes.axvline(usual_ms, color=LINE, lw=1, zorder=0)
    late = usual_ms > 0.2 * at[0] + 0.8 * at[-1]  # no room for the label right of its line
    axes.annotate(
        "a search without\na deadline (p50)",
        (usual_ms, 4),
        xytext=(-5 if late else 5, -4),
        textcoords="offset points",
        ha="right" if late else "left",
        fontsize=8,
        color=_PLAIN,
    )
    axes.set_xlabel("deadline in ms")
    axes.set_ylabel("share of the calls in %")
    axes.set_ylim(-2, 104)
    dress(axes, grid="y")
    figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    save(figure, path)
