"""Where objects are to one another, read without the code that makes sentences of it."""

from __future__ import annotations

import numpy as np

from evaluation.scenes import SceneObject


def offset(a: SceneObject, b: SceneObject) -> tuple[float, float]:
    return a.centre[0] - b.centre[0], a.centre[1] - b.centre[1]


def distance(a: SceneObject, b: SceneObject) -> float:
    dx = max(0.0, a.xyxy[0] - b.xyxy[2], b.xyxy[0] - a.xyxy[2])
    dy = max(0.0, a.xyxy[1] - b.xyxy[3], b.xyxy[1] - a.xyxy[3])
    return float(np.hypot(dx, dy))


def is_left(a: SceneObject, b: SceneObject) -> bool:
    dx, dy = offset(a, b)
    return dx < -4 and abs(dy) < 1.3 * abs(dx)


def is_above(a: SceneObject, b: SceneObject) -> bool:
    dx, dy = offset(a, b)
    return dy < -4 and abs(dx) < 1.2 * abs(dy)


def is_between(a: SceneObject, b: SceneObject, c: SceneObject) -> bool:
    ab, cb = np.array(offset(a, b)), np.array(offset(c, b))
    length = float(np.hypot(*cb))
    t = float(ab @ cb) / length**2
    across = abs(float(ab[0] * cb[1] - ab[1] * cb[0])) / length
    return 0.1 < t < 0.9 and across < 0.3 * length
