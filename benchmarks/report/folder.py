"""A report's folder: the JSON of each benchmark, and the record of what was run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.report.parts import Ran, benchmarks
from sdk.errors import InputError
from sdk.json_reader import JsonReader

RECORD = "run.json"


@dataclass(frozen=True)
class Record:
    """What was run. ``date``: of the last run, as text. ``quick``: some of it was a smoke run.
    ``wheel_mb``: size of the wheel without assets, None where none was looked at."""

    date: str = ""
    quick: bool = False
    wheel_mb: float | None = None
    ran: tuple[Ran, ...] = ()

    def with_run(self, done: Ran) -> Record:
        """The record after another run of a part."""
        others = tuple(each for each in self.ran if each.name != done.name)
        return replace(self, ran=(*others, done))

    def command(self, name: str) -> str:
        """What measured a part, as one would type it."""
        known = {each.name: each.command for each in self.ran}
        return known.get(name, f"python -m benchmarks {name}")


def read_record(folder: Path) -> Record:
    """The record of a folder, an empty one where there is none yet; InputError for a bad one."""
    path = folder / RECORD
    if not path.is_file():
        return Record()
    reader = JsonReader(_read(path), str(path), InputError)
    size = reader.raw("wheel_mb")
    ran = [
        Ran(
            each.text("name"),
            each.text("command"),
            int(each.number("exit_code", low=-1000, whole=True)),
            each.number("seconds", low=0),
        )
        for each in reader.items("ran", most=100)
    ]
    return Record(
        date=reader.text("date"),
        quick=reader.boolean("quick"),
        wheel_mb=None if size is None else reader.number("wheel_mb", low=0),
        ran=tuple(ran),
    )


def note_run(folder: Path, done: Ran, quick: bool, wheel_mb: float | None) -> None:
    """Add a run to the folder's record."""
    before = read_record(folder)
    record = replace(
        before.with_run(done),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        quick=before.quick or quick,
        wheel_mb=before.wheel_mb if wheel_mb is None else wheel_mb,
    )
    text = json.dumps(asdict(record), indent=2, allow_nan=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def read_measured(folder: Path) -> dict[str, dict[str, Any]]:
    """The JSON of every benchmark that is there, by name and in the order of the report.

    Raises:
        InputError: a file is damaged, or there is none.
    """
    files = {name: folder / f"{name}.json" for name in benchmarks()}
    measured = {name: _read(path) for name, path in files.items() if path.is_file()}
    for name, figures in measured.items():
        if not isinstance(figures, dict):
            raise InputError(f"{files[name]}: expected a JSON object, got {type(figures).__name__}")
    if not measured:
        raise InputError(
            f"expected figures (latency.json, ...) in {folder}, found none: measure with"
            f" piza bench all --out {folder}"
        )
    return measured


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise InputError(f"{path} is not valid JSON ({error}): measure again") from error
