"""What was meant to be reached, beside what was measured: told, never asserted."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.report.document import Goal
from benchmarks.report.folder import read_measured, read_record
from sdk.errors import InputError

FIRST_ANSWER_MS, MEMORY_MB, WHEEL_MB = 1000.0, 400.0, 5.0
_NOT = "not measured"


def goals(measured: Mapping[str, Mapping[str, Any]], wheel_mb: float | None) -> tuple[Goal, ...]:
    """The goals, with what the benchmarks' JSON (by name) says of each.

    ``wheel_mb``: size of the wheel without assets, None where none was given.
    """
    latency = measured.get("latency") or {}
    cold = latency.get("cold_start") or {}
    load, memory = cold.get("load_to_answer_ms"), cold.get("list_peak_mb")
    return (
        Goal(
            "engine load to first answer",
            f"below {FIRST_ANSWER_MS / 1e3:g} s",
            _NOT if load is None else f"{load / 1e3:.2f} s",
            _below(load, FIRST_ANSWER_MS),
            "latency",
        ),
        Goal(
            "most memory of a running Grounder",
            f"below {MEMORY_MB:g} MB",
            _NOT if memory is None else f"{memory:.0f} MB",
            _below(memory, MEMORY_MB),
            "latency",
        ),
        Goal(
            "wheel without assets",
            f"below {WHEEL_MB:g} MB",
            _NOT if wheel_mb is None else f"{wheel_mb:.2f} MB",
            _below(wheel_mb, WHEEL_MB),
            "wheel",
        ),
        *(
            Goal(each["what"], each["wanted"], each["found"], each["holds"], "peers")
            for each in (measured.get("peers") or {}).get("goals", ())
        ),
    )


def wheel_mb(path: Path) -> float:
    """Megabytes (10^6) of a wheel without what it packs of ``assets/``; InputError for no wheel."""
    try:
        with zipfile.ZipFile(path) as wheel:
            packed = sum(
                each.compress_size for each in wheel.infolist() if _is_asset(each.filename)
            )
        return (path.stat().st_size - packed) / 1e6
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"expected a wheel (.whl) at {path}: {error}") from error


def _is_asset(name: str) -> bool:
    return "assets" in Path(name).parts[:-1]


def _below(value: float | None, limit: float) -> bool | None:
    return None if value is None else value < limit


@dataclass(frozen=True)
class Verdict:
    """A goal in two runs. ``old``, ``new``: what was measured, in words."""

    what: str
    wanted: str
    old: str
    new: str
    met_before: bool | None
    met: bool | None

    @property
    def same(self) -> bool:
        """Whether it is met in both runs or in none."""
        return self.met_before == self.met


def verdicts(old: Path, new: Path) -> list[Verdict]:
    """Each goal of two folders of ``python -m benchmarks all``, in the order of the new one; what
    only one of them measured is not measured (None) in the other.

    Raises InputError for a folder without figures, or with damaged ones.
    """
    before, after = (_goals(folder) for folder in (old, new))
    return [
        _verdict(before.get(what), after.get(what)) for what in dict.fromkeys((*after, *before))
    ]


def _verdict(old: Goal | None, new: Goal | None) -> Verdict:
    known = new or old
    assert known is not None
    missing = replace(known, measured="not measured", met=None)
    a, b = old or missing, new or missing
    return Verdict(known.what, known.wanted, a.measured, b.measured, a.met, b.met)


def _goals(folder: Path) -> dict[str, Goal]:
    found = goals(read_measured(folder), read_record(folder).wheel_mb)
    return {each.what: each for each in found}
