"""Files of a report: into its folder, into the docs, into a README."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report.assemble import document
from benchmarks.report.document import Document
from benchmarks.report.folder import (
    read_measured,
    read_record,
    write_record,
)
from benchmarks.report.html import page
from benchmarks.report.markdown import markdown, readme_table, replaced
from benchmarks.report.parts import Ran
from benchmarks.report.svg import standalone
from sdk.errors import InputError


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
