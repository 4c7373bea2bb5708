"""What an engine must fulfil to be proven, by the precision of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ENORMOUS = 1e30  # what stands for a difference that is not finite: JSON has no word for it


@dataclass(frozen=True)
class Criteria:
    """``tolerance``: largest absolute difference allowed, by output; ``relative``: largest root
    mean square of the differences, over that of the output. An output without an entry is judged
    by the searches alone.

    ``same_iou``: final boxes are the same from this IoU on; ``same_box``, ``same_decision``: shares
    of the searches that must end in the same box, and with the same decision. ``acc50_points``: of
    a hundred objects that are there, how many fewer the engine may find than its checkpoint; one
    object may always be lost, for with few searches it says nothing.
    """

    tolerance: Mapping[str, float]
    relative: Mapping[str, float]
    same_iou: float
    same_box: float
    same_decision: float
    acc50_points: float


# Our own choice. Fewer bits change the order of candidates of nearly equal scores, so that boxes
# are compared where searches end, and not candidate by candidate.
CRITERIA = {
    "fp32": Criteria(
        tolerance={"text_features": 1e-3, "image_features": 1e-2, "boxes": 1e-3, "scores": 1e-3},
        relative={},
        same_iou=0.99,
        same_box=0.99,
        same_decision=0.99,
        acc50_points=0.5,
    ),
    "fp16": Criteria(
        tolerance={},
        relative={"text_features": 1e-2, "image_features": 1e-2, "scores": 2e-2},
        same_iou=0.98,
        same_box=0.99,
        same_decision=0.98,
        acc50_points=0.5,
    ),
    "int8": Criteria(
        tolerance={},
        relative={"text_features": 0.1, "image_features": 0.2, "scores": 0.2},
        same_iou=0.8,
        same_box=0.9,
        same_decision=7 / 8,  # four of 32 may differ: scores move, and many are near the threshold
        acc50_points=1.5,
    ),
}
