"""``python -m benchmarks scaling``: what does more of everything cost?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import options
from evaluation.seeds import TIMES
from sdk.options import positive

if TYPE_CHECKING:
    from sdk.grounder import Grounder

AXES = ("refs", "frame", "threads", "batch", "steps")
_UNITS = {
    "refs": "expressions",
    "frame": "frame",
    "threads": "threads",
    "batch": "windows",
    "steps": "zoom steps",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--axis", choices=AXES, nargs="+", default=list(AXES), help="which (all)")
    parser.add_argument("--questions", type=positive, default=8, help="different ones, each asked")
    parser.add_argument("--rounds", type=positive, default=5, help="that count, of all in turn")
    options.add_seed(parser, TIMES)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them (.png, .svg)")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON and the plot."""
    from tqdm import tqdm

    from benchmarks.plots.methods import check_plot

    if args.plot is not None:
        check_plot(args.plot)
    rows = []
    with options.measurement(args) as measurement:
        for axis in dict.fromkeys(args.axis):
            rows += _axis(axis, measurement.grounder, args, partial(tqdm, unit="round", desc=axis))
    print("\n".join([*measurement.header, "", _table(rows)]))
    measurement.write(
        {
            "benchmark": "scaling",
            "rows": rows,
            "questions": args.questions,
            "rounds": args.rounds,
            "seed": args.seed,
        }
    )
    if args.plot is not None:
        from benchmarks.plots.scaling_plot import scaling_plot

        scaling_plot(rows, args.plot)
    return 0


def _axis(
    axis: str,
    grounder: Grounder,
    args: argparse.Namespace,
    progress: Callable[[Any], Iterable[Any]],
) -> list[dict[str, Any]]:
    from benchmarks import scaling
    from evaluation.questions import make_workload
    from sdk.cores import usable_cores
    from sdk.runtime import open_session
    from sdk.text import Tokenizer

    if axis == "refs":
        count = max(1, args.questions // 2)  # each is a hundred expressions long
        frames = scaling.frames_with(max(scaling.REFS), count, args.seed)
        settings = scaling.by_refs(grounder, frames, scaling.REFS)
        return scaling.measure(axis, settings, count, args.rounds, progress)
    workload = make_workload(args.questions, args.seed)
    if axis == "frame":
        settings = scaling.by_frame(grounder, workload, scaling.FRAMES_WH)
        return scaling.measure(axis, settings, args.questions, args.rounds, progress)
    if axis == "batch":
        manifest = grounder.manifest
        tokenizer = Tokenizer.from_file(grounder.path / "tokenizer.json", manifest.max_tokens)
        with closing(open_session(grounder.path, manifest, args.threads)) as session:
            settings = scaling.by_batch(session, tokenizer, workload, scaling.BATCHES)
            return scaling.measure(axis, settings, args.questions, args.rounds, progress)
    if axis == "threads":
        counts = scaling.thread_counts(usable_cores())
        several = scaling.with_threads(grounder.path, counts, args.allow_unproven)
    else:
        several = scaling.with_steps(grounder.path, scaling.STEPS, args.threads)
    with several as grounders:
        settings = scaling.by_grounder(grounders, workload)
        return scaling.measure(axis, settings, args.questions, args.rounds, progress)


def _table(rows: list[dict[str, Any]]) -> str:
    from evaluation.tables import table

    cells = [
        [
            _UNITS[row["axis"]],
            row["label"],
            *(f"{row[key]:.1f}" for key in ("p10_ms", "p50_ms", "p90_ms")),
            f"{row['relative']:.2f}x",
            f"{row['steps']:.2f}",
        ]
        for row in rows
    ]
    return table(("axis", "at", "p10 ms", "p50 ms", "p90 ms", "to the first", "steps"), cells)
