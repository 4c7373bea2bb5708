"""What an engine must fulfil to be proven, by the precision of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ENORMOUS = 1e30  # what stands for a difference that is not finite: JSON has no word for it


@dataclass(frozen=True)
class Criteria:
    """``tolerance``: largest absolute difference allowed, by output; ``relative``: largest root
    mean square of the differences, over that of the output. ``"*"`` is any output
    that is not named; one without an entry is judged by the searches alone.

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
