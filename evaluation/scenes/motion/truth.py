"""What can be seen of an object, and whether a sentence is still true of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.scenes.expressions import Expression
from evaluation.scenes.relations import holds, may_hold
from evaluation.scenes.scene import Rect, Scene, SceneObject
from evaluation.scenes.scenery import lamp_rects, tree_rects

SEEN_SHARE = 0.75  # of the box: our own choice; below it the box is nobody's truth
REFERENT_SHARE = 0.5
_RASTER_PX = 64  # cells across a box

# The parts of a box that nothing shines through, in units of a vehicle that faces left.
_SOLID: dict[tuple[str, str], Rect] = {
    ("bus", "side"): (0.02, 0.03, 0.98, 0.86),
    ("truck", "side"): (0.32, 0.0, 1.0, 0.74),
    ("van", "side"): (0.27, 0.02, 0.98, 0.8),
}

Sight = Literal["seen", "partly", "hidden"]


@dataclass(frozen=True)
class Truth:
    """The target in one frame.

    Attributes:
        sight: "seen" (at least three quarters of its box), "hidden" (nothing of it: covered,
            outside the frame, or not in the scene), or "partly" (neither; not to be scored).
        xyxy: when seen, its box within the frame, fractional frame pixels; else None.
    """

    sight: Sight
    xyxy: Rect | None


NOWHERE = Truth("hidden", None)


def look(scene: Scene, target: int) -> Truth:
    """The truth about the object with that id in a moved scene."""
    item = by_id(scene).get(target)
    if item is None:
        return NOWHERE
    inside = _within(item.xyxy, scene.size_wh)
    if inside is None or _covered(inside, _solids(scene, item)) == 1.0:
        return NOWHERE
    if visible_share(scene, item) >= SEEN_SHARE:
        return Truth("seen", inside)
    return Truth("partly", None)


def visible_share(scene: Scene, item: SceneObject) -> float:
    """Share of a box that is in the frame and behind no other box, pole, lamp or tree."""
    inside = _within(item.xyxy, scene.size_wh)
    if inside is None:
        return 0.0
    share = _area(inside) / _area(item.xyxy)
    return share * (1.0 - _covered(inside, _obstacles(scene, item)))


def singles_out(scene: Scene, made: Expression) -> bool:
    """True when the expression is still true of its target, and of nothing else.

    Its referents must be there to be seen and be what they are called.
    """
    objects = by_id(scene)
    target = objects.get(made.target)
    if target is None or not made.description.matches(target):
        return False
    if not all(_fits(scene, objects, text, number) for text, number in made.mentions[1:]):
        return False
    clauses = [(name, tuple(objects[k] for k in numbers)) for name, numbers in made.clauses]
    return all(holds(name, target, items) for name, items in clauses) and excludes_others(
        scene, made
    )


def excludes_others(scene: Scene, made: Expression) -> bool:
    """True when nothing but the target, which need not be there, could be meant."""
    objects = by_id(scene)
    rivals = [o for o in scene.objects if o.id != made.target and made.description.may_match(o)]
    clauses = [
        (name, tuple(objects[k] for k in numbers))
        for name, numbers in made.clauses
        if all(k in objects for k in numbers)
    ]
    return all(
        any(rival in items or not may_hold(name, rival, items) for name, items in clauses)
        for rival in rivals
    )


def by_id(scene: Scene) -> dict[int, SceneObject]:
    """The objects of a moved scene."""
    return {item.id: item for item in scene.objects}


def _fits(scene: Scene, objects: dict[int, SceneObject], text: str, number: int) -> bool:
    item = objects.get(number)
    if item is None or visible_share(scene, item) < REFERENT_SHARE:
        return False
    return item.large if text.startswith("large ") else True


def _obstacles(scene: Scene, item: SceneObject) -> list[Rect]:
    nearer = [o for o in scene.objects if o.depth_m < item.depth_m]
    rects = [rect for o in nearer for rect in (o.xyxy, *o.supports)]
    for tree in scene.trees:
        if tree.z_m < item.depth_m:
            rects += tree_rects(tree, scene.camera)
    for lamp in scene.lamps:
        if lamp.z_m < item.depth_m:
            rects += lamp_rects(lamp, scene.camera)
    return rects


def _solids(scene: Scene, item: SceneObject) -> list[Rect]:
    rects = []
    for other in scene.objects:
        part = _SOLID.get((other.kind, other.view))
        if part is None or other.depth_m >= item.depth_m:
            continue
        left, top, right, bottom = part
        if other.flipped:
            left, right = 1.0 - right, 1.0 - left
        x1, y1, x2, y2 = other.xyxy
        w, h = x2 - x1, y2 - y1
        rects.append((x1 + left * w, y1 + top * h, x1 + right * w, y1 + bottom * h))
    return rects


def _within(box: Rect, size_wh: tuple[int, int]) -> Rect | None:
    """The part of a box in the frame, or None."""
    x1, y1, x2, y2 = box
    cut = (max(x1, 0.0), max(y1, 0.0), min(x2, float(size_wh[0])), min(y2, float(size_wh[1])))
    return cut if cut[0] < cut[2] and cut[1] < cut[3] else None


def _area(box: Rect) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _covered(part: Rect, rects: list[Rect]) -> float:
    """Share of ``part`` under the union of rectangles, by the centres of a raster."""
    x1, y1, x2, y2 = part
    cells = (np.arange(_RASTER_PX) + 0.5) / _RASTER_PX
    x, y = x1 + cells * (x2 - x1), y1 + cells * (y2 - y1)
    under = np.zeros((_RASTER_PX, _RASTER_PX), bool)
    for left, top, right, bottom in rects:
        if left < x2 and x1 < right and top < y2 and y1 < bottom:
            columns, rows = (left <= x) & (x <= right), (top <= y) & (y <= bottom)
            under |= rows[:, None] & columns[None, :]
    return float(under.mean())
