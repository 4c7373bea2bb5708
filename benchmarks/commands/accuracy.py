"""``python -m benchmarks accuracy``: does it find what the sentence says?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from benchmarks import options
from benchmarks.report.section import (
    Figures,
    Headline,
    Part,
    Section,
    Table,
    percent,
    two_digits,
)
from evaluation.seeds import ACCURACY
from sdk.options import GRAMMARS, SETTINGS, positive

PART = Part(("--scenes", "500"), quick=("--scenes", "4"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=500, help="how many scenes")
    options.add_seed(parser, ACCURACY)
    parser.add_argument(
        "--grammar", choices=GRAMMARS, default="plain", help="of the sentences (default: plain)"
    )
    parser.add_argument(
        "--setting", choices=SETTINGS, default="plain", help="of the scenes (default: plain)"
    )
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    from evaluation.questions import make_cases
    from evaluation.scoring import as_records, evaluate, summarise
    from evaluation.tables import accuracy_lines

    with options.measurement(args) as measurement:
        cases = make_cases(args.scenes, args.seed, args.grammar, args.setting)
        rows = evaluate(
            measurement.grounder,
            cases,
            args.seed,
            lambda it: tqdm(it, unit="scene", desc="accuracy"),
        )
    figures = summarise(rows)
    dared = {key: figures["zoom"][key] for key in ("recall_at_threshold", "false_alarms")}
    last = args.seed + args.scenes - 1
    about = (
        f"scenes    {args.scenes} {args.setting} ones, seeds {args.seed} to {last},"
        f" one {args.grammar} sentence each"
    )
    print("\n".join([measurement.engine_line, about, "", *accuracy_lines(figures)]))
    measurement.write(
        {
            **figures,
            **dared,
            "scenes": args.scenes,
            "seed": args.seed,
            "grammar": args.grammar,
            "setting": args.setting,
            "rows": as_records(rows),
        },
    )
    return 0


def section(figures: Figures) -> Section:
    """By what the sentence takes."""
    groups = {
        "zoom": "all",
        "attribute": "the noun phrase is enough",
        "relation": "only the relation tells",
        "shuffled": "shuffled among the scenes",
    }
    columns = ("acc50", "acc75", "macc", "first_window", "found")
    rows = tuple(
        (
            title,
            str(group["n"]),
            *(percent(group[key]) for key in columns),
            two_digits(group["steps"]),
        )
        for key, title in groups.items()
        if (group := figures[key])["n"]
    )
    head = ("expressions", "n", "Acc50", "Acc75", "mAcc", "1st window", "found", "steps")
    absent = figures["absent"]
    return Section(
        "Accuracy",
        (
            "Rendered scenes that nothing was trained on. Acc50, Acc75 and mAcc count the box that"
            " was given, whatever its score; 1st window: the region that the first step chose holds"
            f" the target. Of {absent['n']} expressions that are true of nothing,"
            f" {percent(absent['found'])} get a confident answer.",
        ),
        (Table(head, rows, strong=0),),
        headlines=tuple(_headlines(figures)),
    )


def _headlines(figures: Figures) -> Iterator[Headline]:
    zoom, absent = figures["zoom"], figures["absent"]
    yield Headline(
        "Acc50",
        percent(zoom["acc50"]),
        f"mAcc {percent(zoom['macc'])}; {zoom['n']} rendered scenes, every box counts",
    )
    yield Headline(
        "answers that it dares to give",
        percent(zoom["found"]),
        f"of objects that are there; {percent(figures['attribute']['found'])} where the noun"
        f" phrase is enough, {percent(figures['relation']['found'])} where only the relation tells",
    )
    yield Headline(
        "false alarms",
        percent(absent["found"]),
        f"of {absent['n']} expressions that are true of nothing",
    )
