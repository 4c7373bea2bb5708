"""``python -m benchmarks batch``: what do many files cost, by one engine or several, and does a
kill lose or double an answer?

Every run is ``python -m sdk batch`` in a process of its own, as one would type it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import options
from benchmarks.options import BenchmarkError
from benchmarks.report.section import Figures, Table, milliseconds, percent, two_digits
from evaluation.seeds import TIMES, VIDEO_CLIPS
from evaluation.tables import table
from sdk.options import not_negative, positive

if TYPE_CHECKING:
    import pyarrow

    from sdk.grounder import Grounder

REF = "the red car to the left of the white van"
FILES = (10, 100, 1_000, 10_000)
PARTS = (1_000, 10_000, 100_000)  # that a folder may hold
REFS = (1, 2, 4, 8, 16, 32)  # that a frame may be asked
READ_WH = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
_READ_FRAMES, _ASKED_FRAMES = 24, 8
_LOOK_S = 1.0
LOOP, LOCAL = "loop of locate", "one process"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--frames", type=positive, default=2_000, help="of all films (2000)")
    parser.add_argument("--films", type=positive, default=4, help="which they are in (4)")
    parser.add_argument(
        "--frames-per-part",
        type=positive,
        default=16,
        metavar="N",
        help="frames of a Parquet file (16: a kill has many to fall between)",
    )
    parser.add_argument(
        "--actors",
        type=positive,
        nargs="+",
        default=[1, 2],
        help="on Ray, where it is installed (1 2)",
    )
    parser.add_argument("--rounds", type=positive, default=1, help="of the films, by all in turn")
    parser.add_argument(
        "--max-steps",
        type=positive,
        metavar="N",
        help="let searches take so many steps at most: with 1 a run is shorter, and what batches"
        " cost besides is the larger share (default: the engine's own)",
    )
    parser.add_argument("--kills", type=not_negative, default=5, help="of one batch (5)")
    parser.add_argument(
        "--files",
        type=positive,
        nargs="*",
        default=list(FILES),
        help="how many files of one frame",
    )
    options.add_seed(parser, TIMES)
    options.add_engine_arguments(parser)
    parser.set_defaults(threads=1)  # as an actor has


def run(args: argparse.Namespace) -> int:
    """Measure, print tables, write the JSON."""
    with (
        options.measurement(args) as measurement,
        TemporaryDirectory() as place,
        asked(measurement.grounder, args, Path(place)) as grounder,
    ):
        figures = {
            "benchmark": "batch",
            **measure(grounder, args, Path(place)),
            "asking": list(asking(measurement.grounder, args.seed)),
            "max_steps": args.max_steps,
            "seed": args.seed,
        }
    tables = (each for each in tables_of(figures) if each.rows)
    shown = [f"{table(each.header, each.rows)}\n{each.note}".rstrip() for each in tables]
    print("\n\n".join(["\n".join(measurement.header), *shown]))
    measurement.write(figures)
    return 0


@contextmanager
def asked(grounder: Grounder, args: argparse.Namespace, place: Path) -> Iterator[Grounder]:
    """That grounder or, where fewer steps are asked for, one of an engine that differs in them."""
    from benchmarks.variants import variant
    from sdk.grounder import Grounder

    if args.max_steps is None:
        yield grounder
        return
    engine = variant(grounder.path, place / "steps.engine", {"max_steps": args.max_steps})
    with Grounder(engine, threads=args.threads, allow_unproven=True) as changed:
        yield changed


def measure(grounder: Grounder, args: argparse.Namespace, place: Path) -> dict[str, Any]:
    """All figures.

    Args:
        grounder: who answers the loop.
        args: the options.
        place: an empty folder.

    Raises:
        BenchmarkError: a run failed, or did not end as it has to.
    """
    from benchmarks.logs import FILM_WH, write_damaged, write_films

    films = write_films(place / "films", min(args.films, args.frames), args.frames, args.seed)
    damaged = write_damaged(place / "films", films[0])
    pools = [None, *(args.actors if importlib.util.find_spec("ray") else ())]
    unproven = args.allow_unproven or args.max_steps is not None
    opened = ("--threads", str(args.threads), *(["--allow-unproven"] * unproven))
    batch = Batch(
        place / "films",
        grounder.path,
        (*opened, "--frames-per-part", str(args.frames_per_part)),
        place,
    )
    rows = []
    for number in range(args.rounds):
        expected, took = loop(grounder, films)
        rows.append({"by": LOOP, "round": number, **took, "rows": len(expected)})
        for actors in pools:
            out = place / f"out-{number}-{actors}"
            done = batch.run(out, actors)
            each_ms, parts = done.pop("cpu_ms_a_part"), _parts(out) - len(damaged)
            done["cpu_ms"] = None if each_ms is None else each_ms * parts / args.frames
            rows.append({"by": _by(actors), "round": number, **done, **held(out, expected)})
            part_bytes = _bytes(out)
    killed = []
    if args.kills:
        actors, out = pools[-1], place / "killed"
        usual_s = next(row["seconds"] for row in rows if row["by"] == _by(actors))
        rng = np.random.default_rng(args.seed)
        parts = kill(batch, out, actors, usual_s, args.kills, rng)
        batch.run(out, actors)
        killed.append({"by": _by(actors), "parts_at_kill": parts, **held(out, expected)})
    return {
        "frames": args.frames,
        "films": len(films),
        "frame_wh": list(FILM_WH),
        "damaged": len(damaged),
        "frames_per_part": args.frames_per_part,
        "rows": rows,
        "killed": killed,
        "cluster": bool(os.environ.get("RAY_ADDRESS")),
        "bytes_a_row": part_bytes / (len(expected) + len(damaged)),
        "files": list(files_curve(grounder, args, pools, opened, place)),
        "writing": writing(expected, place),
        "reading": list(reading(place)),
    }


@dataclass(frozen=True)
class Batch:
    """``python -m sdk batch`` of one source by one engine; its output goes to a log."""

    source: Path
    engine: Path
    options: tuple[str, ...]
    place: Path
    _refs: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_refs", self.place / "refs.txt")
        self._refs.write_text(REF + "\n", encoding="utf-8")

    def command(self, out: Path, actors: int | None) -> list[str]:
        """What ``python -m`` runs; it goes on with what there is."""
        several = [] if actors is None else ["--actors", str(actors)]
        given = ["--refs", self._refs, "-o", out, "--engine", self.engine, "--resume", "--json"]
        return ["sdk", "batch", *map(str, [self.source, *given]), *several, *self.options]

    def begin(self, out: Path, actors: int | None) -> subprocess.Popen[bytes]:
        """Without waiting for it; what it says goes to ``OUT.log``."""
        with out.with_suffix(".log").open("wb") as log:
            command = [sys.executable, "-P", "-m", *self.command(out, actors)]
            return subprocess.Popen(command, stdout=log, stderr=log)

    def run(self, out: Path, actors: int | None) -> dict[str, Any]:
        """To its end.

        Returns:
            ``seconds`` of answering, ``wall_s`` with all that came before: the start of Python and
            of Ray, the opening of engines, the listing of files. ``cpu_ms_a_part``: of all its
            processes, from the first part on (a cluster's are not its own); None where it was over
            too soon to look.

        Raises:
            BenchmarkError: it failed, or ended before all was done.
        """
        begin_s = time.perf_counter()
        process = self.begin(out, actors)
        cpu_ms = _cpu_ms_a_part(process, out)
        wall_s = time.perf_counter() - begin_s
        log = out.with_suffix(".log")
        lines = log.read_text().splitlines()
        summaries = [json.loads(line) for line in lines if line.startswith("{")]
        if process.returncode or not (summaries and summaries[0]["complete"]):
            raise BenchmarkError(
                f"expected a whole batch, found exit code {process.returncode}: {lines[-1:]}"
            )
        return {"seconds": summaries[0]["seconds"], "wall_s": wall_s, "cpu_ms_a_part": cpu_ms}


def loop(grounder: Grounder, films: Sequence[Path]) -> tuple[pyarrow.Table, dict[str, float]]:
    """The answers of a plain loop, in the columns of a batch; its seconds, and milliseconds of the
    processors a frame."""
    from benchmarks.logs import read_film
    from sdk.fleet.rows import answer_row
    from sdk.fleet.rows import table as arrow_table

    begin_s, spent_s = time.perf_counter(), time.process_time()
    found = [
        answer_row(str(film), number, time_s, grounder.locate(picture, REF))
        for film in films
        for number, (picture, time_s) in enumerate(read_film(film))
    ]
    cpu_ms = 1e3 * (time.process_time() - spent_s) / len(found)
    return arrow_table(found), {"seconds": time.perf_counter() - begin_s, "cpu_ms": cpu_ms}


def held(out: Path, expected: pyarrow.Table) -> dict[str, Any]:
    """What a batch wrote against what the loop found, to the last bit.

    Returns:
        ``rows``, ``errors``: rows of what cannot be read. ``lost``, ``twice``: answers that are
        missing, or there more than once. ``same``: the answers are those of the loop.
    """
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    found = _comparable(ds.dataset(out, format="parquet").to_table())
    answers = found.filter(pc.is_null(found["error"]))
    expected = _comparable(expected)
    keys = [_keys(each) for each in (answers, expected)]
    return {
        "rows": len(found),
        "errors": len(found) - len(answers),
        "lost": len(set(keys[1]) - set(keys[0])),
        "twice": len(keys[0]) - len(set(keys[0])),
        "same": answers.equals(expected),
    }


def kill(
    batch: Batch,
    out: Path,
    actors: int | None,
    usual_s: float,
    times: int,
    rng: np.random.Generator,
) -> list[int]:
    """Kills a batch, goes on with it, kills it again, each time at a random moment after it wrote
    a part.

    Args:
        batch: what is killed.
        out: where it writes to.
        actors: its actors.
        usual_s: what it takes when nobody kills it.
        times: how often.
        rng: of the moments, which are so early that the batch does not end before the last.

    Returns:
        The parts that were there at each kill.
    """
    found: list[int] = []
    for _ in range(times):
        there = _parts(out)
        process = batch.begin(out, actors)
        while process.poll() is None and _parts(out) == there:
            time.sleep(0.002)
        try:
            process.wait(rng.uniform(0.0, usual_s / (times + 1)))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            found.append(_parts(out))
        else:
            break  # it failed or, on a machine that has grown faster since, has ended
    return found


def files_curve(
    grounder: Grounder,
    args: argparse.Namespace,
    pools: Sequence[int | None],
    opened: tuple[str, ...],
    place: Path,
) -> Iterator[dict[str, Any]]:
    """What so many recordings of one frame take, each a part: the most that files can cost.
    ``again_s`` is a run that finds all done."""
    from benchmarks.logs import write_many

    for count in dict.fromkeys(args.files):
        source = place / f"files-{count}"
        write_many(source, count, args.seed)
        batch = Batch(source, grounder.path, opened, place)
        for actors in dict.fromkeys((pools[0], pools[-1])):
            out = place / f"files-{count}-{actors}"
            row = {"files": count, "by": _by(actors), **batch.run(out, actors)}
            if actors is None:
                row["again_s"] = batch.run(out, actors)["wall_s"]
            yield row


def asking(grounder: Grounder, seed: int) -> Iterator[dict[str, Any]]:
    """What so many expressions in a call take of the processors, on frames of 1920x1080; their
    texts are known, as in a batch after the first frame."""
    from benchmarks.commands.scaling import frames_with

    frames = frames_with(max(REFS), _ASKED_FRAMES, seed)
    for count in REFS:
        times_ms = []
        for frame, refs in frames:
            grounder.locate(frame, refs[:count])
            begin_s = time.process_time()
            grounder.locate(frame, refs[:count])
            times_ms.append((time.process_time() - begin_s) * 1e3)
        yield {"refs": count, "cpu_ms": float(np.median(times_ms)), "frames": len(frames)}


def writing(answers: pyarrow.Table, place: Path) -> dict[str, Any]:
    """What the one process that writes needs of a processor: for a part of 128 answers, and for a
    manifest that lists many."""
    from sdk.fleet.output import Written, open_output
    from sdk.fleet.work import File, Part

    several = answers.slice(0, 128)
    films = [File(f"{number}.mp4", f"{number}.mp4") for number in range(50)]
    output = open_output(str(place / "writing"), {}, films, 128, resume=False)
    times_ms = []
    for number in range(len(films)):
        begin_s = time.process_time()
        output.add(Part(number, 0, True, len(several), several))
        times_ms.append((time.process_time() - begin_s) * 1e3)
    rows = []
    for count in PARTS:
        output.shards = [(File(f"drive/{k:06}.mp4", ""),) for k in range(count)]
        output.written = [Written(k, 0, True, 128) for k in range(count)]
        begin_s = time.process_time()
        output.tell()
        rows.append({"parts": count, "seconds": time.process_time() - begin_s})
    return {"frames": len(several), "part_ms": float(np.median(times_ms)), "manifest": rows}


def reading(place: Path) -> Iterator[dict[str, Any]]:
    """What decoding takes of the processors, by the size of the film."""
    import cv2

    from benchmarks.logs import read_film, write_film
    from evaluation.scenes.motion.clip import make_clip

    pictures = list(make_clip(VIDEO_CLIPS, "ego", _READ_FRAMES).frames())
    for name, wh in READ_WH.items():
        film = place / f"{name}.mp4"
        write_film(film, (cv2.resize(p, wh, interpolation=cv2.INTER_AREA) for p in pictures))
        begin_s = time.process_time()
        count = sum(1 for _ in read_film(film))
        ms = (time.process_time() - begin_s) * 1e3 / count
        yield {"frame": name, "frame_wh": list(wh), "ms": ms, "bytes": film.stat().st_size / count}


def overhead(figures: Figures, of: str) -> float | None:
    """Of one actor on Ray, against one engine in the process itself: the share that is more, the
    median of the rounds.

    Args:
        figures: of this benchmark.
        of: "seconds", or "cpu_ms": of the processors, a frame.

    Returns:
        None where Ray did not run, or was over too soon.
    """
    by = {(row["by"], row["round"]): row[of] for row in figures["rows"]}
    ratios = [
        value / by[_by(None), number]
        for (name, number), value in by.items()
        if name == _by(1) and value and by[_by(None), number]
    ]
    return float(np.median(ratios)) - 1.0 if ratios else None


def tables_of(figures: Figures) -> tuple[Table, ...]:
    """How fast, what kills did, how it grows with files, what asking, reading and writing take."""
    frames = figures["frames"]
    more = {of: overhead(figures, of) for of in ("cpu_ms", "seconds")}
    width, height = figures["frame_wh"]
    most = figures["max_steps"]
    steps = "as many steps as the engine takes" if most is None else f"at most {most} steps"
    alone = "\nCPU with actors: of the process that writes alone." * figures["cluster"]
    speed = Table(
        (
            *("by", "round", "frames/s", "CPU ms a frame", "seconds", "with its start"),
            *("rows", "errors", "as the loop"),
        ),
        tuple(
            (
                row["by"],
                str(row["round"] + 1),
                f"{frames / row['seconds']:.1f}",
                milliseconds(row["cpu_ms"]),
                f"{row['seconds']:.1f}",
                f"{row['wall_s']:.1f}" if "wall_s" in row else "",
                str(row["rows"]),
                str(row.get("errors", "")),
                _yes(row["same"]) if "same" in row else "",
            )
            for row in figures["rows"]
        ),
        f"{frames} frames of {width}x{height} in {figures['films']} films, one expression, {steps},"
        f" one thread an engine; {figures['damaged']} damaged files beside them.\n"
        + (
            "Ray did not run: it is not installed, or one actor was not asked for."
            if more["seconds"] is None
            else f"One actor on Ray against one process: {percent(more['cpu_ms'])} more of the"
            f" processors (goal: below 10 %), {percent(more['seconds'])} more seconds."
        )
        + f"\nA row is {figures['bytes_a_row']:.0f} bytes of Parquet.{alone}",
    )
    killed = Table(
        ("killed", "times", "parts that were there", "rows", "lost", "twice", "as the loop"),
        tuple(
            (
                row["by"],
                str(len(row["parts_at_kill"])),
                ", ".join(map(str, row["parts_at_kill"])),
                *(str(row[key]) for key in ("rows", "lost", "twice")),
                _yes(row["same"]),
            )
            for row in figures["killed"]
        ),
    )
    files = Table(
        ("files of one frame", "by", "s", "CPU ms a file", "s with its start", "s again, all done"),
        tuple(
            (
                f"{row['files']:,}",
                row["by"],
                f"{row['seconds']:.1f}",
                milliseconds(row["cpu_ms_a_part"]),
                f"{row['wall_s']:.1f}",
                f"{row['again_s']:.1f}" if "again_s" in row else "",
            )
            for row in figures["files"]
        ),
        f"Each file is a part.{alone}",
    )
    asking = Table(
        ("expressions", "CPU ms a frame", "CPU ms an expression"),
        tuple(
            (
                str(row["refs"]),
                milliseconds(row["cpu_ms"]),
                milliseconds(row["cpu_ms"] / row["refs"]),
            )
            for row in figures["asking"]
        ),
        "In one call, on 1920x1080, medians.",
    )
    written = figures["writing"]
    writing = Table(
        ("writing", "CPU ms"),
        (
            (f"a part of {written['frames']} frames", milliseconds(written["part_ms"])),
            *(
                (f"a manifest of {row['parts']:,} parts", milliseconds(1e3 * row["seconds"]))
                for row in written["manifest"]
            ),
        ),
    )
    reading = Table(
        ("decoding a film", "CPU ms a frame", "MB a frame"),
        tuple(
            (row["frame"], milliseconds(row["ms"]), two_digits(row["bytes"] / 1e6))
            for row in figures["reading"]
        ),
        "MPEG-4 as OpenCV writes it.",
    )
    return speed, killed, files, asking, writing, reading


def _cpu_ms_a_part(process: subprocess.Popen[bytes], out: Path) -> float | None:
    """Waits for a batch, and looks every second at what it and all that it started have taken of
    the processors: other work on the machine changes that less than how long it takes."""
    import psutil

    before = _parts(out)
    spent_s: dict[int, float] = {}  # by process, also of those that have ended
    seen: list[tuple[int, float]] = []  # parts, seconds
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
        with suppress(psutil.NoSuchProcess):
            whole = psutil.Process(process.pid)
            for each in (whole, *whole.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    spent_s[each.pid] = times.user + times.system
            seen.append((_parts(out), sum(spent_s.values())))
    answering = [each for each in seen if each[0] > before]
    if not answering or answering[0][0] == answering[-1][0]:
        return None
    (first, begin_s), (last, end_s) = answering[0], answering[-1]
    return 1e3 * (end_s - begin_s) / (last - first)


def _by(actors: int | None) -> str:
    return LOCAL if actors is None else f"Ray, {actors} actor{'s' * (actors > 1)}"


def _yes(value: bool) -> str:
    return "yes" if value else "NO"


def _parts(out: Path) -> int:
    return len(list(out.glob("part-*")))


def _bytes(out: Path) -> int:
    return sum(path.stat().st_size for path in out.glob("part-*"))


def _comparable(answers: pyarrow.Table) -> pyarrow.Table:
    """In order, without the milliseconds that they took."""
    order = [("source", "ascending"), ("frame", "ascending")]
    return answers.drop_columns(["timing_ms"]).sort_by(order)


def _keys(answers: pyarrow.Table) -> list[tuple[str, int]]:
    return list(zip(answers["source"].to_pylist(), answers["frame"].to_pylist(), strict=True))
