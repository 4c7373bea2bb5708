"""The figures that matter, large: a few of each benchmark, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.baselines.baseline import OURS, RESOLUTION, SINGLE_PASS, SLICING
from benchmarks.report.document import Tile, percent, times

Figures = Mapping[str, Any]
_EXACT = (SLICING, SINGLE_PASS, RESOLUTION)  # groups that differ in what they find
_TIGHT = 0.6  # of a search: the deadline that is told of


def tiles(measured: Mapping[str, Figures]) -> list[Tile]:
    """Of what was measured; ``measured``: the JSON of benchmarks, by name."""
    return [
        Tile(*each, name)
        for name, told in _TOLD.items()
        if name in measured
        for each in told(measured[name])
    ]


Told = list[tuple[str, str, str]]  # label, value, what it is of


def _latency(figures: Figures) -> Told:
    rows = {row["name"]: row for row in figures["rows"]}
    width, height = figures["frame_wh"]
    whole, cold = rows["frame to answer"], figures["cold_start"]
    found = [
        (
            "one search, p50",
            f"{figures['p50_ms']:.1f} ms",
            f"p90 {figures['p90_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms;"
            f" {figures['n']:,} searches on {width}x{height}",
        ),
        (
            "JPEG to answer, p50",
            f"{whole['p50_ms']:.1f} ms",
            f"p99 {whole['p99_ms']:.1f} ms, decoding included",
        ),
    ]
    if cold:
        found.append(
            (
                "engine load to first answer",
                f"{cold['load_to_answer_ms'] / 1e3:.2f} s",
                f"fresh process; {cold['process_ms'] / 1e3:.2f} s with its start and imports",
            )
        )
        if cold["peak_mb"] is not None:
            found.append(
                (
                    "memory of a Grounder",
                    f"{cold['peak_mb']:.0f} MB",
                    f"at most; {cold['list_peak_mb']:.0f} MB with a list of expressions",
                )
            )
    return found


def _accuracy(figures: Figures) -> Told:
    zoom, absent = figures["zoom"], figures["absent"]
    return [
        (
            "Acc50",
            percent(zoom["acc50"]),
            f"mAcc {percent(zoom['macc'])}; {zoom['n']} rendered scenes, every box counts",
        ),
        (
            "answers that it dares to give",
            percent(zoom["found"]),
            f"of objects that are there; {percent(figures['attribute']['found'])} where the noun"
            f" phrase is enough, {percent(figures['relation']['found'])} where only the relation"
            " tells",
        ),
        (
            "false alarms",
            percent(absent["found"]),
            f"of {absent['n']} expressions that are true of nothing",
        ),
    ]


def _peers(figures: Figures) -> Told:
    """Of each group but ours one: of those that look where ours does (PyTorch's) the one that comes
    closest in time, of the others the most exact."""
    groups: dict[str, list[Figures]] = {}
    for row in figures["rows"]:
        if row["group"] != OURS and row["ratio"] is not None:
            groups.setdefault(row["group"], []).append(row)
    chosen = [
        max(rows, key=lambda row: row["macc"] or 0.0)
        if group in _EXACT
        else min(rows, key=lambda row: row["ratio"])
        for group, rows in groups.items()
    ]
    return [
        (
            f"time of {row['name']}",
            f"{times(row['ratio'])} ours",
            f"p50 {row['p50_ms']:.0f} ms, in the same run"
            + (
                f"; mAcc {percent(row['macc'])}, ours {percent(row['macc_ours'])}"
                if row["group"] in _EXACT
                else ""
            ),
        )
        for row in chosen
    ]


def _scaling(figures: Figures) -> Told:
    frames = [row for row in figures["rows"] if row["axis"] == "frame"]
    if not frames:
        return []
    first, last = frames[0], frames[-1]
    return [
        (
            f"{last['label']} instead of {first['label']}",
            times(last["relative"]),
            "of the time of a search: the network input stays what it is",
        )
    ]


def _refs(figures: Figures) -> Told:
    row = figures["rows"][-1]
    return [
        (
            f"{row['refs']} expressions in one call",
            f"{row['ratio']:.2f}",
            f"of the time of {row['refs']} calls; {percent(row['same'])} the same answers",
        )
    ]


def _deadline(figures: Figures) -> Told:
    return [
        (
            "deadlines that are kept",
            percent(row["kept"]),
            f"of {row['deadline_ms']:.0f} ms, {row['fraction']:g} of a search, within 10 %; the"
            f" place is right in {percent(row['place'])}",
        )
        for row in figures["rows"]
        if row["fraction"] == _TIGHT
    ]


def _calibration(figures: Figures) -> Told:
    return [
        (
            "calibration error",
            percent(figures["ece"]),
            f"of {figures['n']} fresh questions; AUC {figures['auc']:.3f}",
        )
    ]


def _video(figures: Figures) -> Told:
    whole = figures["by_kind"].get("all")
    if whole is None:
        return []
    cold, warm = whole["cold"], whole["warm"]
    return [
        (
            "steps a frame of video",
            f"{warm['steps']:.2f}",
            f"with a warm start, {cold['steps']:.2f} cold; {percent(warm['right'])} of all frames"
            f" right, {percent(cold['right'])} cold",
        )
    ]


_TOLD: dict[str, Callable[[Figures], Told]] = {
    "latency": _latency,
    "accuracy": _accuracy,
    "peers": _peers,
    "scaling": _scaling,
    "refs": _refs,
    "deadline": _deadline,
    "calibration": _calibration,
    "video": _video,
}
