"""``python -m benchmarks scale``: what a day of a fleet's logs costs, by what was measured.

Nothing is measured here. What was measured, by which command, stands in ``docs/data``; what is
assumed of the fleet are the options; all else is arithmetic, and stands in this file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.commands.batch import LOCAL
from benchmarks.report.markdown import as_table, replaced
from benchmarks.report.section import Table, milliseconds, percent, two_digits
from sdk.errors import InputError
from sdk.options import positive, positive_float

DATA = Path(__file__).resolve().parents[2] / "docs" / "data"
REFS = (1, 2, 4, 8, 16, 32, 64)
FRAMES = ("720p", "1080p", "4K")
ACTORS = (10, 100, 1_000, 10_000)
PARTS = (128, 4_096)  # frames of a Parquet file: the default, and what a fleet would take
NETWORK_GBIT_S = 10.0  # of the machine that hands out the logs
# One search over ONNX Runtime's CUDA provider on an NVIDIA H200: docs/status.md, "On a GPU". By
# hand, one expression, 1920x1080; several expressions in a call were not measured there.
GPU_SEARCH_MS = 14.0
_DAY_H = 24.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("--vehicles", type=positive, default=1_000, help="that drive (1000)")
    parser.add_argument("--hours", type=positive_float, default=2.0, help="a day, of each (2)")
    parser.add_argument("--cameras", type=positive, default=1, help="of each (1)")
    parser.add_argument(
        "--rate-hz", type=positive_float, default=10.0, help="frames a second of a camera (10)"
    )
    parser.add_argument("--refs", type=positive, default=8, help="expressions a frame (8)")
    parser.add_argument("--frame", choices=FRAMES, default="1080p", help="size of a frame (1080p)")
    parser.add_argument("--mbit-s", type=positive_float, default=8.0, help="of a camera's film (8)")
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="measured figures (docs/data)"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables between the markers of FILE"
    )


def run(args: argparse.Namespace) -> int:
    """Compute, print the tables as Markdown, or write them into a page."""
    fleet = Fleet(
        vehicles=args.vehicles,
        hours=args.hours,
        cameras=args.cameras,
        rate_hz=args.rate_hz,
        refs=args.refs,
        frame=args.frame,
        mbit_s=args.mbit_s,
    )
    text = page(fleet, read_measured(args.data))
    if args.write is None:
        print(text)
        return 0
    try:
        before = args.write.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {args.write}: {error}") from error
    args.write.write_text(replaced(before, text), encoding="utf-8")
    return 0


@dataclass(frozen=True)
class Fleet:
    """What drives and what is asked; nothing of it is measured.

    Attributes:
        vehicles: so many.
        hours: a day, of each.
        cameras: of each.
        rate_hz: frames a second of each camera, all of which are asked about.
        refs: expressions that each frame is asked.
        frame: one of ``FRAMES``.
        mbit_s: of each camera's film.
    """

    vehicles: int = 1_000
    hours: float = 2.0
    cameras: int = 1
    rate_hz: float = 10.0
    refs: int = 8
    frame: str = "1080p"
    mbit_s: float = 8.0

    @property
    def frames(self) -> float:
        """A day."""
        return self.vehicles * self.hours * 3600 * self.cameras * self.rate_hz

    @property
    def bytes_a_frame(self) -> float:
        """Of the films."""
        return self.mbit_s * 1e6 / 8 / self.rate_hz


@dataclass(frozen=True)
class Speed:
    """Frames a second, and milliseconds of the processors a frame: medians of the rounds."""

    fps: float
    cpu_ms: float


@dataclass(frozen=True)
class Measured:
    """The figures that all is computed from.

    Attributes:
        ask_ms: of a core, by the number of expressions in a call, on 1920x1080.
        by_frame: the time of a search by the size of the frame, over that of 1920x1080.
        read_ms: of a core, decoding a frame, by its size.
        actors: of one, two, ... actors on Ray, by their number; 0: of one engine in the process
            itself.
        start_s: until a batch on Ray begins to answer.
        row_ms: of the process that writes, a row.
        part_ms: of that process, taking a part of one row from an actor and writing it.
        row_bytes: of Parquet.
        manifest_s: writing the list of a part, seconds.
        again_s: finding a part done, seconds.
        engine_mb: memory of one engine with a list of expressions, at most.
    """

    ask_ms: Mapping[int, float]
    by_frame: Mapping[str, float]
    read_ms: Mapping[str, float]
    actors: Mapping[int, Speed]
    start_s: float
    row_ms: float
    part_ms: float
    row_bytes: float
    manifest_s: float
    again_s: float
    engine_mb: float

    def search_s(self, refs: int, frame: str) -> float:
        """Seconds of one core for the expressions of a frame; between the numbers of expressions
        that were measured on the line, beyond them in proportion."""
        counts = sorted(self.ask_ms)
        ms = float(np.interp(refs, counts, [self.ask_ms[count] for count in counts]))
        return ms * max(refs / counts[-1], 1.0) * self.by_frame[frame] / 1e3

    def writer_fps(self, refs: int) -> float:
        """Frames a second that the one process that writes bears, in parts of ``PARTS[0]``."""
        return 1e3 * PARTS[0] / (self.part_ms + self.row_ms * refs * PARTS[0])

    def frame_s(self, refs: int, frame: str) -> float:
        """Seconds of one core for a frame, decoding included."""
        return self.search_s(refs, frame) + self.read_ms[frame] / 1e3


def read_measured(data: Path) -> Measured:
    """The figures of a folder.

    Args:
        data: with ``batch.json``, ``batch-files.json``, ``batch-10000.json``, ``latency.json`` and
            ``scaling.json``.

    Raises:
        InputError: one is missing, or not what its command writes.
    """
    try:
        batch, files, many, latency, scaling = (
            json.loads((data / f"{name}.json").read_text(encoding="utf-8"))
            for name in ("batch", "batch-files", "batch-10000", "latency", "scaling")
        )
        sizes = {row["label"]: row["relative"] for row in scaling["rows"] if row["axis"] == "frame"}
        starts = [row["wall_s"] - row["seconds"] for row in batch["rows"] if _actors(row["by"])]
        written = files["writing"]
        long = written["manifest"][-1]
        most = max(many["files"], key=lambda row: row["files"])
        handed = [row for row in files["files"] if _actors(row["by"]) and files["cluster"]]
        part_ms = max(handed, key=lambda row: row["files"])["cpu_ms_a_part"]
        return Measured(
            ask_ms={row["refs"]: row["cpu_ms"] for row in files["asking"]},
            by_frame={name: sizes[name] / sizes["1080p"] for name in FRAMES},
            read_ms={row["frame"]: row["ms"] for row in files["reading"]},
            actors=_speeds(batch),
            start_s=float(np.median(starts)),
            row_ms=written["part_ms"] / written["frames"],
            part_ms=part_ms,
            row_bytes=batch["bytes_a_row"],
            manifest_s=long["seconds"] / long["parts"],
            again_s=most["again_s"] / most["files"],
            engine_mb=latency["cold_start"]["list_peak_mb"],
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"cannot compute from {data}: {error!r}; python -m benchmarks batch, latency and"
            " scaling write the figures"
        ) from error


def page(fleet: Fleet, measured: Measured) -> str:
    """All tables as Markdown, each with its heading."""
    parts = (
        ("What was measured", _given(measured)),
        ("A day of logs", _day(fleet, measured)),
        ("Which stage gives way first", _limits(fleet, measured)),
        ("Growth with expressions and frame size", _growth(measured)),
        ("Growth with actors", _by_actors(fleet, measured)),
    )
    return "\n\n".join(
        block
        for title, table in parts
        for block in (f"## {title}", as_table(table), *([table.note] if table.note else []))
    )


def _given(m: Measured) -> Table:
    batch, scaling = "`python -m benchmarks batch`", "`python -m benchmarks scaling --axis frame`"
    asked = ", ".join(f"{count}: {milliseconds(m.ask_ms[count])}" for count in sorted(m.ask_ms))
    frames = ", ".join(f"{name}: {two_digits(m.by_frame[name])}" for name in FRAMES)
    reads = ", ".join(f"{name}: {milliseconds(m.read_ms[name])}" for name in FRAMES)
    return Table(
        ("measured", "figure", "by"),
        (
            ("CPU ms for so many expressions on 1920x1080", asked, batch),
            ("a search by the size of the frame, over 1080p", frames, scaling),
            ("CPU ms, decoding a frame", reads, batch),
            *(
                (
                    _called(count),
                    f"{each.fps:.1f} frames/s, {milliseconds(each.cpu_ms)} CPU ms a frame",
                    batch,
                )
                for count, each in sorted(m.actors.items())
            ),
            ("start of Ray and its engines", f"{m.start_s:.1f} s", batch),
            ("taking a part from an actor", f"{milliseconds(m.part_ms)} CPU ms", batch),
            ("writing a row", f"{1e3 * m.row_ms:.0f} CPU µs, {m.row_bytes:.0f} bytes", batch),
            ("listing a part in the manifest", f"{1e6 * m.manifest_s:.1f} CPU µs", batch),
            ("finding a part done", f"{1e3 * m.again_s:.2f} ms", batch),
            (
                "memory of an engine, at most",
                f"{m.engine_mb:.0f} MB",
                "`python -m benchmarks latency`",
            ),
            (
                "one search on an H200, ONNX Runtime",
                f"{GPU_SEARCH_MS:.0f} ms",
                "by hand, [status](status.md#on-a-gpu)",
            ),
        ),
    )


def _day(fleet: Fleet, m: Measured) -> Table:
    frames, rows = fleet.frames, fleet.frames * fleet.refs
    core_h = frames * m.frame_s(fleet.refs, fleet.frame) / 3600
    read_h = frames * m.read_ms[fleet.frame] / 3.6e6
    cores = core_h / _DAY_H
    gpu_h = frames * GPU_SEARCH_MS / 3.6e6
    return Table(
        ("computed", ""),
        (
            ("frames", _count(frames)),
            ("answers (rows)", _count(rows)),
            ("films", f"{_count(frames * fleet.bytes_a_frame / 1e12)} TB"),
            ("Parquet", f"{_count(rows * m.row_bytes / 1e12)} TB"),
            ("core-hours", f"{_count(core_h)}, {percent(read_h / core_h)} of them decoding"),
            ("cores that end within the day", _count(cores)),
            ("their memory", f"{_count(cores * m.engine_mb / 1e6)} TB"),
            ("hours on 1,000 cores", _count(core_h / 1_000)),
            ("GPU-hours, one expression a frame", _count(gpu_h)),
            (
                f"GPU-hours, {fleet.refs} expressions, at most",
                f"{_count(gpu_h * fleet.refs)} (each by itself; shared windows make it less)",
            ),
            *((f"files of {size:,} frames", _count(frames / size)) for size in PARTS),
        ),
        f"Assumed: {fleet.vehicles:,} vehicles drive {fleet.hours:g} hours a day with"
        f" {fleet.cameras} camera{'s' * (fleet.cameras > 1)} of {fleet.rate_hz:g} frames a second,"
        f" {fleet.frame}, films of {fleet.mbit_s:g} Mbit/s; {fleet.refs} expressions a frame, every"
        " frame asked. A core runs one engine with one thread.",
    )


def _limits(fleet: Fleet, m: Measured) -> Table:
    fps = 1 / m.frame_s(fleet.refs, fleet.frame)  # of an actor
    read_ms = m.read_ms[fleet.frame]
    gpu_fps = 1e3 / (GPU_SEARCH_MS + read_ms)
    link = NETWORK_GBIT_S * 1e9 / (8 * fleet.bytes_a_frame)
    parts = fleet.frames / PARTS[0], fleet.frames / PARTS[1]
    return Table(
        ("stage", "bears", "on CPUs", "on GPUs"),
        (
            ("an actor", "", f"{two_digits(fps)} frames/s", f"{two_digits(gpu_fps)} frames/s"),
            (
                "decoding, on the actor's core",
                f"{_count(1e3 / read_ms)} frames/s",
                f"{percent(fps * read_ms / 1e3)} of its time",
                f"{percent(gpu_fps * read_ms / 1e3)} of its time",
            ),
            (
                f"a link of {NETWORK_GBIT_S:g} Gbit/s",
                f"{_count(link)} frames/s",
                f"{_count(link / fps)} actors",
                f"{_count(link / gpu_fps)} actors",
            ),
            (
                "the one process that writes",
                f"{_count(m.writer_fps(fleet.refs))} frames/s",
                f"{_count(m.writer_fps(fleet.refs) / fps)} actors",
                f"{_count(m.writer_fps(1) / gpu_fps)} actors",
            ),
            (
                "the manifest, a day in one batch",
                f"{_count(parts[0] * m.manifest_s)} s a time",
                "2 % of the writer's time",
                "the same",
            ),
            (
                "going on with a day that is done",
                f"{_count(parts[0] * m.again_s / 60)} min; {_count(parts[1] * m.again_s / 60)} min"
                f" with --frames-per-part {PARTS[1]}",
                "hinders none",
                "the same",
            ),
        ),
        f"Computed: how many actors a stage bears before they wait for it. CPU: one core an actor,"
        f" {fleet.refs} expressions a frame. GPU: one expression, {GPU_SEARCH_MS:g} ms and decoding"
        f" on a core. Parts have {PARTS[0]} frames where nothing is said, on a local disk.",
    )


def _growth(m: Measured) -> Table:
    hours = [[1e6 * m.frame_s(count, name) / 3600 for name in FRAMES] for count in REFS]
    return Table(
        ("expressions", *(f"{name}, core-hours" for name in FRAMES)),
        tuple(
            (str(count), *(_count(each) for each in row))
            for count, row in zip(REFS, hours, strict=True)
        ),
        "Computed: a million frames.",
    )


def _by_actors(fleet: Fleet, m: Measured) -> Table:
    writer = m.writer_fps(1)
    measured = [
        (str(count), f"{each.fps:.1f}", milliseconds(each.cpu_ms), "measured")
        for count, each in sorted(m.actors.items())
        if count
    ]
    frame_s = m.frame_s(1, fleet.frame)
    computed = [
        (
            f"{count:,}",
            _count(min(count / frame_s, writer)),
            milliseconds(1e3 * frame_s),
            "computed" + ", the process that writes is the limit" * (count / frame_s > writer),
        )
        for count in ACTORS
    ]
    return Table(
        ("actors", "frames/s", "CPU ms a frame", ""),
        (*measured, *computed),
        "One expression. Measured: 640x360 in four films, searches of one step, two cores that were"
        " busy with other work as well, so that the processor's time tells more than the frames a"
        f" second. Computed: {fleet.frame}, searches as the engine has them, a core for each actor,"
        " up to what one process writes.",
    )


def _speeds(batch: Mapping[str, Any]) -> dict[int, Speed]:
    """Of each number of actors; 0: in one process."""
    found: dict[int, list[Speed]] = {}
    for row in batch["rows"]:
        count = 0 if row["by"] == LOCAL else _actors(row["by"])
        if count is not None:
            speed = Speed(batch["frames"] / row["seconds"], row["cpu_ms"])
            found.setdefault(count, []).append(speed)
    return {
        count: Speed(*np.median([(each.fps, each.cpu_ms) for each in some], axis=0).tolist())
        for count, some in found.items()
    }


def _actors(by: str) -> int | None:
    """The number in ``Ray, 2 actors``; None for what has none."""
    words = by.split()
    return int(words[1]) if words[0] == "Ray," else None


def _called(actors: int) -> str:
    return f"Ray, {actors} actor{'s' * (actors > 1)}" if actors else "one process"


def _count(value: float) -> str:
    """Three digits that count."""
    if value >= 1e9:
        return f"{value / 1e9:.3g} billion"
    if value >= 1e6:
        return f"{value / 1e6:.3g} million"
    return f"{float(f'{value:.3g}'):,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
