"""Numbers as the report's tables show them, and plots as its sections hold them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.report.document import Picture
from benchmarks.report.svg import draw


def picture(name: str, title: str, plot: Callable[..., None], *given: Any) -> Picture:
    """The plot that ``plot(*given, path)`` makes; ``name``: of its file."""
    return Picture(name, title, draw(name, partial(plot, *given)))


def milliseconds(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def two_digits(value: float | None) -> str:
    """Two digits after the point."""
    return "–" if value is None else f"{value:.2f}"


def times(value: float | None) -> str:
    """A factor, in three digits that count."""
    return "–" if value is None else f"{value:.1f}x" if value >= 10 else f"{value:.2f}x"


def percent(value: float | None) -> str:
    """A share of 1."""
    return "–" if value is None else f"{100 * value:.1f} %"
