"""What a report says, before it becomes HTML or Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.report.svg import draw


@dataclass(frozen=True)
class Table:
    """Cells of text; the first column is to the left, the others are numbers.

    ``strong``: the row that stands out, None for none. ``note``: a line below it.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    strong: int | None = None


@dataclass(frozen=True)
class Picture:
    """A plot. ``name``: of its file. ``svg``: colours by name, see ``benchmarks.report.svg``."""

    name: str
    title: str
    svg: str


@dataclass(frozen=True)
class Section:
    """One benchmark: ``text`` are paragraphs, ``command`` is what measured it."""

    name: str
    title: str
    command: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Goal:
    """What was meant to be reached, and what was. ``met`` is None where it was not measured."""

    what: str
    wanted: str
    measured: str
    met: bool | None
    benchmark: str


@dataclass(frozen=True)
class Tile:
    """One figure, large: ``value`` with its unit, ``note`` what it is of; who measured it."""

    label: str
    value: str
    note: str
    benchmark: str


@dataclass(frozen=True)
class Document:
    """The report. ``machine``: names and values. ``remarks``: what a reader must know first."""

    title: str
    date: str
    machine: tuple[tuple[str, str], ...]
    tiles: tuple[Tile, ...]
    goals: tuple[Goal, ...]
    sections: tuple[Section, ...]
    remarks: tuple[str, ...] = ()


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
