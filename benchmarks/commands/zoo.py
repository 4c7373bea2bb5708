"""``python -m benchmarks zoo``: every way to ground a sentence, in small, on the same questions.

A small CLIP, three detectors, boxes over CLIP's features, MDETR, TransVG and a plain Grounding DINO
are trained on rendered close-ups, or on annotated photographs, and all that can be made of them is
asked the same sentences in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.budget import add_budget, budget_of
from benchmarks.plots.style import (
    AMBER,
    BLUE,
    GREEN,
    LINE,
    MUTED,
    OCHRE,
    RED,
    SOFT,
    VIOLET,
    blank,
    check_plot,
    dress,
    save,
)
from benchmarks.report.section import (
    Figures,
    Part,
    Picture,
    Section,
    Table,
    milliseconds,
    percent,
    printed,
    two_digits,
)
from evaluation.environment import describe
from evaluation.tables import JsonFile
from sdk.cores import usable_cores
from sdk.errors import InputError
from sdk.options import add_threads, positive

if TYPE_CHECKING:
    from benchmarks.zoo.making import Sources

PART = Part(
    quick=(
        "--scenes",
        "4",
        "--test-scenes",
        "2",
        "--sentences",
        "3",
        "--minutes",
        "0.02",
        "--one-look-minutes",
        "0.02",
    ),
    engine=False,
    asked_for=True,
)
_DETECTED = ("YoloClip", "DetrClip", "ClipSSD")
ALONE = "as it is"  # ``askers.ALONE``, which takes long to import
_VIEWS = ("padded", "margin", "blurred", "subject")
_COLOURS = {
    "tight": SOFT,
    "padded": VIOLET,
    "margin": AMBER,
    "blurred": LINE,
    "subject": OCHRE,
    "pseudo-queries": MUTED,
    "words": GREEN,
    "words x clip": RED,
    ALONE: BLUE,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    from benchmarks.zoo.making import PIPELINES, Budget

    parser.add_argument(
        "--pipeline", choices=PIPELINES, nargs="+", default=list(PIPELINES), help="(default: all)"
    )
    parser.add_argument("--out", type=Path, default=Path("build/zoo"), help="run again: resume")
    add_budget(parser, Budget)
    data = parser.add_argument_group("photographs in place of rendered close-ups")
    for name, use in (("train", "trained on"), ("val", "checked by"), ("test", "asked about")):
        data.add_argument(
            f"--{name}", nargs=2, type=Path, metavar=("ANNOTATIONS", "IMAGES"), help=use
        )
        data.add_argument(f"--{name}-split", help="of a RefCOCO file")
    data.add_argument(
        "--prompt", default="{}", help="how CLIP is asked for a category, such as 'a photo of {}'"
    )
    parser.add_argument(
        "--processes", type=positive, default=usable_cores(), help="trainings side by side"
    )
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them here (.png, .svg)")
    parser.add_argument(
        "--pictures", type=Path, metavar="FILE", help="draw everybody's answers to five questions"
    )


def run(args: argparse.Namespace) -> int:
    """Make what is missing, ask, print a table, write the rows."""
    from tqdm import tqdm

    from benchmarks.zoo.askers import opened
    from benchmarks.zoo.asking import ask_all, summarise
    from benchmarks.zoo.data import categories, questions
    from benchmarks.zoo.likeness import Likeness
    from benchmarks.zoo.making import DETECTORS, RENDERED, Budget, Workshop

    if not set(args.pipeline) & set(DETECTORS):
        raise InputError(f"expected one of {', '.join(DETECTORS)} with --pipeline: its CLIP judges")
    file = JsonFile(args.json)
    for file_asked_for in (args.plot, args.pictures):
        if file_asked_for is not None:
            check_plot(file_asked_for)  # not only after an hour of training
    budget = budget_of(args, Budget)
    sources = _sources(args)
    shop = Workshop(
        args.out,
        budget,
        args.processes,
        sources,
        lambda line: print(line, flush=True),
    )
    chosen = [name for name in args.pipeline if sources is None or name not in RENDERED]
    shop.train(chosen)
    engines = {name: shop.engine(name) for name in dict.fromkeys(chosen)}
    detectors = {name: engine for name, engine in engines.items() if name in DETECTORS}
    others = {name: engine for name, engine in engines.items() if name not in DETECTORS}
    asked = questions(shop.sources.test, budget.sentences, budget.seed)
    judge = Likeness(next(iter(detectors.values())), categories(asked), args.prompt)
    with closing(judge), opened(detectors, others, args.threads) as askers:
        counted = partial(tqdm, unit="question", desc="zoo")
        replies = ask_all(askers, asked, judge, args.out / "answers.jsonl", counted)
        rows = summarise(askers, replies)
        if args.pictures is not None:
            from benchmarks.zoo.pictures import COUNT, draw_answers

            draw_answers([each for each in askers if each.usual], asked[:COUNT], args.pictures)
    figures = {"rows": rows, "budget": asdict(budget), "environment": describe()}
    print(f"\n{printed(section(figures))}")
    file.write(figures)
    if args.plot is not None:
        zoo_plot(rows, args.plot)
    return 0


def _sources(args: argparse.Namespace) -> Sources | None:
    """The photographs that the options name, None for rendered close-ups."""
    from benchmarks.zoo.data import Source
    from benchmarks.zoo.making import Sources

    names = ("train", "val", "test")
    given = [name for name in names if getattr(args, name) is not None]
    if not given:
        return None
    if len(given) < len(names):
        raise InputError(f"expected --train, --val and --test together, got {' and '.join(given)}")
    return Sources(
        *(Source(*getattr(args, name), getattr(args, f"{name}_split")) for name in names)
    )


def section(figures: Figures) -> Section:
    """Each pipeline in each variant, what theory says of them, and the plot of Acc50."""
    rows = figures["rows"]
    head = (
        *("pipeline", "variant", "mean IoU", "Acc50", "category", "cosine", "target proposed"),
        "p50 ms",
    )
    cells = tuple(
        (
            row["pipeline"],
            row["variant"],
            f"{row['iou']:.3f} ± {row['iou_se']:.3f}",
            f"{percent(row['acc50'])} ± {100 * row['acc50_se']:.1f}",
            percent(row["category"]),
            two_digits(row["cosine"]),
            percent(row["proposed"]),
            milliseconds(row["p50_ms"]),
        )
        for row in rows
    )
    text = (
        f"{rows[0]['n']} sentences about pictures that nothing was trained on; ± is the standard"
        " error. The box counts that was given, sure or not. Category: CLIP takes what is in the"
        " box for what the target is. Cosine: of what is in the box with the sentence. Proposed:"
        " the target was among what the answer was chosen from.",
    )
    return Section(
        "Every way to ground a sentence",
        text,
        (Table(head, cells), Table(("this", "over that", "points of Acc50"), _order(rows))),
        (Picture("zoo", "Every way to ground a sentence", partial(zoo_plot, rows)),),
    )


def _order(rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """What should be the better of two rows, and by how much it is."""
    by_name = {(row["pipeline"], row["variant"]): row for row in rows}
    pairs = [
        *((("true boxes", "tight"), (name, "tight")) for name in _DETECTED),
        (("true boxes", "words x clip"), ("true boxes", "tight")),
        *(((name, "words x clip"), (name, "tight")) for name in _DETECTED),
        *(((name, variant), (name, "tight")) for variant in _VIEWS for name in _DETECTED),
        *(((name, ALONE), ("YoloClip", "tight")) for name in ("MDETR", "TransVG")),
        (("projection, IoU", ALONE), ("projection, MSE", ALONE)),
    ]
    told = []
    for better, worse in pairs:
        if better in by_name and worse in by_name:
            a, b = by_name[better], by_name[worse]
            points = 100 * (a["acc50"] - b["acc50"])
            error = 100 * float(np.hypot(a["acc50_se"], b["acc50_se"]))
            told.append((", ".join(better), ", ".join(worse), f"{points:+.1f} ± {error:.1f}"))
    return tuple(told)


def zoo_plot(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Acc50 of each pipeline, a point for each variant with its standard error."""
    pipelines = list(dict.fromkeys(row["pipeline"] for row in rows))
    figure = blank(7.2, 0.6 + 0.42 * len(pipelines))
    axes = figure.subplots()
    named: set[str] = set()
    for row in rows:
        variant = row["variant"]
        axes.errorbar(
            100 * row["acc50"],
            pipelines.index(row["pipeline"]),
            xerr=100 * row["acc50_se"],
            fmt="o",
            color=_COLOURS.get(variant, MUTED),
            label=None if variant in named else variant,
            ms=6,
            lw=1,
            alpha=0.85,
        )
        named.add(variant)
    axes.set_yticks(range(len(pipelines)), pipelines, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlabel("Acc50 in %")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    dress(axes, grid="x")
    save(figure, path)
