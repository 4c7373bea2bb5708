"""The report of a folder: the figures that matter, goals, a section a benchmark, remarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.report import quality, speed
from benchmarks.report.document import Document, Section
from benchmarks.report.folder import Record
from benchmarks.report.goals import goals
from benchmarks.report.tiles import tiles

_BUSY = 0.5  # load per core, when a part began, that a reader must know of
Measured = Mapping[str, Mapping[str, Any]]


def document(measured: Measured, record: Record) -> Document:
    """The report; ``measured``: the JSON of at least one benchmark, by name."""
    return Document(
        title="piza-edge, measured",
        date=record.date,
        machine=_machine(measured),
        tiles=tuple(tiles(measured)),
        goals=goals(measured, record.wheel_mb),
        sections=tuple(
            section(name, figures, record.command(name)) for name, figures in measured.items()
        ),
        remarks=tuple(_remarks(measured, record)),
    )


def _machine(measured: Measured) -> tuple[tuple[str, str], ...]:
    """Of the first benchmark; where another's differs, a remark says so."""
    first = next(iter(measured.values()))
    environment = first.get("environment") or {}
    clock = environment.get("clock_mhz") or {}
    speeds = {"now": "{:.0f} MHz", "most": "up to {:.0f} MHz", "governor": "{}"}
    versions = environment.get("versions") or {}
    files = first.get("engine_files") or {}
    told = {
        "Processor": f"{environment.get('cpu', '')}, {environment.get('cores', '?')} cores",
        "Clock": ", ".join(form.format(clock[k]) for k, form in speeds.items() if k in clock),
        "GPU": "; ".join(environment.get("gpu") or ["none"]),
        "System": str(environment.get("system", "")),
        "Load before": str(environment.get("load_1min", "")),
        "Software": ", ".join(
            [f"Python {environment.get('python', '?')}", *(f"{k} {v}" for k, v in versions.items())]
        ),
        "Engine": str(first.get("engine", "")),
        "Engine files": ", ".join(f"{name} {digest[:12]}" for name, digest in files.items()),
    }
    return tuple((name, value) for name, value in told.items() if value)


def _remarks(measured: Measured, record: Record) -> list[str]:
    found = []
    if record.quick:
        found.append("A smoke run: it shows that everything works, its figures say nothing.")
    for ran in record.ran:
        if ran.exit_code != 0:
            found.append(f"{ran.command} failed with {ran.exit_code}.")
    busy = {
        name: environment["load_1min"]
        for name, figures in measured.items()
        if (environment := figures.get("environment") or {}).get("load_1min", 0)
        > _BUSY * environment.get("cores", 1)
    }
    if busy:
        loads = ", ".join(f"{name} {load:g}" for name, load in busy.items())
        found.append(
            "Load of the last minute when these began, which the benchmark before is part of:"
            f" {loads}."
        )
    for what, key in (("engine", "engine"), ("processor", "cpu")):
        values = {
            str(value)
            for figures in measured.values()
            if (value := figures.get(key) or (figures.get("environment") or {}).get(key))
        }
        if len(values) > 1:
            found.append(f"Not one {what} measured all of it: {'; '.join(sorted(values))}.")
    return found


_SECTIONS = {
    "latency": speed.latency,
    "accuracy": quality.accuracy,
    "peers": quality.peers,
    "engines": speed.engines,
    "scaling": speed.scaling,
    "refs": speed.refs,
    "deadline": speed.deadline,
    "calibration": quality.calibration,
    "video": quality.video,
    "kernel": speed.kernel,
}


def section(name: str, figures: Mapping[str, Any], command: str) -> Section:
    """The section of one of ``benchmarks.report.parts.PARTS``."""
    return _SECTIONS[name](name, figures, command)
