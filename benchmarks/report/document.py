"""The report of a folder: a section a benchmark, goals, the machine, what a reader must know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.report.folder import Record
from benchmarks.report.parts import benchmarks
from benchmarks.report.section import Figures, Goal, Section, below
from sdk.errors import InputError

WHEEL_MB = 5.0
_BUSY = 0.5  # load per core, when a part began, that a reader must know of
_MISREAD = (AttributeError, IndexError, KeyError, TypeError, ValueError)


@dataclass(frozen=True)
class Document:
    """The report. ``sections``, ``commands``: by the name of the benchmark. ``machine``: names and
    values. ``remarks``: what a reader must know first."""

    date: str
    machine: Mapping[str, str]
    sections: Mapping[str, Section]
    commands: Mapping[str, str]
    wheel: Goal
    remarks: tuple[str, ...] = ()

    @property
    def goals(self) -> tuple[Goal, ...]:
        """Those of the benchmarks that were run, and the wheel's."""
        return (*(goal for each in self.sections.values() for goal in each.goals), self.wheel)


def document(measured: Mapping[str, Figures], record: Record) -> Document:
    """The report of the JSON of at least one benchmark, by name.

    Raises:
        InputError: figures that a section cannot be written of.
    """
    sections = {}
    for name, figures in measured.items():
        with understood(name):
            sections[name] = benchmarks()[name].section(figures)
    return Document(
        date=record.date,
        machine=_machine(measured),
        sections=sections,
        commands={name: record.command(name) for name in measured},
        wheel=below("wheel without assets", record.wheel_mb, WHEEL_MB, "MB"),
        remarks=tuple(_remarks(measured, record)),
    )


@contextmanager
def understood(name: str) -> Iterator[None]:
    """InputError where the figures of a benchmark turn out to lack what its section or plot needs:
    a damaged file, or one of another version."""
    try:
        yield
    except _MISREAD as error:
        raise InputError(
            f"{name}.json does not hold the figures that this version writes"
            f" ({type(error).__name__}: {error}): measure again with"
            f" python -m benchmarks {name} --json {name}.json"
        ) from error


def _machine(measured: Mapping[str, Figures]) -> dict[str, str]:
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
    return {name: value for name, value in told.items() if value}


def _remarks(measured: Mapping[str, Figures], record: Record) -> Iterator[str]:
    if record.quick:
        yield "A smoke run: it shows that everything works, its figures say nothing."
    for ran in record.ran:
        if ran.exit_code != 0:
            yield f"{ran.command} failed with {ran.exit_code}."
    busy = [
        f"{name} {environment['load_1min']:g}"
        for name, figures in measured.items()
        if (environment := figures.get("environment") or {}).get("load_1min", 0)
        > _BUSY * environment.get("cores", 1)
    ]
    if busy:
        yield (
            "Load of the last minute when these began, which the benchmark before is part of:"
            f" {', '.join(busy)}."
        )
    for what, key in (("engine", "engine"), ("processor", "cpu")):
        values = {
            str(value)
            for figures in measured.values()
            if (value := figures.get(key) or (figures.get("environment") or {}).get(key))
        }
        if len(values) > 1:
            yield f"Not one {what} measured all of it: {'; '.join(sorted(values))}."
