"""From which score on an object counts as found: chosen on scenes that nothing else uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError
from train.evaluation import Searcher, final_iou, final_score
from train.questions import Question

SEED = 600_000


@dataclass(frozen=True)
class Calibration:
    """A threshold and what it means: shares of right answers kept, of absent objects accepted."""

    threshold: float
    right_kept: float
    absent_accepted: float


def calibrate(searcher: Searcher, questions: Iterable[Question]) -> Calibration:
    """Searches for every question and picks the threshold that tells right from absent best."""
    right, absent = [], []
    for question in questions:
        found = searcher(question.frame, question.ref)
        if question.target_xyxy is None:
            absent.append(final_score(found))
        elif final_iou(found, question.target_xyxy) >= 0.5:
            right.append(final_score(found))
    return best_threshold(np.array(right), np.array(absent))


def best_threshold(right: NDArray[np.float64], absent: NDArray[np.float64]) -> Calibration:
    """The score that maximises ``P(right >= t) - P(absent >= t)`` (Youden 1950), rounded to 0.01.

    Raises InputError when there are no scores on one of the sides.
    """
    if not len(right) or not len(absent):
        raise InputError(
            "expected scores of right answers and of absent objects, got"
            f" {len(right)} and {len(absent)}: search more scenes, or train for longer"
        )
    grid = np.arange(1, 100) / 100
    kept = (right[:, None] >= grid).mean(0)
    accepted = (absent[:, None] >= grid).mean(0)
    best = int(np.argmax(kept - accepted))
    return Calibration(float(grid[best]), float(kept[best]), float(accepted[best]))
