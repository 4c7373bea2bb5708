"""The report as Markdown: a document with its plots beside it, and the table of the README."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report.document import Document, document, understood
from benchmarks.report.folder import RECORD, read_measured, read_record
from benchmarks.report.section import NOT_MEASURED, Section, Table
from sdk.errors import InputError

BEGIN, END = "<!-- benchmarks:begin -->", "<!-- benchmarks:end -->"
_LONGEST = 80  # characters of a command in the README's table
_VERDICTS = {True: "met", False: "**not met**", None: NOT_MEASURED}


def write_docs(folder: Path, path: Path, data: Path) -> list[Path]:
    """Write a folder's report.

    Args:
        folder: what ``python -m benchmarks all`` wrote.
        path: of the document; its plots go to a folder beside it that bears its name.
        data: where the figures are to lie; they are copied there from ``folder``.

    Returns:
        What was written.

    Raises:
        InputError: the folder has no figures, or damaged ones.
    """
    report = _report(folder)
    plots = path.with_suffix("")
    plots.mkdir(parents=True, exist_ok=True)
    written = [path]
    for name, section in report.sections.items():
        for picture in section.pictures:
            written.append(plots / f"{picture.name}.svg")
            with understood(name):
                picture.draw(written[-1])
    if data.resolve() != folder.resolve():
        data.mkdir(parents=True, exist_ok=True)
        for name in (RECORD, *(f"{each}.json" for each in report.sections)):
            if (folder / name).is_file():
                written.append(Path(shutil.copyfile(folder / name, data / name)))
    path.write_text(markdown(report, plots.name, data, path.parent), encoding="utf-8")
    return written


def write_readme(folder: Path, path: Path, docs: Path) -> Path:
    """Replaces the table between the markers of ``path``, with a link to ``docs``.

    Raises:
        InputError: no such file, or no markers in it; no figures in the folder.
    """
    table = readme_table(_report(folder), os.path.relpath(docs, path.parent))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    path.write_text(replaced(text, table), encoding="utf-8")
    return path


def markdown(report: Document, plots: str, data: Path, home: Path) -> str:
    """The whole report.

    Args:
        report: what it says.
        plots: the folder of the plots (``NAME.svg``) as the file refers to it.
        data: the folder of the figures (``NAME.json``).
        home: the folder of the file.
    """
    goals = [
        (goal.what, goal.wanted, "" if goal.holds is None else goal.found, _VERDICTS[goal.holds])
        for goal in report.goals
    ]
    blocks = [
        "# piza-edge, measured",
        f"Written by `python -m benchmarks report`, not by hand. {report.date}".strip(),
        *(f"> {_text(each)}" for each in report.remarks),
        "## Goals",
        _rows(("goal", "wanted", "measured", ""), goals),
    ]
    for name, section in report.sections.items():
        file = data / f"{name}.json"
        command = f"{report.commands[name]} --json {_typed(file)}"
        link = Path(os.path.relpath(file, home)).as_posix()
        blocks += [f"## {section.title}", f"`{command}` → [{link}]({link})"]
        blocks += _section(section, plots)
    blocks += ["## Measured on", _rows(("", ""), list(report.machine.items()), "---|")]
    return "\n\n".join(blocks) + "\n"


def readme_table(report: Document, link: str) -> str:
    """The figures that matter, each with its command (of long ones the beginning: the document has
    all of it), and where the others are."""
    rows = [
        (each.label, f"**{each.value}**", each.note, f"`{_short(report.commands[name])}`")
        for name, section in report.sections.items()
        for each in section.headlines
    ]
    known = (report.machine.get(name) for name in ("Processor", "Engine"))
    about = _text(", ".join(each for each in known if each))
    table = _rows(("figure", "", "of", "command"), rows, "---|")
    return f"{table}\n\n{about}. Everything else: [{link}]({link})."


def replaced(text: str, table: str) -> str:
    """``text`` with ``table`` between its two markers; InputError when they are not there once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(
            f"expected one line {BEGIN} and after it one line {END}, between which the table goes"
        )
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _report(folder: Path) -> Document:
    return document(read_measured(folder), read_record(folder))


def _typed(path: Path) -> str:
    """As one would type it in the working folder."""
    whole, here = path.resolve(), Path.cwd().resolve()
    return (whole.relative_to(here) if whole.is_relative_to(here) else path).as_posix()


def _short(command: str) -> str:
    return command if len(command) <= _LONGEST else " ".join([*command.split()[:4], "..."])


def _section(section: Section, plots: str) -> list[str]:
    blocks = [_text(each) for each in section.text]
    blocks += [f"![{each.title}]({plots}/{each.name}.svg)" for each in section.pictures]
    for table in section.tables:
        blocks += [as_table(table), *([_text(table.note)] if table.note else [])]
    return blocks


def as_table(table: Table) -> str:
    """A table; its row that stands out is bold."""
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
