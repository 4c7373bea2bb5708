"""``python -m benchmarks beam``: is it worth following more than one candidate?"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import options
from train.options import not_negative, positive

BEAMS = (1, 2, 3, 4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=300, help="how many scenes")
    parser.add_argument("--seed", type=not_negative, default=930000, help="of the first scene")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from benchmarks.beam import measure, summarise
    from benchmarks.cases import make_cases

    with options.measurement(args) as measurement:
        cases = make_cases(args.scenes, args.seed)
        answers = measure(
            measurement.grounder, cases, BEAMS, lambda it: tqdm(it, unit="scene", desc="beam")
        )
    rows = [summarise(beam, answers[beam], answers[BEAMS[0]]) for beam in BEAMS]
    print("\n".join([*measurement.header, "", _table(rows)]))
    measurement.write({"rows": rows, "scenes": args.scenes, "seed": args.seed})
    return 0


def _table(rows: list[dict[str, Any]]) -> str:
    from train.evaluation.report import share, table

    return table(
        ("beam", "Acc50", "mAcc", "gained", "lost", "found", "absent found", "p50 ms", "time"),
        [
            [
                str(row["beam"]),
                *(share(row[key]) for key in ("acc50", "macc")),
                str(row["gained"]),
                str(row["lost"]),
                *(share(row[key]) for key in ("found", "absent_found")),
                f"{row['p50_ms']:.1f}",
                f"{row['ratio']:.2f}x",
            ]
            for row in rows
        ],
    )
