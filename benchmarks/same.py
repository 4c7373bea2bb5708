"""When two answers to one question are the same."""

from __future__ import annotations

from sdk.geometry import iou
from sdk.results import Float32

SAME_IOU = 0.99  # as in an engine's certificate


def same_box(a: Float32 | None, b: Float32 | None) -> bool:
    """Whether two boxes ``(4,)`` overlap by ``SAME_IOU``, or there is none on either side."""
    if a is None or b is None:
        return a is b
    return float(iou(a, b)) >= SAME_IOU
