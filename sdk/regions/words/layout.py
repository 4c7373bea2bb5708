"""How boxes stand to one another, each relation as a number in 0..1.

Every function takes boxes ``a`` ``(N, 4)`` and ``b`` ``(M, 4)``, ``xyxy`` in pixels, and says how
well "a ... b" describes each pair, ``(N, M)``. The numbers fall off gently where people would
argue: with the angle, with the distance in terms of the things' sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import pairwise_iou

Floats = NDArray[np.float64]

# Tangents of the angle to the axis: beside "left" up to the first, never from the second on.
_BESIDE = (0.75, 2.2)
_OVER = (0.65, 1.9)
_REACH = 0.15  # of the frame's diagonal: at this distance a relation is worth half


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes with what relations ask of them.

    Attributes:
        xyxy: ``(N, 4)`` float64 frame pixels.
        depth: ``(N,)`` how far each is, in any unit, by its size; NaN where that is not known.
        mounted: ``(N,)`` bool, hangs on something: its lower edge says nothing of its distance.
        frame_wh: width and height of the frame.
    """

    xyxy: Floats
    depth: Floats
    mounted: NDArray[np.bool_]
    frame_wh: tuple[int, int]

    def __len__(self) -> int:
        return len(self.xyxy)

    def take(self, indices: NDArray[np.int64]) -> Boxes:
        """Those with these indices."""
        return Boxes(self.xyxy[indices], self.depth[indices], self.mounted[indices], self.frame_wh)

    @cached_property
    def centre(self) -> Floats:
        """``(N, 2)`` x and y."""
        return np.asarray((self.xyxy[:, :2] + self.xyxy[:, 2:]) / 2)

    @cached_property
    def size(self) -> Floats:
        """``(N, 2)`` width and height, at least a pixel."""
        return np.asarray(np.maximum(self.xyxy[:, 2:] - self.xyxy[:, :2], 1.0))

    @cached_property
    def area(self) -> Floats:
        """``(N,)`` square pixels."""
        return np.asarray(self.size.prod(axis=1))

    @property
    def diagonal(self) -> float:
        """Of the frame."""
        return float(np.hypot(*self.frame_wh))


Relate = Callable[[Boxes, Boxes], Floats]


def falling(values: Floats, start: float | Floats, end: float | Floats) -> Floats:
    """1 up to ``start``, 0 from ``end`` on, linear between them."""
    return np.asarray(np.clip((end - values) / (end - start), 0.0, 1.0))


def _offset(a: Boxes, b: Boxes) -> tuple[Floats, Floats]:
    """Centres of ``a`` seen from those of ``b``, ``(N, M)`` each."""
    apart = a.centre[:, None] - b.centre[None]
    return apart[..., 0], apart[..., 1]


def gap(a: Boxes, b: Boxes) -> Floats:
    """Pixels between two boxes, 0 where they touch or overlap. ``(N, M)``."""
    low = np.maximum(a.xyxy[:, None, :2], b.xyxy[None, :, :2])
    high = np.minimum(a.xyxy[:, None, 2:], b.xyxy[None, :, 2:])
    return np.asarray(np.hypot(*np.moveaxis(np.maximum(low - high, 0.0), -1, 0)))


def _sides(a: Boxes, b: Boxes) -> Floats:
    """A length that suits both of a pair: the mean of the roots of their areas. ``(N, M)``."""
    return np.asarray((np.sqrt(a.area)[:, None] + np.sqrt(b.area)[None]) / 2)


def _reach(a: Boxes, b: Boxes) -> Floats:
    """1 for neighbours, one half at ``_REACH``."""
    return np.asarray(1.0 / (1.0 + gap(a, b) / (_REACH * a.diagonal)))


def left_of(a: Boxes, b: Boxes) -> Floats:
    """To the left rather than above or below, and not over it."""
    dx, dy = _offset(a, b)
    angle = falling(np.abs(dy) / np.maximum(-dx, 1e-6), *_BESIDE)
    overlap = a.xyxy[:, None, 2] - b.xyxy[None, :, 0]
    narrower = np.minimum(a.size[:, None, 0], b.size[None, :, 0])
    return np.asarray((dx < 0) * angle * falling(overlap / narrower, 0.2, 1.0) * _reach(a, b))


def right_of(a: Boxes, b: Boxes) -> Floats:
    """The mirror image of ``left_of``."""
    return left_of(b, a).T


def above(a: Boxes, b: Boxes) -> Floats:
    """Higher up in the picture, roughly over it."""
    dx, dy = _offset(a, b)
    # Of something wide all that it covers is above: only what sticks out counts as aside.
    aside = np.maximum(np.abs(dx) - 0.35 * b.size[None, :, 0], 0.0)
    angle = falling(aside / np.maximum(-dy, 1e-6), *_OVER)
    overlap = a.xyxy[:, None, 3] - b.xyxy[None, :, 1]
    lower = np.minimum(a.size[:, None, 1], b.size[None, :, 1])
    return np.asarray((dy < 0) * angle * falling(overlap / lower, 0.25, 1.0) * _reach(a, b))


def below(a: Boxes, b: Boxes) -> Floats:
    """The converse of ``above``."""
    return above(b, a).T


def near(a: Boxes, b: Boxes) -> Floats:
    """Close by in terms of their sizes."""
    scale = _sides(a, b) + 0.015 * a.diagonal
    return np.asarray(1.0 / (1.0 + (gap(a, b) / scale) ** 2))


def beside(a: Boxes, b: Boxes) -> Floats:
    """Near, and at the same height."""
    shared = np.minimum(a.xyxy[:, None, 3], b.xyxy[None, :, 3])
    shared = shared - np.maximum(a.xyxy[:, None, 1], b.xyxy[None, :, 1])
    lower = np.minimum(a.size[:, None, 1], b.size[None, :, 1])
    level = np.clip(0.3 + shared / lower, 0.0, 1.0)
    apart = falling(_overlap(a, b), 0.2, 0.7)
    return np.asarray(near(a, b) * level * apart)


def iou(a: Boxes, b: Boxes) -> Floats:
    """Intersection over union of every pair. ``(N, M)``."""
    return pairwise_iou(a.xyxy, b.xyxy)


def _overlap(a: Boxes, b: Boxes) -> Floats:
    """The part of the smaller box that the other covers."""
    low = np.maximum(a.xyxy[:, None, :2], b.xyxy[None, :, :2])
    high = np.minimum(a.xyxy[:, None, 2:], b.xyxy[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=-1)
    return np.asarray(shared / np.minimum(a.area[:, None], b.area[None]))


def nearer(a: Boxes, b: Boxes) -> Floats:
    """Nearer to the camera.

    Of two that stand on the ground the one whose foot is lower in the picture; else the one that
    looks larger than such things do at the distance of the other.
    """
    foot = a.xyxy[:, None, 3] - b.xyxy[None, :, 3]
    lower = np.minimum(a.size[:, None, 1], b.size[None, :, 1])
    by_foot = foot / (0.08 * lower + 1.5)
    ratio = np.log(b.depth[None] / a.depth[:, None])
    by_size = np.nan_to_num(ratio / 0.25)
    ground = ~(a.mounted[:, None] | b.mounted[None])
    return np.asarray(_sigmoid(np.where(ground, by_foot, by_size)))


def farther(a: Boxes, b: Boxes) -> Floats:
    """The converse of ``nearer``."""
    return nearer(b, a).T


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -30.0, 30.0))))


def _column(a: Boxes, b: Boxes) -> Floats:
    """In line with it as the camera looks, and not far off in the picture."""
    dx, _ = _offset(a, b)
    half = (a.size[:, None, 0] + b.size[None, :, 0]) / 2
    close = 0.025 * a.diagonal
    aside = falling(np.abs(dx) - half, close, 4 * close)
    return np.asarray(aside / (1.0 + (gap(a, b) / (_sides(a, b) + 3 * close)) ** 2))


def in_front_of(a: Boxes, b: Boxes) -> Floats:
    """Nearer to the camera, in line with it."""
    return nearer(a, b) * _column(a, b)


def behind(a: Boxes, b: Boxes) -> Floats:
    """The converse of ``in_front_of``."""
    return in_front_of(b, a).T


def ahead_of(a: Boxes, b: Boxes) -> Floats:
    """In line with it: farther along the road, or nearer for what comes towards the camera."""
    order = nearer(a, b)
    return np.asarray(_column(a, b) * np.maximum(order, 0.9 * (1.0 - order)))


def on(a: Boxes, b: Boxes) -> Floats:
    """Over it or upon it: overlapping, or resting on its upper edge."""
    covered = np.clip(2.5 * _overlap(a, b), 0.0, 1.0)
    rests = above(a, b) * falling(gap(a, b) / _sides(a, b), 0.05, 0.4)
    return np.asarray(np.maximum(covered, rests))


RELATIONS: dict[str, Relate] = {
    "left of": left_of,
    "right of": right_of,
    "above": above,
    "below": below,
    "near": near,
    "beside": beside,
    "in front of": in_front_of,
    "ahead of": ahead_of,
    "behind": behind,
    "nearer": nearer,
    "farther": farther,
    "on": on,
}


def between(a: Boxes, b: Boxes, c: Boxes) -> Floats:
    """``a`` on the line from ``b`` to ``c``, well inside it. ``(N, M, L)``."""
    start, end = b.centre[None, :, None], c.centre[None, None]
    axis = end - start
    length = np.maximum(np.hypot(axis[..., 0], axis[..., 1]), 1e-6)
    from_start = a.centre[:, None, None] - start
    along = (from_start * axis).sum(axis=-1) / length**2
    across = np.abs(from_start[..., 0] * axis[..., 1] - from_start[..., 1] * axis[..., 0]) / length
    inside = falling(np.abs(along - 0.5), 0.3, 0.55)
    # What is aside of the line by less than the things are large still is between them.
    size = np.sqrt(a.area)[:, None, None]
    aside = falling(across / (length + size), 0.16, 0.45)
    reach = 1.0 / (1.0 + length / (2 * _REACH * a.diagonal))
    return np.asarray(inside * aside * reach)
