"""Boxes: pure functions over float64 arrays.

A box is ``(x1, y1, x2, y2)`` in pixels of the frame, where pixel *i* covers ``[i, i + 1)``; the
last axis of an array of boxes has length 4, and every other axis is free (``(0, 4)`` included).
``_xywh`` and ``_cxcywh`` name the other layouts, ``_unit`` boxes are ``xyxy`` divided by the width
and the height of the network input. Functions take anything that ``numpy.asarray`` takes and
return float64. A box whose sides are not positive has area 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]

_LOW, _HIGH = [0, 1, 0, 1], [2, 3, 2, 3]  # (x1, y1, x1, y1) and (x2, y2, x2, y2) of a box


def as_boxes(boxes: ArrayLike) -> Boxes:
    """``boxes`` as a float64 array whose last axis is 4; ``[]`` becomes ``(0, 4)``."""
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0 and array.ndim <= 1:
        array = array.reshape(0, 4)
    if array.ndim == 0 or array.shape[-1] != 4:
        raise ValueError(f"expected boxes of shape (..., 4), got {array.shape}")
    return array


def area(boxes: ArrayLike) -> NDArray[np.float64]:
    """Area of each box, 0 for an empty or inverted one. ``(..., 4) -> (...)``."""
    array = as_boxes(boxes)
    sides = np.maximum(array[..., 2:] - array[..., :2], 0.0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def clip(boxes: ArrayLike, window_xyxy: ArrayLike) -> Boxes:
    """Each box limited to the window. A box outside of it collapses onto the window's border.

    Args:
        boxes: ``(..., 4)`` xyxy.
        window_xyxy: ``(4,)``, or one for each box; broadcast over the leading axes.

    Returns:
        ``(..., 4)`` xyxy.

    Raises:
        ValueError: a last axis that is not 4.
    """
    array, window = as_boxes(boxes), as_boxes(window_xyxy)
    return np.minimum(np.maximum(array, window[..., _LOW]), window[..., _HIGH])


def contains(outer: ArrayLike, inner: ArrayLike, tolerance: float = 0.0) -> NDArray[np.bool_]:
    """Where ``inner`` lies in ``outer``, borders included.

    Args:
        outer: ``(..., 4)`` xyxy.
        inner: ``(..., 4)`` xyxy; the two are broadcast over the leading axes.
        tolerance: by how many pixels each side of ``inner`` may lie outside.

    Returns:
        ``(...)`` bool.

    Raises:
        ValueError: a last axis that is not 4.
    """
    a, b = as_boxes(outer), as_boxes(inner)
    above = (b[..., :2] >= a[..., :2] - tolerance).all(axis=-1)
    below = (b[..., 2:] <= a[..., 2:] + tolerance).all(axis=-1)
    return np.asarray(above & below)


def intersection(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Area that ``a`` and ``b`` share.

    Args:
        a: ``(..., 4)`` xyxy.
        b: ``(..., 4)`` xyxy; the two are broadcast over the leading axes.

    Returns:
        ``(...)`` in square pixels, 0 for boxes that only touch, or are empty.

    Raises:
        ValueError: a last axis that is not 4.
    """
    left, right = as_boxes(a), as_boxes(b)
    low = np.maximum(left[..., :2], right[..., :2])
    high = np.minimum(left[..., 2:], right[..., 2:])
    return area(np.concatenate([low, high], axis=-1))


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union.

    Args:
        a: ``(..., 4)`` xyxy.
        b: ``(..., 4)`` xyxy; the two are broadcast over the leading axes.

    Returns:
        ``(...)`` in 0..1, 0 where the union is empty.

    Raises:
        ValueError: a last axis that is not 4.
    """
    shared = intersection(a, b)
    union = area(a) + area(b) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(union), where=union > 0))


def pairwise_iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """IoU of every box of ``a`` with every box of ``b``.

    Args:
        a: ``(n, 4)`` xyxy.
        b: ``(m, 4)`` xyxy.

    Returns:
        ``(n, m)`` in 0..1.

    Raises:
        ValueError: a last axis that is not 4.
    """
    return iou(as_boxes(a)[..., :, None, :], as_boxes(b)[..., None, :, :])


def xyxy_to_xywh(boxes: ArrayLike) -> Boxes:
    """``(x1, y1, x2, y2) -> (x1, y1, width, height)``."""
    array = as_boxes(boxes)
    return np.concatenate([array[..., :2], array[..., 2:] - array[..., :2]], axis=-1)


def xywh_to_xyxy(boxes_xywh: ArrayLike) -> Boxes:
    """``(x1, y1, width, height) -> (x1, y1, x2, y2)``."""
    array = as_boxes(boxes_xywh)
    return np.concatenate([array[..., :2], array[..., :2] + array[..., 2:]], axis=-1)


def xyxy_to_cxcywh(boxes: ArrayLike) -> Boxes:
    """``(x1, y1, x2, y2) -> (centre x, centre y, width, height)``."""
    array = as_boxes(boxes)
    low, high = array[..., :2], array[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def cxcywh_to_xyxy(boxes_cxcywh: ArrayLike) -> Boxes:
    """``(centre x, centre y, width, height) -> (x1, y1, x2, y2)``."""
    array = as_boxes(boxes_cxcywh)
    centre, half = array[..., :2], array[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def is_whole_frame(window_xyxy: ArrayLike, frame_wh: tuple[int, int]) -> bool:
    """True for the window that is all of a frame of this width and height.

    Exactly that: windows are cut at the frame's border, whose coordinates are whole numbers.
    """
    return bool(np.array_equal(as_boxes(window_xyxy), (0, 0, *frame_wh)))


def grow(box_xyxy: ArrayLike, min_side: ArrayLike, window_xyxy: ArrayLike) -> Boxes:
    """One box, at least ``min_side`` pixels in each side, inside ``window_xyxy``.

    A side that is long enough stays as it is. A short one grows about its centre; where that
    would leave the window the box is shifted, and a window shorter than ``min_side`` is filled.

    Args:
        box_xyxy: ``(4,)``.
        min_side: one number, or one for the width and one for the height.
        window_xyxy: ``(4,)``.

    Returns:
        ``(4,)`` xyxy.

    Raises:
        ValueError: a last axis that is not 4.
    """
    x1, y1, x2, y2 = as_boxes(box_xyxy).tolist()
    left, top, right, bottom = as_boxes(window_xyxy).tolist()
    least_w, least_h = np.broadcast_to(np.asarray(min_side, np.float64), 2).tolist()
    x1, x2 = _grow_side(x1, x2, least_w, left, right)
    y1, y2 = _grow_side(y1, y2, least_h, top, bottom)
    return np.array([x1, y1, x2, y2])


def _grow_side(
    start: float, stop: float, least: float, low: float, high: float
) -> tuple[float, float]:
    if stop - start < least:
        length = min(least, high - low)
        start = min(max((start + stop - length) / 2, low), high - length)
        stop = start + length
    return max(start, low), min(stop, high)
