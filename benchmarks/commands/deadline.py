"""``python -m benchmarks deadline``: are deadlines kept, and what do they cost?"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import options
from benchmarks.commands.latency import timed
from evaluation.metrics import answer_ious
from evaluation.questions import Case
from evaluation.seeds import DEADLINE
from sdk.geometry import contains
from sdk.grounder import Grounder
from sdk.options import not_negative, positive

FRACTIONS = (0.3, 0.45, 0.6, 0.8, 1.0, 1.25, 1.6)  # of the time of a search without one
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

    from benchmarks.commands.deadline import load, measure, normal_ms, summarise
    from benchmarks.plots.methods import check_plot, deadline_plot
    from evaluation.questions import make_cases

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
    from evaluation.tables import share, table

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


SLACK = 1.1  # a call keeps its deadline when it returns within this times the deadline


@dataclass(frozen=True)
class Call:
    """One search: how long it took, the IoU of its box with the true one (0 without a box),
    whether its box holds the true one (a search on its way has a place, not an object)."""

    wall_ms: float
    iou: float
    holds: bool
    complete: bool


def normal_ms(grounder: Grounder, cases: Sequence[Case]) -> float:
    """The median time of a search without a deadline, over the first of the cases."""
    return float(np.median([ask(grounder, case, case.frame()).wall_ms for case in cases]))


def ask(
    grounder: Grounder, case: Case, frame: NDArray[np.uint8], deadline_ms: float | None = None
) -> Call:
    """One search on a case, whose picture is ``frame``."""
    answer, wall_ms = timed(partial(grounder.locate, frame, case.ref, deadline_ms=deadline_ms))
    overlap = float(answer_ious([answer.xyxy], [case.target_xyxy])[0])
    holds = answer.xyxy is not None and bool(contains(answer.xyxy, case.target_xyxy, 1.0))
    return Call(wall_ms, overlap, holds, answer.complete)


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
        "complete": float(np.mean([call.complete for call in calls])),
        "acc50": float(np.mean([call.iou >= 0.5 for call in calls])),
        "place": float(np.mean([call.holds or call.iou >= 0.5 for call in calls])),
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
