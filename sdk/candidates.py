"""What a step was offered, as boxes of the frame, and which of them can be used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, Letterbox, as_boxes, clip
from sdk.results import Candidates, Float32


def in_window(
    offered: Candidates, window_xyxy: Boxes, input_hw: tuple[int, int]
) -> tuple[Boxes, Float32]:
    """The candidates as frame pixels ``(K, 4)``, clipped to the window, and their scores.

    A box with a value that is not finite becomes NaN as a whole: clipping would hide an infinity.
    """
    x1, y1, x2, y2 = window_xyxy.tolist()
    unit = as_boxes(offered.boxes_unit)
    boxes = clip(Letterbox((x1, y1, x2, y2), input_hw).to_frame(unit), window_xyxy)
    boxes[~np.isfinite(unit).all(axis=1)] = np.nan
    return boxes, np.asarray(offered.scores, dtype=np.float32)


def usable(boxes: NDArray[np.floating[Any]], scores: Float32) -> NDArray[np.bool_]:
    """Which candidates are finite and not empty, given as ``in_window`` does. ``(K,)``."""
    wide = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # False for NaN
    return np.asarray(wide & np.isfinite(scores))
