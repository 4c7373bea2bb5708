"""Answers held against true boxes, and what they come to: one account for every evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.groups import RELATIONS, SIZES, relations, size_group
from evaluation.metrics import RIGHT_IOU, accuracy, answer_ious
from evaluation.questions import Case, Rect, shuffled
from sdk.geometry import area, contains
from sdk.results.grounding import Float32, Zoom

# A first window may cut this much off the target: a rounding of the box, not a piece of it.
CONTAINS_TOLERANCE_PX = 1.0
NO_RELATION = "none of them"


class Answer(Protocol):
    """What is judged: ``sdk.results.grounding.Grounding``, or anything that says as much."""

    @property
    def found(self) -> bool:
        """Whether the score reached the threshold."""

    @property
    def score(self) -> float:
        """Score of the answer, 0..1."""

    @property
    def xyxy(self) -> Float32 | None:
        """The box ``(4,)`` in frame pixels, given also when it was not good enough."""

    @property
    def zooms(self) -> tuple[Zoom, ...]:
        """The steps of the search."""


class Locator(Protocol):
    """Who answers: ``sdk.Grounder``, or a checkpoint."""

    def locate(self, frame: NDArray[np.uint8], ref: list[str]) -> Sequence[Answer]:
        """One answer for each expression."""


@dataclass(frozen=True)
class Outcome:
    """One answer held against the true box; by default that of a search without an answer.

    ``iou`` counts the box that was given whether or not its score reached the threshold
    (``found``); 0 without a box, or where nothing is to be found. ``first_window``: the region that
    the first step chose holds the target.
    """

    iou: float = 0.0
    found: bool = False
    steps: int = 0
    first_window: bool = False
    score: float = 0.0

    @property
    def right(self) -> bool:
        """Whether the box is the true one: an IoU of at least 0.5."""
        return self.iou >= RIGHT_IOU


@dataclass(frozen=True)
class Row:
    """The answers to one question.

    Attributes:
        ref: the true expression.
        area_px2: of the target.
        needs_relation: the noun phrase alone does not single out the target.
        true: the answer to the expression.
        shuffled: to another frame's expression, held against this one's target.
        absent: to an expression that is true of nothing here.
    """

    ref: str
    area_px2: float
    needs_relation: bool
    true: Outcome
    shuffled: Outcome | None
    absent: Outcome | None


def judge(answer: Answer, target_xyxy: Rect | None) -> Outcome:
    """An answer held against the truth.

    Args:
        answer: what was answered.
        target_xyxy: the true box, frame pixels; None where the expression is true of nothing.

    Returns:
        The outcome; its ``iou`` is 0 without a target.
    """
    iou, holds = 0.0, False
    if target_xyxy is not None:
        iou = float(answer_ious([answer.xyxy], [target_xyxy])[0])
        first = answer.zooms[0].xyxy if answer.zooms else None
        holds = first is not None and bool(contains(first, target_xyxy, CONTAINS_TOLERANCE_PX))
    return Outcome(iou, answer.found, len(answer.zooms), holds, answer.score)


def judged(
    ref: str,
    target_xyxy: Rect,
    needs_relation: bool,
    true: Answer,
    shuffled: Answer | None,
    absent: Answer | None,
) -> Row:
    """The answers to one question, judged.

    Args:
        ref: the true expression.
        target_xyxy: the true box, frame pixels.
        needs_relation: whether the noun phrase alone does not single out the target.
        true: the answer to the expression.
        shuffled: to another frame's expression, None where it was not asked.
        absent: to an expression that is true of nothing here, None where it was not asked.

    Returns:
        The three outcomes, every box held against the one target.
    """
    outcomes = [None if a is None else judge(a, target_xyxy) for a in (shuffled, absent)]
    return Row(ref, float(area(target_xyxy)), needs_relation, judge(true, target_xyxy), *outcomes)


def summarise(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Figures as fractions of 1, NaN where there is nothing to count.

    By group: ``zoom`` (all true expressions), ``attribute`` and ``relation`` (those among them
    whose noun phrase is enough, or is not), ``shuffled``, ``absent``; ``by_size`` (area of the
    target) and ``by_relation`` (relations in the sentence; one may count in several). The first
    three have ``false_alarms`` too: how many of the same scenes' expressions that are true of
    nothing are found.
    """
    absent = [row.absent for row in rows if row.absent is not None]
    return {
        "zoom": _with_alarms(rows),
        "attribute": _with_alarms([row for row in rows if not row.needs_relation]),
        "relation": _with_alarms([row for row in rows if row.needs_relation]),
        "shuffled": _figures([row.shuffled for row in rows if row.shuffled is not None]),
        "absent": {
            "found": _mean([outcome.found for outcome in absent]),
            "steps": _mean([outcome.steps for outcome in absent]),
            "score": _mean([outcome.score for outcome in absent]),
            "n": len(absent),
        },
        "by_size": _by(SIZES, rows, lambda row: (size_group(row.area_px2),)),
        "by_relation": _by(
            (*RELATIONS, NO_RELATION), rows, lambda row: relations(row.ref) or (NO_RELATION,)
        ),
    }


def as_records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as plain values."""
    return [asdict(row) for row in rows]


def _by(
    names: Iterable[str], rows: Sequence[Row], groups: Callable[[Row], tuple[str, ...]]
) -> dict[str, Any]:
    """Figures of the true expressions for each name; a row counts in all of its groups."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for row in rows:
        for name in groups(row):
            outcomes[name].append(row.true)
    return {name: _figures(of_group) for name, of_group in outcomes.items()}


def _with_alarms(rows: Sequence[Row]) -> dict[str, Any]:
    absent = [row.absent.found for row in rows if row.absent is not None]
    return {**_figures([row.true for row in rows]), "false_alarms": _mean(absent)}


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Of all answers ``recall_at_threshold`` are found and right, ``confident_wrong`` found and
    wrong (an IoU below 0.5)."""
    return {
        **accuracy([outcome.iou for outcome in outcomes]).to_dict(),
        "mean_iou": _mean([outcome.iou for outcome in outcomes]),
        "first_window": _mean([outcome.first_window for outcome in outcomes]),
        "steps": _mean([outcome.steps for outcome in outcomes]),
        "found": _mean([outcome.found for outcome in outcomes]),
        "recall_at_threshold": _mean([o.found and o.right for o in outcomes]),
        "confident_wrong": _mean([o.found and not o.right for o in outcomes]),
        "score": _mean([outcome.score for outcome in outcomes]),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def evaluate(
    locator: Locator,
    cases: Sequence[Case],
    seed: int,
    progress: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> list[Row]:
    """Ask three questions about each case. Each frame is drawn once and dropped again.

    Args:
        locator: who answers.
        cases: what is asked.
        seed: of the permutation of the expressions.
        progress: wraps the cases, to show how far it got.

    Returns:
        One row for each case, in order.
    """
    others = shuffled([case.ref for case in cases], seed)
    rows = []
    for case, other in zip(progress(cases), others, strict=True):
        answers = locator.locate(case.frame(), [case.ref, other, case.absent_ref])
        rows.append(judged(case.ref, case.target_xyxy, case.needs_relation, *answers))
    return rows
