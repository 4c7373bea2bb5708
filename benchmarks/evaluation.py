"""How well a grounder answers: true expressions, other scenes' expressions and absent objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case, Rect, shuffled
from sdk.geometry import contains
from sdk.results import Grounding
from train.metrics import accuracy, answer_ious

# A first window may cut this much off the target: a rounding of the box, not a piece of it.
CONTAINS_TOLERANCE_PX = 1.0


class Locator(Protocol):
    """What is measured: ``sdk.Grounder``, or anything that answers like it."""

    def locate(self, frame: NDArray[np.uint8], ref: Sequence[str]) -> list[Grounding]:
        """One answer for each expression."""


@dataclass(frozen=True)
class Outcome:
    """One answer held against the true box.

    ``iou`` counts the box that was given whether or not its score reached the threshold
    (``found``). ``first_window``: the region that the first step chose holds the target.
    """

    iou: float
    found: bool
    steps: int
    first_window: bool
    score: float


@dataclass(frozen=True)
class Row:
    """The answers to one case. ``shuffled``: to another case's expression, held against this
    case's target. ``absent``: to an expression that is true of nothing here."""

    needs_relation: bool
    true: Outcome
    shuffled: Outcome
    absent: Outcome


def judge(answer: Grounding, target_xyxy: Rect) -> Outcome:
    """An answer, held against the true box."""
    first = answer.zooms[0].xyxy if answer.zooms else None
    holds = first is not None and bool(contains(first, target_xyxy, CONTAINS_TOLERANCE_PX))
    return Outcome(
        iou=float(answer_ious([answer.xyxy], [target_xyxy])[0]),
        found=answer.found,
        steps=len(answer.zooms),
        first_window=holds,
        score=answer.score,
    )


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
    """
    others = shuffled([case.ref for case in cases], seed)
    rows = []
    for case, other in zip(progress(cases), others, strict=True):
        answers = locator.locate(case.frame(), [case.ref, other, case.absent_ref])
        outcomes = [judge(answer, case.target_xyxy) for answer in answers]
        rows.append(Row(case.needs_relation, *outcomes))
    return rows


def summarise(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Figures as fractions of 1, by group: zoom (all true expressions), attribute and relation
    (those among them whose noun phrase is enough, or is not), shuffled, absent."""
    return {
        "zoom": _figures([row.true for row in rows]),
        "attribute": _figures([row.true for row in rows if not row.needs_relation]),
        "relation": _figures([row.true for row in rows if row.needs_relation]),
        "shuffled": _figures([row.shuffled for row in rows]),
        "absent": {
            "found": _mean([row.absent.found for row in rows]),
            "steps": _mean([row.absent.steps for row in rows]),
            "score": _mean([row.absent.score for row in rows]),
            "n": len(rows),
        },
    }


def as_records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as plain values."""
    return [asdict(row) for row in rows]


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        **accuracy([outcome.iou for outcome in outcomes]).to_dict(),
        "first_window": _mean([outcome.first_window for outcome in outcomes]),
        "steps": _mean([outcome.steps for outcome in outcomes]),
        "found": _mean([outcome.found for outcome in outcomes]),
        "score": _mean([outcome.score for outcome in outcomes]),
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
