"""What a detector's scores are worth: a logistic model of boxes that turned out right or wrong.

Half of the images fit two numbers, a slope and a bias of the scores' logits (Platt scaling); the
other half tells what they are good for. A box is right as in AP50: it overlaps by half an object of
its class that no better box has taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError
from sdk.results.detections import Detections
from sdk.zoom.calibration import KINDS, logit, probability
from train.evaluation.calibrate import fit_weights
from train.evaluation.detection import RIGHT_IOU, Truth, right_boxes

SURE = 0.5  # probability from which a box counts: it is right more often than not
_BINS = 10  # of equal size, between whose means errors are measured


@dataclass(frozen=True, eq=False)
class Judged:
    """The boxes of some images: scores (n,) before calibration, and which are right (n,)."""

    scores: NDArray[np.float64]
    right: NDArray[np.bool_]


@dataclass(frozen=True)
class DetectorOutcome:
    """``calibration`` is for the config; the expected calibration error of the other half of the
    images, and the share of their boxes that is right among those that count."""

    calibration: dict[str, Any]
    error_before: float
    error: float
    right_among_sure: float
    boxes: int


def judged(found: Iterable[Detections], truths: Iterable[Truth]) -> list[Judged]:
    """Which boxes of each image are right.

    Args:
        found: in each image, best first, with scores that nothing calibrated.
        truths: what there is.
    """
    made = []
    for each, truth in zip(found, truths, strict=True):
        right = np.zeros(len(each), np.bool_)
        for label in np.unique(each.labels):
            own = each.labels == label
            right[own] = right_boxes(each.xyxy[own], truth.xyxy[truth.labels == label], RIGHT_IOU)
        made.append(Judged(each.scores.astype(np.float64), right))
    return made


def calibrate_detector(images: Sequence[Judged], source: str) -> DetectorOutcome:
    """Fits on every other image, measures on those between.

    Args:
        images: in random order.
        source: what was looked at, for the reader.

    Raises:
        InputError: one half has no right box.
    """
    fitted, held = _together(images[::2]), _together(images[1::2])
    if not fitted.right.any() or not held.right.any():
        raise InputError(
            f"expected right boxes in both halves of {len(images)} images, found none in one: look"
            " at more of them, or train for longer"
        )
    logits = np.array([logit(score) for score in fitted.scores])
    weights = fit_weights(np.column_stack([logits, logits, fitted.right]), both=False)
    fresh = [logit(score) for score in held.scores]
    worth = np.array([probability(weights.logit(each, each)) for each in fresh])
    sure = worth >= SURE
    calibration = {
        "threshold": SURE,
        "evidence": {kind: vars(weights) for kind in KINDS},  # a detector looks once
        "ended": 0.0,
        "tie_margin": 0.0,
        "source": source,
    }
    return DetectorOutcome(
        calibration,
        calibration_error(held.scores, held.right),
        calibration_error(worth, held.right),
        float(held.right[sure].mean()) if sure.any() else float("nan"),
        len(held.right),
    )


def calibration_error(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """How far mean scores are from shares of right boxes, the mean over groups of equal size.

    Args:
        scores: ``(n,)``, n >= 1.
        right: ``(n,)``.
    """
    parts = np.array_split(np.argsort(scores, kind="stable"), min(_BINS, len(scores)))
    gaps = [abs(scores[part].mean() - right[part].mean()) * len(part) for part in parts]
    return float(np.sum(gaps) / len(scores))


def _together(images: Sequence[Judged]) -> Judged:
    return Judged(
        np.concatenate([each.scores for each in images] or [np.empty(0)]),
        np.concatenate([each.right for each in images] or [np.empty(0, np.bool_)]),
    )
