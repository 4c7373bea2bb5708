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
    from benchmarks.environment import describe
    from benchmarks.evaluation import as_records, evaluate, summarise
    from benchmarks.report import JsonFile

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
    print("\n".join(_lines(figures, args.scenes, args.seed, engine)))
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


def _lines(figures: dict[str, dict[str, float]], scenes: int, seed: int, engine: str) -> list[str]:
    from benchmarks.report import share, table

    names = {
        "zoom": "all",
        "attribute": "noun phrase is enough",
        "relation": "needs the relation",
        "shuffled": "sentences shuffled",
    }
    columns = ("acc50", "acc75", "macc", "first_window", "found")
    rows = [
        [
            title,
            str(figures[name]["n"]),
            *(share(figures[name][column]) for column in columns),
            f"{figures[name]['steps']:.2f}",
        ]
        for name, title in names.items()
    ]
    absent = figures["absent"]
    rows.append(
        [
            "absent objects",
            str(absent["n"]),
            *"----",
            share(absent["found"]),
            f"{absent['steps']:.2f}",
        ]
    )
    header = ("", "n", "Acc50", "Acc75", "mAcc", "1st window", "found", "steps")
    return [
        engine,
        f"scenes    {scenes}, seeds {seed} to {seed + scenes - 1}, one sentence each",
        "",
        table(header, rows),
        "",
        "Acc50, Acc75, mAcc: IoU with the true box, whatever the score. 1st window: the region",
        "that the first step chose holds the target. found: the score reached the threshold; for",
        "absent objects that is a false alarm.",
    ]
