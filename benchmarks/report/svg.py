"""Plots as SVG whose colours have names, so that a page can show them light or dark."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.plots.style import (
    AMBER,
    BLUE,
    GREEN,
    GRID,
    LINE,
    MUTED,
    OCHRE,
    RED,
    SOFT,
    TEXT,
    VIOLET,
)

# What the plots draw with -> the name of the colour, its light and its dark form.
COLORS = {
    "#000000": ("ink", "#1b2733", "#e4e9ef"),
    TEXT: ("ink", "#1b2733", "#e4e9ef"),
    SOFT: ("soft", "#4a5160", "#aab4c2"),
    MUTED: ("muted", "#6f7a8d", "#8e9bad"),
    LINE: ("line", "#c9ced6", "#475364"),
    GRID: ("grid", "#e6eaf0", "#2a3542"),
    "#ffffff": ("paper", "#ffffff", "#161d26"),
    BLUE: ("blue", "#2b6394", "#6fb1e6"),
    RED: ("red", "#cf3f54", "#f27a8a"),
    AMBER: ("amber", "#d8921f", "#f0bb62"),
    OCHRE: ("amber", "#d8921f", "#f0bb62"),
    GREEN: ("green", "#3f8a4d", "#7cc687"),
    VIOLET: ("violet", "#8552a1", "#c79be0"),
}
_BEHIND = ("page", "#eef1f5", "#0d1218")  # what the page's sheets lie on
_SETTINGS: dict[Any, Any] = {  # of matplotlib
    "svg.fonttype": "none",  # text stays text
    "axes.edgecolor": MUTED,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.labelcolor": SOFT,
}
_REFERENCE = re.compile(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"")
_ID = re.compile(r' id="([^"]+)"')


def draw(name: str, plot: Callable[[Path], None]) -> str:
    """What ``plot`` writes to a ``.svg`` file, as an ``<svg>`` element for a page.

    Args:
        name: of the plot, told to those who cannot see it; keeps its identifiers apart from those
            of the page's other plots.
        plot: writes a plot to the path that it is given.
    """
    import matplotlib as mpl

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plot.svg"
        with mpl.rc_context({**_SETTINGS, "svg.hashsalt": name}):
            plot(path)
        text = path.read_text(encoding="utf-8")
    return _own_ids(_named_colors(_element(text, name)), name)


def standalone(svg: str) -> str:
    """The element as a file of its own, light or dark as the reader's system is."""
    return svg.replace(">", f"><style>{color_rules()}</style>", 1) + "\n"


def color_rules() -> str:
    """CSS that gives the names their colours."""
    colors = dict.fromkeys((*COLORS.values(), _BEHIND))
    light = "".join(f"--{name}:{color};" for name, color, _ in colors)
    dark = "".join(f"--{name}:{color};" for name, _, color in colors)
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _element(text: str, name: str) -> str:
    """Without prologue, metadata, comments and a size of its own."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', head)
    assert box is not None  # matplotlib always writes one
    width = round(float(box[1].split()[2]) * 4 / 3)  # points -> CSS pixels
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' viewBox="{box[1]}" role="img" aria-label="{name}" style="max-width:{width}px"'
    )
    return re.sub(r"\n\s*", "\n", f"{head}>{body}").strip()


def _named_colors(svg: str) -> str:
    """Colours become names; text, which has none where it is black, gets one as well."""
    for color, (named, _, _) in COLORS.items():
        svg = re.sub(rf"(?<=[: ]){color}\b", f"var(--{named})", svg, flags=re.IGNORECASE)
    svg = re.sub(r"font: ([^'\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1system-ui, sans-serif", svg)
    return re.sub(r'(<text style=")(?![^"]*fill:)', r"\1fill: var(--ink); ", svg)


def _own_ids(svg: str, name: str) -> str:
    """Identifiers that are referred to become the plot's own, the others go."""
    used = {first or second for first, second in _REFERENCE.findall(svg)}
    prefix = re.sub(r"\W+", "-", name)

    def kept(found: re.Match[str]) -> str:
        return f' id="{prefix}-{found[1]}"' if found[1] in used else ""

    svg = _ID.sub(kept, svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    return re.sub(r'href="#', f'href="#{prefix}-', svg)
