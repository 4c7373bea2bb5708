"""``python -m benchmarks methods``: the eight methods on one base, the paper's table in small."""

from __future__ import annotations

import argparse
from dataclasses import asdict, fields
from pathlib import Path

from benchmarks.methods import Budget
from sdk.cores import usable_cores
from sdk.options import not_negative, positive, positive_float
from train.models.piza.methods import METHODS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--out", type=Path, default=Path("build/methods"), help="run again: resume")
    parser.add_argument("--method", choices=METHODS, nargs="+", default=list(METHODS))
    types = {"lr": positive_float, "seed": not_negative}
    for field in fields(Budget):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=types.get(field.name, positive),
            default=field.default,
            help=f"{field.metadata['help']} (default: {field.default})",
        )
    parser.add_argument("--processes", type=positive, default=usable_cores())
    parser.add_argument("--bfloat16", action="store_true", help="mixed precision")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them here (.png, .svg)")


def run(args: argparse.Namespace) -> int:
    """Train, measure, print a table, write the rows."""
    from benchmarks.methods import Experiment
    from benchmarks.plots.methods import check_plot, methods_plot
    from evaluation.tables import JsonFile, share, table

    file = JsonFile(args.json)
    budget = Budget(**{field.name: getattr(args, field.name) for field in fields(Budget)})
    if args.plot is not None:
        check_plot(args.plot)  # not only after an hour of training
    experiment = Experiment(args.out, budget, args.processes, args.bfloat16)
    rows = experiment.run(list(dict.fromkeys(args.method)), lambda line: print(line, flush=True))
    cells = [
        [
            row.method,
            f"{row.params / 1e6:.3f}",
            *(share(value) for value in (row.acc50, row.acc75, row.macc, row.first_window)),
            f"{row.steps:.2f}",
        ]
        for row in rows
    ]
    header = ("method", "params / M", "Acc50", "Acc75", "mAcc", "1st window", "steps")
    print(f"\n{rows[0].n} sentences about scenes that nothing was trained on\n")
    print(table(header, cells))
    file.write([asdict(row) for row in rows])
    if args.plot is not None:
        methods_plot(rows, args.plot)
    return 0
