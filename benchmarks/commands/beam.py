"""``python -m benchmarks beam``: is it worth following more than one candidate?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks import options
from benchmarks.asking import Call, judge_call, mean, timed
from evaluation.metrics import accuracy
from evaluation.questions import Case, make_cases
from evaluation.seeds import BEAM
from sdk.grounder import Grounder
from sdk.options import positive

BEAMS = (1, 2, 3, 4)
Answers = tuple[Call, Call]  # to the expression, to one that is true of nothing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--scenes", type=positive, default=300, help="how many scenes")
    options.add_seed(parser, BEAM)
    options.add_engine_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, write the JSON."""
    from tqdm import tqdm

    with options.measurement(args) as measurement:
        cases = make_cases(args.scenes, args.seed)
        answers = measure(
            measurement.grounder, cases, BEAMS, lambda it: tqdm(it, unit="scene", desc="beam")
        )
    rows = [summarise(beam, answers[beam], answers[BEAMS[0]]) for beam in BEAMS]
    print("\n".join([*measurement.header, "", _table(rows)]))
    measurement.write({"rows": rows, "scenes": args.scenes, "seed": args.seed})
    return 0


def _table(rows: list[dict[str, Any]]) -> str:
    from evaluation.tables import share, table

    return table(
        ("beam", "Acc50", "mAcc", "gained", "lost", "found", "absent found", "p50 ms", "time"),
        [
            [
                str(row["beam"]),
                *(share(row[key]) for key in ("acc50", "macc")),
                str(row["gained"]),
                str(row["lost"]),
                *(share(row[key]) for key in ("found", "absent_found")),
                f"{row['p50_ms']:.1f}",
                f"{row['ratio']:.2f}x",
            ]
            for row in rows
        ],
    )


def measure(
    grounder: Grounder,
    cases: Sequence[Case],
    beams: Sequence[int],
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> dict[int, list[Answers]]:
    """For each width of the beam its answers; the widths take turns on each case."""
    answers: dict[int, list[Answers]] = {beam: [] for beam in beams}
    for case in progress(cases):
        frame = case.frame()
        absent = {beam: grounder.locate(frame, case.absent_ref, beam=beam) for beam in beams}
        grounder.locate(frame, case.ref)  # the text features are known afterwards
        for beam in beams:
            found, wall_ms = timed(partial(grounder.locate, frame, case.ref, beam=beam))
            call = judge_call(found, case.target_xyxy, wall_ms)
            answers[beam].append((call, judge_call(absent[beam], None)))
    return answers


def summarise(beam: int, answers: Sequence[Answers], narrow: Sequence[Answers]) -> dict[str, Any]:
    """A row of figures for one width; ``narrow`` are the answers of the first width."""
    calls, before = ([true for true, _ in some] for some in (answers, narrow))
    figures = accuracy([each.iou for each in calls])
    right, right_before = (np.array([each.right for each in some]) for some in (calls, before))
    return {
        "beam": beam,
        "n": len(answers),
        "acc50": figures.acc50,
        "macc": figures.macc,
        "gained": int((right & ~right_before).sum()),
        "lost": int((right_before & ~right).sum()),
        "found": mean([each.found for each in calls]),
        "absent_found": mean([absent.found for _, absent in answers]),
        "p50_ms": float(np.median([each.wall_ms for each in calls])),
        "ratio": float(
            np.median([a.wall_ms / b.wall_ms for a, b in zip(calls, before, strict=True)])
        ),
    }
