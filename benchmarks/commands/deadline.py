"""``python -m benchmarks deadline``: are deadlines kept, and what do they cost?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks import options
from train.options import not_negative, positive

FRACTIONS = (0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.6)  # of the time of a search without one
_TRIED = 40  # searches that find out how long one takes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=300, help="searches a deadline")
    parser.add_argument("--seed", type=not_negative, default=920000, help="of the first scene")
    parser.add_argument(
        "--load", type=not_negative, default=0, help="processes that take time away meanwhile"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="accuracy over the deadline")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON and the plot."""
    from tqdm import tqdm

    from benchmarks.cases import make_cases
    from benchmarks.deadline import load, measure, normal_ms, summarise
    from benchmarks.plots import check_plot, deadline_plot

    if args.plot is not None:
        check_plot(args.plot)
    with options.measurement(args) as measurement:
        cases = make_cases(args.scenes, args.seed)
        usual_ms = normal_ms(measurement.grounder, cases[:_TRIED])
        deadlines_ms = [fraction * usual_ms for fraction in FRACTIONS]
        with load(args.load):
            calls = measure(
                measurement.grounder,
                cases,
                deadlines_ms,
                lambda it: tqdm(it, unit="scene", desc="deadline"),
            )
    rows = [
        {"fraction": fraction, **summarise(deadline_ms, some)}
        for fraction, deadline_ms, some in zip(FRACTIONS, deadlines_ms, calls, strict=True)
    ]
    about = f"a search takes {usual_ms:.1f} ms (p50 of {_TRIED}); other processes: {args.load}"
    print("\n".join([*measurement.header, about, "", _table(rows)]))
    measurement.write({"rows": rows, "normal_ms": usual_ms, "load": args.load})
    if args.plot is not None:
        deadline_plot(rows, usual_ms, args.plot)
    return 0


def _table(rows: list[dict[str, Any]]) -> str:
    from train.evaluation.report import share, table

    return table(
        ("deadline", "ms", "kept", "p50 ms", "p99 ms", "complete", "Acc50", "place"),
        [
            [
                f"{row['fraction']:.2f} of a search",
                f"{row['deadline_ms']:.1f}",
                share(row["kept"]),
                f"{row['p50_ms']:.1f}",
                f"{row['p99_ms']:.1f}",
                *(share(row[key]) for key in ("complete", "acc50", "place")),
            ]
            for row in rows
        ],
    )
