"""What was meant to be reached, beside what was measured: told, never asserted."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.document import Goal
from sdk.errors import InputError

FIRST_ANSWER_MS, MEMORY_MB, WHEEL_MB, HOST_SHARE = 1000.0, 400.0, 5.0, 0.05
OURS = "ours"  # the group of the peers' rows that is ours; its row with the ratio 1 is compared
LEAST_RATIOS = {"published": ("the published loop", 5.0), "pytorch": ("PyTorch", 2.0)}
OTHER_WAYS = ("slicing", "resolution")
_NOT = "not measured"


def goals(measured: Mapping[str, Mapping[str, Any]], wheel_mb: float | None) -> tuple[Goal, ...]:
    """The goals, with what the benchmarks' JSON (by name) says of each.

    ``wheel_mb``: size of the wheel without assets, None where none was given.
    """
    latency = measured.get("latency") or {}
    cold = latency.get("cold_start") or {}
    load, memory = cold.get("load_to_answer_ms"), cold.get("list_peak_mb")
    host = _host_share(latency)
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
            "host time outside crop and networks, of a search",
            f"below {100 * HOST_SHARE:g} %",
            _NOT if host is None else f"{100 * host:.1f} %",
            _below(host, HOST_SHARE),
            "latency",
        ),
        Goal(
            "wheel without assets",
            f"below {WHEEL_MB:g} MB",
            _NOT if wheel_mb is None else f"{wheel_mb:.2f} MB",
            _below(wheel_mb, WHEEL_MB),
            "wheel",
        ),
        *(_faster(measured.get("peers"), group) for group in LEAST_RATIOS),
        _better(measured.get("peers")),
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


def _faster(peers: Mapping[str, Any] | None, group: str) -> Goal:
    """The fastest of a group of peers is so many times as slow as ours."""
    title, least = LEAST_RATIOS[group]
    rows = [row for row in peers["rows"] if row["group"] == group] if peers else []
    ratios = [row["ratio"] for row in rows if row["ratio"] is not None]
    return Goal(
        f"faster than {title}",
        f"at least {least:g}x",
        f"{min(ratios):.1f}x" if ratios else _NOT,
        min(ratios) >= least if ratios else None,
        "peers",
    )


def _better(peers: Mapping[str, Any] | None) -> Goal:
    """Nobody who looks at the frame in another way is as accurate or as fast."""
    judged = [row for row in peers["rows"] if row["macc"] is not None] if peers else []
    ours = next((row for row in judged if row["group"] == OURS and row["ratio"] == 1), None)
    others = [row for row in judged if row["group"] in OTHER_WAYS]
    beaten = [
        ours is not None and row["macc"] < ours["macc"] and row["p99_ms"] > ours["p99_ms"]
        for row in others
    ]
    known = ours is not None and len(others) > 0
    return Goal(
        "higher mAcc at lower p99 than slicing and resolution",
        "than every setting",
        f"than {sum(beaten)} of {len(others)}" if known else _NOT,
        all(beaten) if known else None,
        "peers",
    )


def _is_asset(name: str) -> bool:
    return "assets" in Path(name).parts[:-1]


def _host_share(latency: Mapping[str, Any]) -> float | None:
    means = {row["name"]: row["mean_ms"] for row in latency.get("rows", ())}
    return means["host"] / means["search"] if means else None


def _below(value: float | None, limit: float) -> bool | None:
    return None if value is None else value < limit
