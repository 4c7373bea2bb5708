"""Spatial relations between boxes of the scene graph, each with a margin.

Every relation has two readings. *Clearly true* is what an expression may claim of its target;
*possibly true* is the wider reading that must fail for every other candidate. What lies between
them is a borderline case, of which an expression never speaks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evaluation.scenes.scene import SceneObject

Predicate = Callable[[SceneObject, SceneObject], bool]

_REACH_PX = 520.0  # farther than this nobody would relate two small objects
_NEAR_PX = 70.0
_MAYBE_NEAR_PX = 170.0


def gap(a: SceneObject, b: SceneObject) -> float:
    """Distance between two boxes, 0 when they touch or overlap; in ``unit_px``, as all here."""
    dx = max(a.xyxy[0] - b.xyxy[2], b.xyxy[0] - a.xyxy[2], 0.0)
    dy = max(a.xyxy[1] - b.xyxy[3], b.xyxy[1] - a.xyxy[3], 0.0)
    return float(np.hypot(dx, dy)) / a.unit_px


def _offset(a: SceneObject, b: SceneObject) -> tuple[float, float]:
    """Centre of ``a`` seen from the centre of ``b``."""
    return (a.centre[0] - b.centre[0]) / a.unit_px, (a.centre[1] - b.centre[1]) / a.unit_px


def left_of(a: SceneObject, b: SceneObject) -> bool:
    """``a`` is clearly to the left of ``b``: beside it, no overlap of columns, in reach."""
    dx, dy = _offset(a, b)
    return (
        a.xyxy[2] + 4 * a.unit_px <= b.xyxy[0] and abs(dy) <= 0.7 * -dx and gap(a, b) <= _REACH_PX
    )


def maybe_left_of(a: SceneObject, b: SceneObject) -> bool:
    """``a`` might be called left of ``b``."""
    dx, dy = _offset(a, b)
    return dx < -3 and abs(dy) <= 2.2 * -dx


def above(a: SceneObject, b: SceneObject) -> bool:
    """``a`` is clearly above ``b`` in the frame."""
    dx, dy = _offset(a, b)
    return (
        a.xyxy[3] + 4 * a.unit_px <= b.xyxy[1] and abs(dx) <= 0.6 * -dy and gap(a, b) <= _REACH_PX
    )


def maybe_above(a: SceneObject, b: SceneObject) -> bool:
    """``a`` might be called above ``b``."""
    dx, dy = _offset(a, b)
    return dy < -3 and abs(dx) <= 1.9 * -dy


def near(a: SceneObject, b: SceneObject) -> bool:
    """``a`` is clearly near ``b``."""
    return gap(a, b) <= _NEAR_PX


def maybe_near(a: SceneObject, b: SceneObject) -> bool:
    """``a`` might be called near ``b``."""
    return gap(a, b) <= _MAYBE_NEAR_PX


def in_front_of(a: SceneObject, b: SceneObject) -> bool:
    """Both stand on the ground, ``a`` clearly nearer to the camera and close by in the frame."""
    dx, _ = _offset(a, b)
    return (
        a.on_ground
        and b.on_ground
        and a.depth_m <= 0.88 * b.depth_m
        and abs(dx) <= _half_widths(a, b) + 50
        and gap(a, b) <= 130
    )


def _half_widths(a: SceneObject, b: SceneObject) -> float:
    return 0.5 * (a.size_wh[0] + b.size_wh[0]) / a.unit_px


def maybe_in_front_of(a: SceneObject, b: SceneObject) -> bool:
    """``a`` might be said to be in front of ``b``."""
    dx, _ = _offset(a, b)
    return a.depth_m < 0.98 * b.depth_m and abs(dx) <= _half_widths(a, b) + 130 and gap(a, b) <= 280


def between(a: SceneObject, b: SceneObject, c: SceneObject) -> bool:
    """``a`` lies clearly between ``b`` and ``c``: near their connecting line, inside it."""
    along, across, length = _on_segment(a, b, c)
    inside = 0.2 <= along <= 0.8 and across <= max(0.16 * length, 20.0)
    apart = min(gap(a, b), gap(a, c)) >= 4
    return inside and apart and 80 <= length <= 2 * _REACH_PX


def maybe_between(a: SceneObject, b: SceneObject, c: SceneObject) -> bool:
    """``a`` might be called between ``b`` and ``c``."""
    along, across, length = _on_segment(a, b, c)
    return -0.05 <= along <= 1.05 and across <= max(0.5 * length, 60.0)


def _on_segment(a: SceneObject, b: SceneObject, c: SceneObject) -> tuple[float, float, float]:
    """Position along b-c (0 to 1), distance from that line, its length; centres, pixels."""
    start, end, point = (np.array(o.centre) / a.unit_px for o in (b, c, a))
    axis = end - start
    length = float(np.hypot(*axis))
    if length == 0.0:
        return -1.0, float("inf"), 0.0
    t = float((point - start) @ axis) / length**2
    return t, float(np.hypot(*(point - start - t * axis))), length


def beside(a: SceneObject, b: SceneObject) -> bool:
    """``a`` is clearly beside ``b``: near it, neither above nor below."""
    overlap = min(a.xyxy[3], b.xyxy[3]) - max(a.xyxy[1], b.xyxy[1])
    level = overlap >= 0.5 * min(a.size_wh[1], b.size_wh[1])
    return near(a, b) and level and (left_of(a, b) or left_of(b, a))


def farther(a: SceneObject, b: SceneObject) -> bool:
    """Both stand on the ground, ``a`` clearly farther from the camera, in reach in the frame."""
    deep = a.depth_m >= 1.35 * b.depth_m and a.depth_m - b.depth_m >= 8.0
    return a.on_ground and b.on_ground and deep and gap(a, b) <= _REACH_PX


def maybe_farther(a: SceneObject, b: SceneObject) -> bool:
    """``a`` might be called farther away than ``b``."""
    return a.depth_m > 0.95 * b.depth_m


def _swap(predicate: Predicate) -> Predicate:
    return lambda a, b: predicate(b, a)


# Name -> (clearly true, possibly true).
BINARY: dict[str, tuple[Predicate, Predicate]] = {
    "left of": (left_of, maybe_left_of),
    "right of": (_swap(left_of), _swap(maybe_left_of)),
    "above": (above, maybe_above),
    "below": (_swap(above), _swap(maybe_above)),
    "near": (near, maybe_near),
    "in front of": (in_front_of, maybe_in_front_of),
    "behind": (_swap(in_front_of), _swap(maybe_in_front_of)),
}
RELATIONS = (*BINARY, "between")
# Those that only the rich grammar speaks of.
MORE_BINARY: dict[str, tuple[Predicate, Predicate]] = {
    "beside": (beside, maybe_near),
    "farther": (farther, maybe_farther),
    "nearer": (_swap(farther), _swap(maybe_farther)),
}
_EVERY = BINARY | MORE_BINARY


def holds(relation: str, target: SceneObject, referents: tuple[SceneObject, ...]) -> bool:
    """True when ``relation`` is clearly true of the target and its one or two referents."""
    if relation == "between":
        return between(target, *referents)
    return _EVERY[relation][0](target, *referents)


def may_hold(relation: str, target: SceneObject, referents: tuple[SceneObject, ...]) -> bool:
    """True when somebody might call ``relation`` true of them."""
    if relation == "between":
        return maybe_between(target, *referents)
    return _EVERY[relation][1](target, *referents)
