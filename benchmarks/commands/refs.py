"""``python -m benchmarks refs``: what do several expressions on one frame cost?"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import options
from train.options import not_negative, positive

COUNTS = (1, 2, 4, 8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=20, help="frames asked about")
    parser.add_argument("--rounds", type=positive, default=5, help="that count, on each frame")
    parser.add_argument("--seed", type=not_negative, default=910000, help="of the first scene")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from benchmarks.refs import measure

    with options.measurement(args) as measurement:
        rows = measure(
            measurement.grounder,
            COUNTS,
            args.scenes,
            args.seed,
            args.rounds,
            lambda it: tqdm(it, unit="row", desc="refs"),
        )
    print("\n".join([*measurement.header, "", _table(rows)]))
    measurement.write({"rows": rows, "scenes": args.scenes, "seed": args.seed})
    return 0


def _table(rows: list[dict[str, Any]]) -> str:
    from train.evaluation.report import share, table

    return table(
        ("expressions", "separate ms", "together ms", "ratio", "image runs", "same answers"),
        [
            [
                str(row["refs"]),
                f"{row['separate_ms']:.1f}",
                f"{row['together_ms']:.1f}",
                f"{row['ratio']:.2f}",
                f"{row['image_runs']:.2f}",
                share(row["same"]),
            ]
            for row in rows
        ],
    )
