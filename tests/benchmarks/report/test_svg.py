"""Plots as elements of a page."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.report.svg import COLORS, color_rules, draw, standalone


def plot(path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([0, 1], [1, 0], color="#d1495b", marker="o")
    axes.set_title("a < b & c")
    axes.fill_between([0, 1], [0, 0], [1, 1], color="#30638e", alpha=0.2)
    figure.savefig(path)


def test_element() -> None:
    svg = draw("two words", plot)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == "two words"
    assert root.get("width") is None
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b & c" in texts
    assert "matplotlib" not in svg


def test_every_colour_has_a_name() -> None:
    svg = draw("a", plot)
    assert {"var(--red)", "var(--blue)", "var(--ink)", "var(--paper)"} <= set(
        re.findall(r"var\(--\w+\)", svg)
    )
    assert not re.findall(r"(?:fill|stroke): #\w+", svg)
    assert all("fill: " in style for style in re.findall(r'<text style="([^"]*)"', svg))


def test_plots_of_one_page_do_not_meet() -> None:
    first, second = draw("a", plot), draw("b", plot)
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg, known in zip((first, second), ids, strict=True):
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= known
        assert set(re.findall(r'href="#([^"]+)"', svg)) <= known


def test_the_same_plot_is_the_same_text() -> None:
    assert draw("a", plot) == draw("a", plot)


def test_a_file_of_its_own_knows_its_colours() -> None:
    root = ElementTree.fromstring(standalone(draw("a", plot)))
    style = root.find("{http://www.w3.org/2000/svg}style")
    assert style is not None
    assert style.text == color_rules()
    for name, light, dark in COLORS.values():
        assert f"--{name}:{light};" in color_rules()
        assert f"--{name}:{dark};" in color_rules()
