"""What was meant to be reached, beside what was measured: told, never asserted."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.document import Goal
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
