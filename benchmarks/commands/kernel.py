"""``python -m benchmarks kernel``: our crop-and-resize kernel against what others offer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.plots.style import check_plot
from benchmarks.report.section import Figures, Part, Picture, Section, Table, milliseconds
from sdk.options import add_threads, not_negative, positive

if TYPE_CHECKING:
    from benchmarks.kernel.tasks import Task
    from benchmarks.kernel.timing import Result, Roofline

_RECORD = ("--threads", "1", "--rounds", "8", "--instructions")
PART = Part(_RECORD, ("--rounds", "2"), engine=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--rounds", type=positive, default=30, help="turns of each that count")
    parser.add_argument(
        "--instructions", action="store_true", help="count them too, for AVX2, with valgrind"
    )
    add_threads(parser)
    parser.add_argument("--seed", type=not_negative, default=0, help="of frames and order of turns")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them here (.png, .svg)")


def run(args: argparse.Namespace) -> int:
    """Check, measure, print a table, write the rows."""
    import numpy as np
    from tqdm import tqdm

    from benchmarks.kernel.contestants import threads_of_others
    from benchmarks.kernel.plot import kernel_plot
    from benchmarks.kernel.tasks import make_tasks
    from benchmarks.kernel.timing import GOALS, roofline, run_task
    from evaluation.environment import header
    from evaluation.tables import JsonFile
    from sdk.cores import default_threads

    tasks = list(make_tasks(args.seed))
    file = JsonFile(args.json)
    if args.plot is not None:
        check_plot(args.plot)
    environment = _environment()
    threads = default_threads()
    rng = np.random.default_rng([args.seed, 22])
    counts = _count(tasks) if args.instructions else {}
    results: list[Result] = []
    with threads_of_others(threads):
        for task in tqdm(tasks, unit="row", desc="kernel"):
            results.append(run_task(task, threads, args.rounds, rng, counts.get(task)))
    goals = [goal.line(results) for goal in GOALS]
    roof = roofline()
    print("\n".join([*header(environment), *_about(threads, args.rounds, roof), ""]))
    print("\n".join([*_lines(results), "", *goals]))
    figures = _figures(results, args.rounds, threads, args.seed) | {"environment": environment}
    figures["roofline"] = roof._asdict()
    file.write(figures | (_counting() if args.instructions else {}))
    if args.plot is not None:
        kernel_plot([result.row for result in results], args.plot)
    return 0


def _count(tasks: Sequence[Task]) -> dict[Task, float]:
    """Instructions a pixel of each task."""
    from tqdm import tqdm

    from benchmarks.kernel.instructions import COUNTED, compiled, count, per_pixel

    with compiled(COUNTED) as program:
        bar = tqdm(tasks, unit="row", desc="instructions")
        return {task: per_pixel(task, count(program, task)) for task in bar}


def _counting() -> dict[str, Any]:
    """What instructions were counted of."""
    from benchmarks.kernel.instructions import COUNTED, compiler_version

    return {"instructions": {"isa": COUNTED, "compiler": compiler_version()}}


def _environment() -> dict[str, Any]:
    """The machine, and the versions of those that only this benchmark needs."""
    import importlib

    from benchmarks.kernel.contestants import PACKAGES, installed
    from evaluation.environment import describe

    environment = describe()
    for name, package in PACKAGES.items():
        if installed(name):
            module = importlib.import_module(package)
            environment["versions"][name] = module.__version__
    return environment


def _about(threads: int, rounds: int, roof: Roofline) -> list[str]:
    from benchmarks.kernel.timing import WARMUP

    return [
        f"workload  {rounds} rounds after {WARMUP} for warm-up (not counted), everyone once a"
        f" round in random order, {threads} {'thread' if threads == 1 else 'threads'}",
        "answers   all others' are checked to be our picture before anyone is timed",
        f"roofline  a copy moves {roof.copy_gb_s:.1f} GB/s, a product of matrices takes"
        f" {roof.float32_gflops:.0f} GFLOP/s in float32: numpy's, in this run",
    ]


def _lines(results: Sequence[Result]) -> list[str]:
    """The table, who is missing from it, and which form of each was the fastest."""
    from benchmarks.kernel.contestants import ANTIALIASED, CONTESTANTS, INSTALL, installed
    from evaluation.tables import table

    cells = []
    for result in results:
        row = result.row
        times = [getattr(row, f"{name}_ms") for name in CONTESTANTS]
        cells.append(
            [
                f"{row.frame} {row.window} -> {row.size}",
                f"{result.scale:.3f}",
                *("-" if ms is None else f"{ms:.2f}" for ms in times),
                f"{row.antialiased_ratio:.2f}",
                f"{row.blob_ratio:.2f}",
                *(
                    []
                    if row.instructions_per_pixel is None
                    else [f"{row.instructions_per_pixel:.1f}"]
                ),
            ]
        )
    titles = ["median milliseconds", "scale", *CONTESTANTS, "best/ours", "blob/ours"]
    if len(cells[0]) > len(titles):
        titles.append("instructions")
    missing = [name for name in CONTESTANTS if not installed(name)]
    return [
        table(titles, cells),
        "",
        *(f"{name}: not installed (pip install {INSTALL[name]})" for name in missing),
        f"ours: with {results[0].row.isa}. best/ours: the best antialiased other over ours"
        f" ({', '.join(ANTIALIASED)}).",
        "blob and kornia do not antialias, kornia makes no bars. copy: np.copyto of as many bytes",
        "as window and network input have. instructions: of ours, a pixel, with AVX2.",
        *_fastest_forms(results),
    ]


def _fastest_forms(results: Sequence[Result]) -> list[str]:
    """Of those that have several forms: on how many rows each was the fastest."""
    wins: dict[str, dict[str, int]] = {}
    for result in results:
        for contestant, forms in result.forms.items():
            if len(forms) > 1:
                counts = wins.setdefault(contestant, {})
                fastest = min(forms, key=lambda name: forms[name].median_ms)
                counts[fastest] = counts.get(fastest, 0) + 1
    return [
        f"fastest form of {contestant}: "
        + ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
        for contestant, counts in wins.items()
    ]


def _figures(results: Sequence[Result], rounds: int, threads: int, seed: int) -> dict[str, Any]:
    """Rows and, in the same order, their details; what was measured how."""
    from dataclasses import asdict

    from benchmarks.kernel.tasks import FRAMES
    from benchmarks.kernel.timing import GOALS, WARMUP

    return {
        "rows": [asdict(result.row) for result in results],
        "details": [result.details() for result in results],
        "goals": [goal.line(results) for goal in GOALS],
        "frames_wh": FRAMES,
        "rounds": rounds,
        "warmup": WARMUP,
        "threads": threads,
        "seed": seed,
    }


def section(figures: Figures) -> Section:
    """Ours and the others, in milliseconds."""
    from benchmarks.kernel.contestants import CONTESTANTS
    from benchmarks.kernel.plot import kernel_plot
    from benchmarks.kernel.timing import Row

    rows = tuple(
        (
            f"{row['frame']} {row['window']} → {row['size']}",
            *(milliseconds(row[f"{each}_ms"]) for each in CONTESTANTS),
        )
        for row in figures["rows"]
    )
    drawn = [Row(**row) for row in figures["rows"]]
    return Section(
        "The crop-and-resize kernel",
        tuple(figures["goals"]),
        (Table(("median milliseconds", *CONTESTANTS), rows),),
        (Picture("kernel", "Kernel", partial(kernel_plot, drawn)),),
    )
