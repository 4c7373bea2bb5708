"""``python -m benchmarks batch``: what do many files cost, by one engine or several, and does a
kill lose or double an answer?"""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import options
from benchmarks.fleet.costs import asking, reading, writing
from benchmarks.fleet.runs import Batch, bytes_in, held, kill, loop, parts_in
from benchmarks.report.section import Figures, Table, milliseconds, percent, two_digits
from evaluation.seeds import TIMES
from evaluation.tables import table
from sdk.options import not_negative, positive

if TYPE_CHECKING:
    from sdk.grounder import Grounder

FILES = (10, 100, 1_000, 10_000)
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
    from benchmarks.fleet.logs import FILM_WH, write_damaged, write_films

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
            each_ms, parts = done.pop("cpu_ms_a_part"), parts_in(out) - len(damaged)
            done["cpu_ms"] = None if each_ms is None else each_ms * parts / args.frames
            rows.append({"by": _by(actors), "round": number, **done, **held(out, expected)})
            part_bytes = bytes_in(out)
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


def files_curve(
    grounder: Grounder,
    args: argparse.Namespace,
    pools: Sequence[int | None],
    opened: tuple[str, ...],
    place: Path,
) -> Iterator[dict[str, Any]]:
    """What so many recordings of one frame take, each a part: the most that files can cost.
    ``again_s`` is a run that finds all done."""
    from benchmarks.fleet.logs import write_many

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


def _by(actors: int | None) -> str:
    return LOCAL if actors is None else f"Ray, {actors} actor{'s' * (actors > 1)}"


def _yes(value: bool) -> str:
    return "yes" if value else "NO"
