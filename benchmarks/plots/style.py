"""How plots look, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sdk.errors import InputError
from sdk.extras import extras_named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TEXT, SOFT, MUTED, LINE, GRID = "#22303c", "#4a5160", "#8a94a6", "#c9ced6", "#eceff3"
BLUE, RED, AMBER, GREEN, VIOLET = "#30638e", "#d1495b", "#edae49", "#5d9c59", "#8e5ea2"
OCHRE = "#d98a1f"  # amber that text can be read in


def blank(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=160, layout="constrained")


def dress(axes: Axes, title: str = "", grid: Literal["both", "x", "y"] | None = "both") -> None:
    """Without a box around it, the grid behind everything, the title at the left."""
    axes.set_title(title, loc="left", fontsize=10, color=TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    if grid is not None:
        axes.grid(axis=grid, color=GRID)
    axes.set_axisbelow(True)


def check_plot(path: Path) -> None:
    """InputError when no plot could be made there, MissingRuntimeError without matplotlib."""
    if path.suffix not in (".png", ".svg"):
        raise InputError(f"expected a plot in a .png or .svg file, got {path}")
    with extras_named("benchmarks"):
        import matplotlib  # noqa: F401


def save(figure: Figure, path: Path) -> None:
    """Write a .png or .svg file and the folders on the way to it, the same for the same plot."""
    import matplotlib as mpl

    path.parent.mkdir(parents=True, exist_ok=True)
    undated: dict[str, Any] = {"metadata": {"Date": None}} if path.suffix == ".svg" else {}
    with mpl.rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        figure.savefig(path, **undated)
