"""A report's folder: the JSON of each benchmark, and the record of what was run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.report.parts import PARTS, Part, Ran
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
        return known.get(name, f"python -m benchmarks {name} --json {name}.json")


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


def write_record(folder: Path, record: Record) -> None:
    """Write it; OSError when that fails."""
    text = json.dumps(asdict(record), indent=2, allow_nan=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def read_measured(folder: Path, parts: Sequence[Part] = PARTS) -> dict[str, dict[str, Any]]:
    """The JSON of every part that is there, by name and in their order.

    Raises InputError for a file that is damaged or of another version, or when there is none.
    """
    found = {each.name: folder / f"{each.name}.json" for each in parts}
    measured = {
        part.name: _checked(found[part.name], part) for part in parts if found[part.name].is_file()
    }
    if not measured:
        raise InputError(
            f"expected figures (latency.json, ...) in {folder}, found none: measure with"
            f" piza bench all --out {folder}"
        )
    return measured


def _checked(path: Path, part: Part) -> dict[str, Any]:
    data = _read(path)
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a JSON object, got {type(data).__name__}")
    missing = [key for key in part.needs if key not in data]
    rows = data.get("rows", [])
    if not missing and part.row_needs:
        fits = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        missing = ["rows of objects"] if not fits else []
        missing += [key for key in part.row_needs if fits and any(key not in row for row in rows)]
    if missing:
        raise InputError(
            f"{path} has no {', '.join(missing)}, as this version writes them: measure again with"
            f" python -m benchmarks {part.name} --json {path}"
        )
    return data


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise InputError(f"{path} is not valid JSON ({error}): measure again") from error
