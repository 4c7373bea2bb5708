"""How good found boxes are: IoU, Acc50, Acc75 and mAcc, on plain numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.geometry import as_boxes, iou

# IoU from which a box counts as right, for mAcc: 0.50, 0.55, ... 0.95.
THRESHOLDS = tuple((50 + 5 * k) / 100 for k in range(10))
RIGHT_IOU = THRESHOLDS[0]  # where one threshold decides


@dataclass(frozen=True)
class Accuracy:
    """Shares of ``count`` answers that are right, 0..1; NaN when there is no answer.

    ``acc50`` and ``acc75``: IoU with the true box of at least 0.50 and 0.75. ``macc``: the mean
    of the shares at IoU 0.50, 0.55, ... 0.95.
    """

    acc50: float
    acc75: float
    macc: float
    count: int

    def to_dict(self) -> dict[str, float | int]:
        """Plain Python values."""
        return {"acc50": self.acc50, "acc75": self.acc75, "macc": self.macc, "n": self.count}


def answer_ious(
    answers: Sequence[ArrayLike | None], targets: Sequence[ArrayLike]
) -> NDArray[np.float64]:
    """IoU of each answer with its target, ``(n,)``; 0 where there is no answer or not a finite one.

    Args:
        answers: n boxes ``(4,)`` xyxy, or None where nothing was answered.
        targets: n boxes ``(4,)`` xyxy.

    Raises:
        ValueError: different numbers of answers and targets.
    """
    if len(answers) != len(targets):
        raise ValueError(f"expected as many answers as targets, got {len(answers)}, {len(targets)}")
    nothing = np.zeros(4)
    boxes = as_boxes([nothing if answer is None else answer for answer in answers])
    boxes = np.where(np.isfinite(boxes).all(axis=-1, keepdims=True), boxes, 0.0)
    return iou(boxes, as_boxes(targets))


def accuracy(ious: ArrayLike) -> Accuracy:
    """Accuracy at the usual thresholds from IoUs ``(n,)``."""
    values = np.asarray(ious, dtype=np.float64).reshape(-1)
    if values.size == 0:
        return Accuracy(float("nan"), float("nan"), float("nan"), 0)
    shares = [float(np.mean(values >= threshold)) for threshold in THRESHOLDS]
    return Accuracy(shares[0], shares[THRESHOLDS.index(0.75)], float(np.mean(shares)), values.size)
