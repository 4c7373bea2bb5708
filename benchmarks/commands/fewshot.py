"""``python -m benchmarks fewshot``: a new class from K labels, by four methods, over seeds.

A detector of twelve kinds of rendered close-ups is taught four more by K objects each: by
cross-entropy or by BNRL, and with or without CLIP's say in the scores.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.budget import add_budget, budget_of
from benchmarks.plots.style import (
    AMBER,
    BLUE,
    GREEN,
    RED,
    blank,
    check_plot,
    dress,
    save,
)
from benchmarks.report.section import Figures, Goal, Part, Picture, Section, Table, percent, printed
from evaluation.environment import describe
from evaluation.scenes.refcoco_writer import IMAGES
from evaluation.tables import JsonFile
from sdk.cores import usable_cores
from sdk.options import not_negative, positive

PART = Part(
    quick=(
        *("--scenes", "12", "--test-scenes", "2", "--base-minutes", "0.02"),
        *("--clip-steps", "2", "--steps", "2", "--k", "1", "--seeds", "0", "--frames", "0"),
    ),
    engine=False,
    asked_for=True,
)
SHOTS, SEEDS = (1, 2, 3, 5, 10, 30), (0, 1, 2)
_PROMISED = (10, 30)  # shots at which both parts together are to be better
_FALL = 0.01  # of base AP, that is allowed
_LEAST, _SAME = 0.05, 0.99  # engine against checkpoint: objects from that score on
_NAMES = {
    "fine-tuning": "fine-tuning",
    "bnrl": "+ BNRL",
    "cm-clip": "+ CM-CLIP",
    "both": "+ both",
}
_COLOURS = {"fine-tuning": BLUE, "bnrl": GREEN, "cm-clip": AMBER, "both": RED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    from benchmarks.fewshot.making import Budget

    parser.add_argument(
        "--k", type=positive, nargs="+", default=list(SHOTS), help="shots (default: %(default)s)"
    )
    parser.add_argument(
        "--seeds",
        type=not_negative,
        nargs="+",
        default=list(SEEDS),
        help="of drawing them (default: %(default)s)",
    )
    parser.add_argument("--out", type=Path, default=Path("build/fewshot"), help="run again: resume")
    add_budget(parser, Budget)
    parser.add_argument(
        "--frames",
        type=not_negative,
        default=200,
        help="in which an engine is held against its checkpoint, 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--processes", type=positive, default=usable_cores(), help="trainings side by side"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them here (.png, .svg)")


def run(args: argparse.Namespace) -> int:
    """Make what is missing, print the tables, write the rows."""
    from benchmarks.fewshot.agreement import agreement
    from benchmarks.fewshot.making import LOSSES, NOVEL, Budget, Lesson, Workshop
    from benchmarks.fewshot.recognition import recognised
    from benchmarks.fewshot.table import rows_of

    file = JsonFile(args.json)
    if args.plot is not None:
        check_plot(args.plot)  # not only after an hour of training
    budget = budget_of(args, Budget)
    shop = Workshop(args.out, budget, args.processes, lambda line: print(line, flush=True))
    shop.prepare()
    lessons = [
        Lesson(k, seed, loss)
        for k in sorted(set(args.k))
        for seed in sorted(set(args.seeds))
        for loss in LOSSES
    ]
    shop.teach(lessons)
    rows = [row for each in lessons for row in rows_of(each, shop.scores(shop.taught(each)))]
    figures = {
        "rows": rows,
        "novel": list(NOVEL),
        "base": {"base_ap": shop.scores(shop.base())["base_ap"]},
        "clip": recognised(shop.clip(), shop.test, NOVEL),
        "budget": asdict(budget),
        "environment": describe(),
    }
    if args.frames:
        checkpoint, engine = shop.engine(lessons[-1])
        frames = sorted((shop.train / IMAGES).iterdir())[: args.frames]
        figures["agreement"] = agreement(engine, checkpoint, frames, _LEAST)
    print(f"\n{printed(section(figures))}")
    file.write(figures)
    if args.plot is not None:
        fewshot_plot(rows, args.plot)
    return 0


def section(figures: Figures) -> Section:
    """Novel and base AP of each method at each K, and what each gains."""
    from benchmarks.fewshot.table import BOTH, FINE_TUNING, METHODS, gain, mean, shots

    rows, known = figures["rows"], figures["base"]["base_ap"]
    counts = shots(rows)
    seeds = len({row["seed"] for row in rows})
    head = tuple(_NAMES[method] for method in METHODS)
    tables = [
        Table(
            (f"{name} AP, K", *head),
            tuple(
                (str(k), *(_points(*mean(rows, k, method, score)) for method in METHODS))
                for k in counts
            ),
        )
        for name, score in (("novel", "novel_ap"), ("novel AP50 instead of", "novel_ap50"))
    ]
    tables.append(
        Table(
            ("base AP, K", *head),
            tuple(
                (str(k), *(_points(*mean(rows, k, method, "base_ap")) for method in METHODS))
                for k in counts
            ),
            f"before any shot: {100 * known:.1f}",
        )
    )
    others = [method for method in METHODS if method != FINE_TUNING]
    tables.append(
        Table(
            ("novel AP more than fine-tuning, K", *(_NAMES[method] for method in others)),
            tuple(
                (
                    str(k),
                    *(
                        _points(*gain(rows, k, method, FINE_TUNING, "novel_ap"), sign=True)
                        for method in others
                    ),
                )
                for k in counts
            ),
        )
    )
    clip = figures["clip"]
    text = (
        f"{', '.join(figures['novel'])} are novel; K objects of every kind, the means of {seeds}"
        " draws of them with their standard errors, in points of COCO's AP on pictures that"
        " nothing was trained or chosen on. CLIP was shown no crop of a novel object; of the"
        f" crops of the {clip['n']} in these pictures {percent(clip['right'])} look like their own"
        " kind most.",
    )
    goals = []
    for k in (each for each in _PROMISED if each in counts):
        more, error = gain(rows, k, BOTH, FINE_TUNING, "novel_ap")
        goals.append(
            Goal(
                f"novel AP of both over fine-tuning, {k} shots",
                "above its standard error",
                _points(more, error, sign=True),
                None if math.isnan(error) else more > error,
            )
        )
        base = gain(rows, k, BOTH, FINE_TUNING, "base_ap")[0]
        goals.append(
            Goal(
                f"base AP of both over fine-tuning, {k} shots",
                f"above {-100 * _FALL:g} points",
                f"{100 * base:+.1f} points",
                base >= -_FALL,
            )
        )
    if agreed := figures.get("agreement"):
        goals.append(
            Goal(
                f"frames of {agreed['frames']} in which the engine detects what PyTorch detects",
                f"at least {percent(_SAME)}",
                percent(agreed["same"]),
                agreed["same"] >= _SAME,
            )
        )
    picture = Picture("fewshot", "A class from K labels", partial(fewshot_plot, rows))
    return Section("A class from K labels", text, tuple(tables), (picture,), tuple(goals))


def _points(value: float, error: float, sign: bool = False) -> str:
    told = f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"
    return told if math.isnan(error) else f"{told} ± {100 * error:.1f}"


def fewshot_plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Novel AP over K, a line for each method, standard errors as bars."""
    from benchmarks.fewshot.table import METHODS, mean, shots

    figure = blank(6.0, 3.6)
    axes = figure.subplots()
    counts = shots(rows)
    for method in METHODS:
        found = [mean(rows, k, method, "novel_ap") for k in counts]
        axes.errorbar(
            counts,
            [100 * value for value, _ in found],
            yerr=[100 * error for _, error in found],
            fmt="o-",
            color=_COLOURS[method],
            label=_NAMES[method],
            ms=4,
            lw=1.5,
            capsize=2,
        )
    axes.set_xscale("log")
    axes.set_xticks(counts, [str(k) for k in counts])
    axes.minorticks_off()
    axes.set_xlabel("labelled objects of each kind, K")
    axes.set_ylabel("novel AP")
    axes.legend(frameon=False, fontsize=8)
    dress(axes)
    save(figure, path)
