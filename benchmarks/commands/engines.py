"""``python -m benchmarks engines ENGINE ...``: how long do other engines take?"""

from __future__ import annotations

import argparse
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import options
from train.options import not_negative, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "engines", type=Path, nargs="+", metavar="ENGINE", help="the first is compared with"
    )
    parser.add_argument("--questions", type=positive, default=20, help="that count, to each")
    parser.add_argument("--warmup", type=not_negative, default=2, help="questions before them")
    parser.add_argument("--seed", type=not_negative, default=960000, help="of the first scene")
    options.add_opening(parser)
    options.add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from benchmarks.cases import make_workload
    from benchmarks.coldstart import cold_starts
    from benchmarks.engines import measure, summarise
    from sdk.engine import read_manifest
    from sdk.grounder import Grounder
    from train.evaluation.environment import describe, header
    from train.evaluation.report import JsonFile

    for path in args.engines:
        read_manifest(path)  # an error before the first minute of measuring
    file = JsonFile(args.json)
    environment = describe()
    workload = make_workload(args.warmup + args.questions, args.seed)
    picture, ref = workload.questions[0]
    opened = {"threads": args.threads, "allow_unproven": args.allow_unproven}
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown words
        # Before any engine is open here: memory that they hold is then not scarce.
        starts = [
            cold_starts(path, workload.frames[picture], [ref], 1, **opened)[0]
            for path in args.engines
        ]
        grounders = [stack.enter_context(Grounder(path, **opened)) for path in args.engines]
        asked = measure(
            grounders, workload, args.warmup, lambda it: tqdm(it, unit="question", desc="engines")
        )
        rows = [
            summarise(grounder, each, asked[0], start)
            for grounder, each, start in zip(grounders, asked, starts, strict=True)
        ]
    print("\n".join([*header(environment), "", _table(rows)]))
    file.write({"rows": rows, "seed": args.seed, "environment": environment})
    return 0


def _table(rows: list[dict[str, Any]]) -> str:
    from train.evaluation.report import table

    return table(
        (
            "engine",
            "p50 ms",
            "most",
            "ratio",
            "steps",
            "image",
            "ground",
            "first answer s",
            "memory MB",
            "on disk MB",
        ),
        [
            [
                f"{row['name']} @{row['engine']}" + ("" if row["proven"] else " (unproven)"),
                f"{row['p50_ms']:.1f}",
                f"{row['max_ms']:.1f}",
                f"{row['ratio']:.2f}x",
                f"{row['steps']:.2f}",
                f"{row['image_ms']:.1f}",
                f"{row['ground_ms']:.1f}",
                f"{row['load_to_answer_ms'] / 1e3:.2f}",
                "-" if row["peak_mb"] is None else f"{row['peak_mb']:.0f}",
                f"{row['megabytes']:.1f}",
            ]
            for row in rows
        ],
    )
