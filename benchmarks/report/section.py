"""What a benchmark says in the report, before it becomes Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.tables import table

Figures = Mapping[str, Any]  # the JSON of a benchmark
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Part:
    """How a benchmark is run for the report.

    Attributes:
        arguments: of the measurement of record.
        quick: of a smoke run.
        engine: it takes ``--engine``, ``--threads`` and ``--allow-unproven``.
        asked_for: it is run only where more arguments are given for it.
    """

    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    engine: bool = True
    asked_for: bool = False


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
    """A plot. ``name``: of its file. ``draw``: writes it to a path."""

    name: str
    title: str
    draw: Callable[[Path], None]


@dataclass(frozen=True)
class Goal:
    """``what`` was looked at, what was ``wanted`` and ``found`` of it, in words. ``holds`` is None
    where it was not measured. Told, never asserted."""

    what: str
    wanted: str
    found: str = NOT_MEASURED
    holds: bool | None = None


@dataclass(frozen=True)
class Headline:
    """A figure that matters, for the README: ``value`` with its unit, ``note`` what it is of."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Section:
    """One benchmark: ``text`` are paragraphs."""

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    goals: tuple[Goal, ...] = ()
    headlines: tuple[Headline, ...] = ()


def printed(section: Section) -> str:
    """Its tables and what it says of them, for a terminal."""
    tables = [
        "\n".join([table(each.header, each.rows), *([each.note] if each.note else [])])
        for each in section.tables
    ]
    return "\n\n".join([*tables, "\n".join(section.text)])


def milliseconds(value: float | None) -> str:
    """Three digits that count."""
    if _missing(value):
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def two_digits(value: float | None) -> str:
    """Two digits after the point."""
    return "–" if _missing(value) else f"{value:.2f}"


def times(value: float | None) -> str:
    """A factor, in three digits that count."""
    return "–" if _missing(value) else f"{value:.1f}x" if value >= 10 else f"{value:.2f}x"


def percent(value: float | None) -> str:
    """A share of 1."""
    return "–" if _missing(value) else f"{100 * value:.1f} %"


def below(what: str, value: float | None, limit: float, unit: str, digits: int = 2) -> Goal:
    """A goal of a figure that is to stay below ``limit``; None where it was not measured."""
    wanted = f"below {limit:g} {unit}"
    if value is None:
        return Goal(what, wanted)
    return Goal(what, wanted, f"{value:.{digits}f} {unit}", value < limit)


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)
