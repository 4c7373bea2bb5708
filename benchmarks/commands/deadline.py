"""``python -m benchmarks deadline``: are deadlines kept, and what do they cost?"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import options
from benchmarks.asking import Call, judge_call, mean, timed
from benchmarks.plots.style import AMBER, BLUE, LINE, MUTED, RED, blank, check_plot, dress, save
from benchmarks.report.section import (
    Figures,
    Headline,
    Part,
    Picture,
    Section,
    Table,
    milliseconds,
    percent,
    printed,
)
from evaluation.questions import Case, make_cases
from evaluation.seeds import DEADLINE
from sdk.grounder import Grounder
from sdk.options import not_negative, positive

FRACTIONS = (0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.6)  # of the time of a search without one
SLACK = 1.1  # a call keeps its deadline when it returns within this times the deadline
PART = Part(quick=("--scenes", "3"))
_TOLD = 0.6  # of a search: the deadline that the README tells of
_TRIED = 40  # searches that find out how long one takes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=300, help="searches a deadline")
    options.add_seed(parser, DEADLINE)
    parser.add_argument(
        "--load", type=not_negative, default=0, help="processes that take time away meanwhile"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="accuracy over the deadline")
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON and the plot."""
    from tqdm import tqdm

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
    figures = {"rows": rows, "normal_ms": usual_ms, "load": args.load}
    print("\n".join([*measurement.header, about, "", printed(section(figures))]))
    measurement.write(figures)
    if args.plot is not None:
        deadline_plot(rows, usual_ms, args.plot)
    return 0


def normal_ms(grounder: Grounder, cases: Sequence[Case]) -> float:
    """The median time of a search without a deadline, over the first of the cases."""
    return float(np.median([ask(grounder, case, case.frame()).wall_ms for case in cases]))


def ask(
    grounder: Grounder, case: Case, frame: NDArray[np.uint8], deadline_ms: float | None = None
) -> Call:
    """One search on a case, whose picture is ``frame``."""
    answer, wall_ms = timed(partial(grounder.locate, frame, case.ref, deadline_ms=deadline_ms))
    return judge_call(answer, case.target_xyxy, wall_ms)


def measure(
    grounder: Grounder,
    cases: Sequence[Case],
    deadlines_ms: Sequence[float],
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> list[list[Call]]:
    """For each deadline its calls; the deadlines take turns, in another order for each case."""
    calls: list[list[Call]] = [[] for _ in deadlines_ms]
    for number, case in enumerate(progress(cases)):
        frame = case.frame()
        ask(grounder, case, frame)  # the text features are known afterwards
        for k in np.random.default_rng(number).permutation(len(deadlines_ms)):
            calls[k].append(ask(grounder, case, frame, deadlines_ms[k]))
    return calls


def summarise(deadline_ms: float, calls: Sequence[Call]) -> dict[str, Any]:
    """A row of figures for one deadline."""
    walls = np.array([call.wall_ms for call in calls])
    return {
        "deadline_ms": deadline_ms,
        "n": len(calls),
        "kept": float((walls <= deadline_ms * SLACK).mean()),
        "p50_ms": float(np.percentile(walls, 50)),
        "p99_ms": float(np.percentile(walls, 99)),
        "complete": mean([call.complete for call in calls]),
        "acc50": mean([call.right for call in calls]),
        "place": mean([call.place for call in calls]),
    }


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that count as fast as they can, while the body of ``with`` runs."""
    context = multiprocessing.get_context("spawn")
    busy = [context.Process(target=_count, daemon=True) for _ in range(processes)]
    for each in busy:
        each.start()
    try:
        yield
    finally:
        for each in busy:
            each.terminate()
            each.join()


def _count() -> None:
    while True:
        sum(range(100_000))


def section(figures: Figures) -> Section:
    """Who keeps it, and at what price."""
    rows = tuple(
        (
            f"{row['fraction']:.2f} of a search",
            milliseconds(row["deadline_ms"]),
            percent(row["kept"]),
            *(milliseconds(row[key]) for key in ("p50_ms", "p99_ms")),
            *(percent(row[key]) for key in ("complete", "acc50", "place")),
        )
        for row in figures["rows"]
    )
    head = ("deadline", "ms", "kept", "p50 ms", "p99 ms", "complete", "Acc50", "place")
    usual = figures["normal_ms"]
    return Section(
        "Deadlines",
        (
            f"Searches that are told a deadline; one without takes {usual:.1f} ms. Kept: within"
            " 10 % of it. Place: the box holds the object, or is it."
            f" Other processes meanwhile: {figures['load']}.",
        ),
        (Table(head, rows),),
        (Picture("deadline", "Deadlines", partial(deadline_plot, figures["rows"], usual)),),
        headlines=tuple(
            Headline(
                "deadlines that are kept",
                percent(row["kept"]),
                f"of {row['deadline_ms']:.0f} ms, {row['fraction']:g} of a search, within 10 %; the"
                f" place is right in {percent(row['place'])}",
            )
            for row in figures["rows"]
            if row["fraction"] == _TOLD
        ),
    )


def deadline_plot(rows: Sequence[Mapping[str, Any]], usual_ms: float, path: Path) -> None:
    """What is right, exact and kept, over the deadline; a line where a search usually ends."""
    figure = blank(7.2, 4.0)
    axes = figure.subplots()
    at = [row["deadline_ms"] for row in rows]
    curves = (
        ("kept", "deadline kept (within 10 %)", BLUE, "--"),
        ("acc50", "right box (IoU at least 0.5)", RED, "-"),
        ("place", "right place (the box holds the object, or is it)", AMBER, "-"),
        ("complete", "search complete", MUTED, ":"),
    )
    for key, label, color, style in curves:
        axes.plot(
            at, [100 * row[key] for row in rows], style, color=color, label=label, marker="o", ms=4
        )
    axes.axvline(usual_ms, color=LINE, lw=1, zorder=0)
    late = usual_ms > 0.2 * at[0] + 0.8 * at[-1]  # no room for the label right of its line
    axes.annotate(
        "a search without\na deadline (p50)",
        (usual_ms, 4),
        xytext=(-5 if late else 5, -4),
        textcoords="offset points",
        ha="right" if late else "left",
        fontsize=8,
        color=MUTED,
    )
    axes.set_xlabel("deadline in ms")
    axes.set_ylabel("share of the calls in %")
    axes.set_ylim(-2, 104)
    dress(axes, grid="y")
    figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    save(figure, path)
