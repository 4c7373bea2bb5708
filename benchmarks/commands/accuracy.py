"""``python -m benchmarks accuracy``: does it find what the sentence says?"""

from __future__ import annotations

import argparse

from benchmarks import options
from evaluation.seeds import ACCURACY
from sdk.options import GRAMMARS, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=500, help="how many scenes")
    options.add_seed(parser, ACCURACY)
    parser.add_argument(
        "--grammar", choices=GRAMMARS, default="plain", help="of the sentences (default: plain)"
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from evaluation.questions import make_cases
    from evaluation.scoring import as_records, evaluate, summarise
    from evaluation.tables import accuracy_lines

    with options.measurement(args) as measurement:
        cases = make_cases(args.scenes, args.seed, args.grammar)
        rows = evaluate(
            measurement.grounder,
            cases,
            args.seed,
            lambda it: tqdm(it, unit="scene", desc="accuracy"),
        )
    figures = summarise(rows)
    last = args.seed + args.scenes - 1
    about = (
        f"scenes    {args.scenes}, seeds {args.seed} to {last}, one {args.grammar} sentence each"
    )
    print("\n".join([measurement.engine_line, about, "", *accuracy_lines(figures)]))
    measurement.write(
        {
            **figures,
            "scenes": args.scenes,
            "seed": args.seed,
            "grammar": args.grammar,
            "rows": as_records(rows),
        },
    )
    return 0
