"""From which score on an object counts as found: chosen on scenes that nothing else uses."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError
from train.evaluation.questions import Question
from train.evaluation.searcher import Searcher, final_iou, final_score

SEED = 600_000


@dataclass(frozen=True)
class Calibration:
    """A threshold and what it means: shares of right answers kept, of absent objects accepted."""

    threshold: float
    right_kept: float
    absent_accepted: float


def calibrate(searcher: Searcher, questions: Iterable[Question], risk: float) -> Calibration:
    """Searches for every question and picks the threshold that ``risk`` allows."""
    _check(risk)
    right, absent = [], []
    for question in questions:
        found = searcher(question.frame, question.ref)
        if question.target_xyxy is None:
            absent.append(final_score(found))
        elif final_iou(found, question.target_xyxy) >= 0.5:
            right.append(final_score(found))
    return threshold_for(np.array(right), np.array(absent), risk)


def threshold_for(
    right: NDArray[np.float64], absent: NDArray[np.float64], risk: float
) -> Calibration:
    """The lowest score that an absent object reaches with a probability of at most ``risk``.

    Split conformal prediction (Vovk et al. 2005): of n scores of absent objects, the next one
    exceeds the ``ceil((1 - risk) * (n + 1))``-th smallest with probability ``risk`` at most,
    whatever the distribution. The threshold is that score, rounded up to 0.001.

    Args:
        right: scores of right answers, for what the threshold costs.
        absent: scores of absent objects.
        risk: in (0, 1).

    Raises:
        InputError: no right answers, too few absent objects, no risk in (0, 1).
    """
    _check(risk)
    rank = math.ceil((1 - risk) * (len(absent) + 1))
    if not len(right) or rank > len(absent):
        raise InputError(
            f"expected scores of right answers and at least {math.ceil(1 / risk) - 1} of absent"
            f" objects, got {len(right)} and {len(absent)}: search more scenes, or train for longer"
        )
    threshold = (math.floor(float(np.sort(absent)[rank - 1]) * 1000) + 1) / 1000
    kept, accepted = ((scores >= threshold).mean() for scores in (right, absent))
    return Calibration(threshold, float(kept), float(accepted))


def _check(risk: float) -> None:
    if not 0 < risk < 1:
        raise InputError(f"expected a risk between 0 and 1, got {risk}")
