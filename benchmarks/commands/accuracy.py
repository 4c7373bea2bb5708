"""``python -m benchmarks accuracy``: does it find what the sentence says?"""

from __future__ import annotations

import argparse
import warnings

from benchmarks import options
from train.options import not_negative, positive

HELP = "accuracy on procedural scenes, with the sentences shuffled, and with absent objects"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=500, help="how many scenes")
    parser.add_argument("--seed", type=not_negative, default=900000, help="of the first scene")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from benchmarks.cases import make_cases
    from benchmarks.evaluation import evaluate
    from train.evaluation.environment import describe
    from train.evaluation.report import JsonFile, accuracy_lines
    from train.evaluation.scoring import as_records, summarise

    file = JsonFile(args.json)
    environment = describe()
    with options.open_grounder(args) as grounder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unknown words: counted as not found
        engine = options.engine_line(grounder)
        cases = make_cases(args.scenes, args.seed)
        rows = evaluate(
            grounder, cases, args.seed, lambda it: tqdm(it, unit="scene", desc="accuracy")
        )
    figures = summarise(rows)
    last = args.seed + args.scenes - 1
    about = f"scenes    {args.scenes}, seeds {args.seed} to {last}, one sentence each"
    print("\n".join([engine, about, "", *accuracy_lines(figures)]))
    file.write(
        {
            **figures,
            "scenes": args.scenes,
            "seed": args.seed,
            "engine": engine.removeprefix("engine").strip(),
            "environment": environment,
            "rows": as_records(rows),
        },
    )
    return 0
