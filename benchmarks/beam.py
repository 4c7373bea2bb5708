"""What following several candidates of the first step gains, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.latency import timed
from sdk.grounder import Grounder
from train.evaluation.metrics import accuracy, answer_ious


@dataclass(frozen=True)
class Answer:
    """Of one search: wall-clock time, IoU with the true box, whether it was found; whether the
    absent object was."""

    wall_ms: float
    iou: float
    found: bool
    absent_found: bool


def measure(
    grounder: Grounder,
    cases: Sequence[Case],
    beams: Sequence[int],
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> dict[int, list[Answer]]:
    """For each width of the beam its answers; the widths take turns on each case."""
    answers: dict[int, list[Answer]] = {beam: [] for beam in beams}
    for case in progress(cases):
        frame = case.frame()
        absent = {beam: grounder.locate(frame, case.absent_ref, beam=beam) for beam in beams}
        grounder.locate(frame, case.ref)  # the text features are known afterwards
        for beam in beams:
            found, wall_ms = timed(partial(grounder.locate, frame, case.ref, beam=beam))
            overlap = float(answer_ious([found.xyxy], [case.target_xyxy])[0])
            answers[beam].append(Answer(wall_ms, overlap, found.found, absent[beam].found))
    return answers


def summarise(beam: int, answers: Sequence[Answer], narrow: Sequence[Answer]) -> dict[str, Any]:
    """A row of figures for one width; ``narrow`` are the answers of the first width."""
    figures = accuracy([each.iou for each in answers])
    right, right_before = (
        np.array([each.iou >= 0.5 for each in some]) for some in (answers, narrow)
    )
    return {
        "beam": beam,
        "n": len(answers),
        "acc50": figures.acc50,
        "macc": figures.macc,
        "gained": int((right & ~right_before).sum()),
        "lost": int((right_before & ~right).sum()),
        "found": float(np.mean([each.found for each in answers])),
        "absent_found": float(np.mean([each.absent_found for each in answers])),
        "p50_ms": float(np.median([each.wall_ms for each in answers])),
        "ratio": float(
            np.median([a.wall_ms / b.wall_ms for a, b in zip(answers, narrow, strict=True)])
        ),
    }
