"""One box for one object: of boxes of the same class that overlap, the best stays.

The greedy rule of detectors, bounded: only the best ``MOST_COMPARED`` boxes are compared, each with
those of its class. Whatever is given beyond them costs a sort.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.geometry import Boxes, as_boxes

OVERLAP = 0.6  # IoU from which two boxes of a class are one object: NanoDet's, and most others'
MOST_COMPARED = 1000


def suppress(
    xyxy: ArrayLike,
    scores: ArrayLike,
    labels: ArrayLike,
    most: int,
    overlap: float = OVERLAP,
) -> NDArray[np.int64]:
    """Indices of the boxes that stay, best first, at most ``most``.

    Args:
        xyxy: ``(N, 4)``, in any unit.
        scores: ``(N,)``; equal ones are in the order given.
        labels: ``(N,)``: boxes of different labels do not see each other.
        most: how many are wanted.
        overlap: the IoU above which the worse of two boxes goes.
    """
    values = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-values, kind="stable")[:MOST_COMPARED]
    boxes, kinds = as_boxes(xyxy)[order], np.asarray(labels)[order]
    stays = np.zeros(len(order), bool)
    for kind in np.unique(kinds):
        (alike,) = np.nonzero(kinds == kind)
        stays[alike] = _greedy(boxes[alike], overlap)
    return order[stays][:most].astype(np.int64)


def _greedy(boxes: Boxes, overlap: float) -> NDArray[np.bool_]:
    """Which of ``(n, 4)`` boxes of one class, best first, stay."""
    stays = np.ones(len(boxes), bool)
    if len(boxes) == 1:
        return stays
    x1, y1, x2, y2 = boxes.T
    areas = np.maximum(x2 - x1, 0.0) * np.maximum(y2 - y1, 0.0)
    across = np.minimum(x2[:, None], x2) - np.maximum(x1[:, None], x1)
    down = np.minimum(y2[:, None], y2) - np.maximum(y1[:, None], y1)
    shared = np.maximum(across, 0.0) * np.maximum(down, 0.0)
    # Without a division: an empty union has nothing to share either.
    apart = shared <= overlap * (areas[:, None] + areas - shared)
    for index in range(len(boxes)):
        if stays[index]:
            stays[index + 1 :] &= apart[index, index + 1 :]
    return stays
