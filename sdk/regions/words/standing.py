"""Where boxes stand by themselves: in the picture, and by size and order among their like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdk.regions.words.layout import Boxes, falling

Floats = NDArray[np.float64]

_FADE = 0.35  # what each place behind the one that is asked for leaves of a rank


def place(name: str, boxes: Boxes) -> Floats:
    """How well each box stands at a place of the picture, ``(N,)``."""
    width, height = boxes.frame_wh
    x, y = boxes.centre[:, 0] / width, boxes.centre[:, 1] / height
    row, _, column = name.rpartition(" ")
    if row in ("top", "bottom"):
        return np.asarray(place(row, boxes) * place(column, boxes))
    aside = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    corner = np.maximum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    # What stands at the bottom of the picture is near, and so is what is large.
    tall = boxes.size[:, 1] / height
    closeness = np.maximum((boxes.xyxy[:, 3] / height - 0.45) / 0.55, 2.0 * tall)
    table: dict[str, Floats] = {
        "left": falling(x, 0.25, 0.62),
        "right": falling(1 - x, 0.25, 0.62),
        "left edge": falling(x, 0.03, 0.45),
        "right edge": falling(1 - x, 0.03, 0.45),
        "top": falling(y, 0.25, 0.65),
        "bottom": falling(1 - y, 0.25, 0.6),
        "middle": falling(np.abs(x - 0.5), 0.08, 0.33),
        "edge": falling(aside, 0.08, 0.3),
        "corner": falling(corner, 0.12, 0.4),
        "foreground": falling(1 - closeness, 0.55, 1.0),
        "background": falling(closeness, 0.15, 0.7),
    }
    return table[name]


def _key(name: str, boxes: Boxes, weights: Floats) -> Floats:
    """The smaller, the more a box is what the rank says, ``(N,)``."""
    table: dict[str, Callable[[], Floats]] = {
        "leftmost": lambda: boxes.centre[:, 0],
        "rightmost": lambda: -boxes.centre[:, 0],
        "topmost": lambda: boxes.centre[:, 1],
        "lowest": lambda: -boxes.centre[:, 1],
        "nearest": lambda: _distance(boxes, weights),
        "farthest": lambda: -_distance(boxes, weights),
        "largest": lambda: -boxes.area,
        "smallest": lambda: boxes.area,
    }
    return table[name]()


def _distance(boxes: Boxes, weights: Floats) -> Floats:
    """Grows with the distance from the camera: by their feet, or by their sizes if some hang."""
    if (boxes.mounted & (weights > 0)).any():
        return np.nan_to_num(boxes.depth, nan=np.nanmax(boxes.depth, initial=0.0))
    return np.asarray(-boxes.xyxy[:, 3])


def rank(name: str, number: int, boxes: Boxes, weights: Floats) -> Floats:
    """How well each box is the ``number``-th from that end, among those that count.

    Args:
        name: of ``lexicon.phrases.RANKS``.
        number: from 1.
        boxes: ``N`` of them.
        weights: ``(N,)`` in 0..1, how far each counts.
    """
    key = _key(name, boxes, weights)
    order = np.argsort(key, kind="stable")
    before = np.empty(len(key))
    before[order] = np.cumsum(weights[order]) - weights[order]
    return np.asarray(_FADE ** np.abs(before - (number - 1)))


def size(name: str, boxes: Boxes, weights: Floats) -> Floats:
    """How well "small" or "large" describes each box beside those that count, ``(N,)``."""
    total = weights.sum()
    if total == 0.0:
        return np.ones(len(boxes))
    side = np.log(boxes.area) / 2
    typical = (weights * side).sum() / total
    larger = (side - typical) * (1.0 if name == "large" else -1.0)
    # Alone, or all alike: it is neither, and nothing speaks against the word.
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(4.0 * larger + 1.4, -30, 30))))
