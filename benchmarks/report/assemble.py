"""The report of a folder: the figures that matter, goals, a section a benchmark, remarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.peers.contestant import OURS
from benchmarks.report.document import Document, Tile
from benchmarks.report.folder import Record
from benchmarks.report.goals import goals
from benchmarks.report.sections import section

_BUSY = 0.5  # load per core, when a part began, that a reader must know of
Measured = Mapping[str, Mapping[str, Any]]


def document(measured: Measured, record: Record) -> Document:
    """The report; ``measured``: the JSON of at least one benchmark, by name."""
    return Document(
        title="piza-edge, measured",
        date=record.date,
        machine=_machine(measured),
        tiles=tuple(_tiles(measured)),
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


def _tiles(measured: Measured) -> list[Tile]:
    tiles = []
    if latency := measured.get("latency"):
        rows = {row["name"]: row for row in latency["rows"]}
        width, height = latency["frame_wh"]
        tiles.append(
            Tile(
                "one search, p50",
                f"{latency['p50_ms']:.1f} ms",
                f"p90 {latency['p90_ms']:.1f} ms, p99 {latency['p99_ms']:.1f} ms;"
                f" {latency['n']:,} searches on {width}x{height}",
                "latency",
            )
        )
        whole = rows["frame to answer"]
        tiles.append(
            Tile(
                "JPEG to answer, p50",
                f"{whole['p50_ms']:.1f} ms",
                f"p99 {whole['p99_ms']:.1f} ms, decoding included",
                "latency",
            )
        )
        if cold := latency["cold_start"]:
            tiles.append(
                Tile(
                    "engine load to first answer",
                    f"{cold['load_to_answer_ms'] / 1e3:.2f} s",
                    f"fresh process; {cold['process_ms'] / 1e3:.2f} s with its start and imports",
                    "latency",
                )
            )
            if cold["peak_mb"] is not None:
                tiles.append(
                    Tile(
                        "memory of a Grounder",
                        f"{cold['peak_mb']:.0f} MB",
                        f"at most; {cold['list_peak_mb']:.0f} MB with a list of expressions",
                        "latency",
                    )
                )
    if accuracy := measured.get("accuracy"):
        zoom = accuracy["zoom"]
        tiles.append(
            Tile(
                "mAcc",
                f"{100 * zoom['macc']:.1f} %",
                f"Acc50 {100 * zoom['acc50']:.1f} %, {zoom['n']} rendered scenes",
                "accuracy",
            )
        )
    if peers := measured.get("peers"):
        tiles += _peer_tiles(peers)
    return tiles


def _peer_tiles(peers: Mapping[str, Any]) -> list[Tile]:
    """Of each group but ours the one that comes closest in time."""
    fastest: dict[str, Mapping[str, Any]] = {}
    for row in peers["rows"]:
        if row["group"] == OURS or row["ratio"] is None:
            continue
        best = fastest.setdefault(row["group"], row)
        if row["ratio"] < best["ratio"]:
            fastest[row["group"]] = row
    return [
        Tile(
            f"time of {row['name']}",
            f"{row['ratio']:.1f}x ours",
            f"p50 {row['p50_ms']:.0f} ms, in the same run",
            "peers",
        )
        for row in fastest.values()
    ]


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
        found.append(f"The machine was busy when these began (load of the last minute): {loads}.")
    for what, key in (("engine", "engine"), ("processor", "cpu")):
        values = {
            str(value)
            for figures in measured.values()
            if (value := figures.get(key) or (figures.get("environment") or {}).get(key))
        }
        if len(values) > 1:
            found.append(f"Not one {what} measured all of it: {'; '.join(sorted(values))}.")
    return found
