"""The report as Markdown: a document with its plots beside it, and the table of the README."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report.assemble import document
from benchmarks.report.document import Document, Section, Table
from benchmarks.report.folder import (
    read_measured,
    read_record,
    write_record,
)
from benchmarks.report.html import page
from benchmarks.report.parts import Ran
from benchmarks.report.svg import standalone
from sdk.errors import InputError

BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"
_LONGEST = 80  # characters of a command in the README's table
_VERDICTS = {True: "met", False: "**not met**", None: "not measured"}


def markdown(document: Document, plots: str | None = None) -> str:
    """The whole report.

    Args:
        document: the report.
        plots: the folder of the plots (``NAME.svg``) as the file refers to it, None for no plots.
    """
    goals = [
        (goal.what, goal.wanted, "" if goal.met is None else goal.measured, _VERDICTS[goal.met])
        for goal in document.goals
    ]
    blocks = [
        f"# {document.title}",
        f"Written by `python -m benchmarks report`, not by hand. {document.date}".strip(),
        *(f"> {_text(each)}" for each in document.remarks),
        "## Goals",
        _rows(("goal", "wanted", "measured", ""), goals),
    ]
    for section in document.sections:
        blocks += _section(section, plots)
    blocks += ["## Measured on", _rows(("", ""), document.machine, "---|")]
    return "\n\n".join(blocks) + "\n"


def readme_table(document: Document, commands: dict[str, str], link: str) -> str:
    """The figures that matter, each with its command (of long ones the beginning: the document has
    all of it), and where the others are."""
    rows = [
        (tile.label, f"**{tile.value}**", tile.note, f"`{_short(commands[tile.benchmark])}`")
        for tile in document.tiles
    ]
    machine = dict(document.machine)
    about = f"{machine['Processor']}, {machine['Engine']}"
    table = _rows(("figure", "", "of", "command"), rows, "---|")
    return f"{table}\n\n{_text(about)}. Everything else: [{link}]({link})."


def replaced(text: str, table: str) -> str:
    """``text`` with ``table`` between its two markers; InputError when they are not there once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(
            f"expected one line {BEGIN} and after it one line {END}, between which the table goes"
        )
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _short(command: str) -> str:
    return command if len(command) <= _LONGEST else " ".join([*command.split()[:4], "..."])


def _section(section: Section, plots: str | None) -> list[str]:
    blocks = [f"## {section.title}", f"`{section.command}`", *map(_text, section.text)]
    if plots is not None:
        blocks += [f"![{each.title}]({plots}/{each.name}.svg)" for each in section.pictures]
    for table in section.tables:
        blocks += [_table(table), *([_text(table.note)] if table.note else [])]
    return blocks


def _table(table: Table) -> str:
    rows = [
        tuple(f"**{cell}**" for cell in row) if k == table.strong else row
        for k, row in enumerate(table.rows)
    ]
    return _rows(table.header, rows)


def _rows(header: Sequence[str], rows: Sequence[Sequence[str]], others: str = "---:|") -> str:
    """``others``: how the columns after the first are aligned, to the right by default."""
    line = "|---|" + others * (len(header) - 1)
    return "\n".join([_row(header), line, *map(_row, rows)])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_text(cell).replace("|", "\\|") for cell in cells) + " |"


def _text(text: str) -> str:
    """In one line, without anything that Markdown takes for a tag."""
    return " ".join(text.split()).replace("<", "&lt;")


def note_run(folder: Path, done: Ran, quick: bool, wheel_mb: float | None) -> None:
    """Add a run to the folder's record."""
    before = read_record(folder)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    size = before.wheel_mb if wheel_mb is None else wheel_mb
    record = replace(before, date=now, quick=before.quick or quick, wheel_mb=size)
    write_record(folder, record.with_run(done))


def write_report(folder: Path) -> list[Path]:
    """``report.html`` and ``benchmarks.md`` of a folder; returns where they are.

    Raises InputError when the folder has no figures, or damaged ones.
    """
    report = _report(folder)
    files = {folder / "report.html": page(report), folder / "benchmarks.md": markdown(report)}
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)


def write_docs(folder: Path, path: Path) -> list[Path]:
    """The folder's report as ``path``, its plots in a folder beside it that bears its name."""
    report = _report(folder)
    plots = path.with_suffix("")
    plots.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown(report, plots.name), encoding="utf-8")
    written = [path]
    for section in report.sections:
        for picture in section.pictures:
            written.append(plots / f"{picture.name}.svg")
            written[-1].write_text(standalone(picture.svg), encoding="utf-8")
    return written


def write_readme(folder: Path, path: Path, docs: Path | None) -> list[Path]:
    """Replaces the table between the markers of ``path``, with a link to ``docs``."""
    report = _report(folder)
    link = os.path.relpath(docs or Path("docs/benchmarks.md"), path.parent)
    commands = {each.name: each.command for each in report.sections}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    path.write_text(replaced(text, readme_table(report, commands, link)), encoding="utf-8")
    return [path]


def _report(folder: Path) -> Document:
    return document(read_measured(folder), read_record(folder))
