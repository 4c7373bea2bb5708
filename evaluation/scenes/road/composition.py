"""From a seed to a road scene: objects that may hide parts of others, seen through a lens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.scenes.camera import Camera
from evaluation.scenes.composition import large_specs, small_specs
from evaluation.scenes.drawing import object_sprite
from evaluation.scenes.placement import GAP_PX, Ground, overlap
from evaluation.scenes.road.conditions import Outset, draw_outset
from evaluation.scenes.road.lens import Lens, framed
from evaluation.scenes.scene import Lamp, Rect, Road, Scene, SceneObject, Tree
from evaluation.scenes.scenery import (
    lamp_rects,
    place_buildings,
    place_lamps,
    place_trees,
    tree_rects,
)
from evaluation.scenes.street import make_road

MOST_HIDDEN = 0.3  # of an object's box, by the boxes of all that stands before it
_SMALL_PX2 = (700.0, 1850.0)  # of 1920x1080
_LARGE_PX2 = (4400.0, 26000.0)
_CROWDED = 0.35  # of the objects may stand before or behind others
_DEEPER = 1.08  # times the depth of what hides it
_LEAF_BGR = (52, 84, 64)
_SCREENS = 5  # poles and trees that are tried before objects


@dataclass
class CrowdedGround(Ground):
    """A street where an object may hide a part of another; ``crowded``: the next one may."""

    crowded: bool = False

    def _free(self, candidate: SceneObject) -> bool:
        if not self.crowded:
            return super()._free(candidate)
        for other in self.objects:
            if not overlap(candidate.xyxy, other.xyxy, GAP_PX):
                continue
            near, far = sorted((candidate, other), key=lambda o: o.depth_m)
            if not overlap(near.xyxy, far.xyxy) or far.depth_m < _DEEPER * near.depth_m:
                return False  # side by side, or one in the other
        return all_seen([*self.objects, candidate])


def compose(rng: np.random.Generator, seed: int, size_wh: tuple[int, int] | None) -> Scene:
    """One try; its objects may be too few."""
    outset, road = draw_outset(rng, size_wh), make_road(rng)
    camera, lens = outset.camera, Lens(outset.camera.size_wh, outset.conditions.barrel)
    ground = CrowdedGround(camera, road)
    small, large = _areas(outset, lens)
    for noun, colour in large_specs(rng, "road"):
        ground.add(rng, noun, colour, large, social=False)
    for noun, colour in small_specs(rng, "road"):
        ground.crowded = bool(rng.random() < _CROWDED)
        ground.add(rng, noun, colour, small, social=bool(rng.random() < 0.6))
    objects = tuple(o for o in ground.objects if _in_frame(o, lens))
    objects = tuple(replace(o, id=i, unit_px=outset.unit_px) for i, o in enumerate(objects))
    trees, lamps = _scenery(rng, camera, road, objects)
    scene = Scene(
        seed=seed,
        size_wh=camera.size_wh,
        camera=camera,
        road=road,
        weather=outset.weather,
        objects=objects,
        buildings=place_buildings(rng, camera, road),
        trees=trees,
        lamps=lamps,
        conditions=replace(outset.conditions, pinhole=objects),
    )
    return replace(scene, objects=tuple(_seen(scene, item, lens) for item in objects))


def _areas(outset: Outset, lens: Lens) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of small and large objects before the lens, which magnifies the middle of the frame."""
    middle = np.array(lens.size_wh) / 2
    step = lens.distorted(middle + np.array([[0.0, 0.0], [0.25 * middle[0], 0.0]]))
    scale = outset.unit_px / float((step[1, 0] - step[0, 0]) / (0.25 * middle[0]))
    (a, b), (c, d) = _SMALL_PX2, _LARGE_PX2
    return (a * scale**2, b * scale**2), (c * scale**2, d * scale**2)


def _in_frame(item: SceneObject, lens: Lens) -> bool:
    x1, y1, x2, y2 = lens.box(framed([(0, 0), (1, 0), (1, 1), (0, 1)], item.xyxy))
    return x1 >= 1 and y1 >= 1 and x2 <= lens.size_wh[0] - 1 and y2 <= lens.size_wh[1] - 1


def _seen(scene: Scene, item: SceneObject, lens: Lens) -> SceneObject:
    """The object as the lens shows it; its box is that of all of it, tight about what is drawn."""
    if lens.barrel == 0.0:
        return item
    outline = framed(object_sprite(scene, item).outline(), item.xyxy)
    foot = lens.distorted(np.array(item.foot_xy))
    corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    return replace(
        item,
        xyxy=lens.box(outline),
        foot_xy=(float(foot[0]), float(foot[1])),
        supports=tuple(lens.box(framed(corners, rect)) for rect in item.supports),
    )


def hidden_share(box: Rect, before: Iterable[Rect]) -> float:
    """Share of a box that others cover, 0 to 1, counted in its pixels."""
    x1, y1, x2, y2 = box
    covered = np.zeros((round(y2 - y1), round(x2 - x1)), bool)
    for rect in before:
        if overlap(rect, box):
            left, top = max(0, int(rect[0] - x1)), max(0, int(rect[1] - y1))
            right, bottom = int(np.ceil(rect[2] - x1)), int(np.ceil(rect[3] - y1))
            covered[top:bottom, left:right] = True
    return float(covered.mean())


def all_seen(objects: Sequence[SceneObject], screens: Sequence[tuple[Rect, float]] = ()) -> bool:
    """True when no more than ``MOST_HIDDEN`` of any object is hidden.

    Args:
        objects: with boxes and what carries them.
        screens: boxes of other things and their depths.
    """
    every = [(rect, o.depth_m) for o in objects for rect in (o.xyxy, *o.supports)]
    every += screens
    return all(
        hidden_share(o.xyxy, (rect for rect, z in every if z < o.depth_m)) <= MOST_HIDDEN
        for o in objects
    )


def _scenery(
    rng: np.random.Generator, camera: Camera, road: Road, objects: Sequence[SceneObject]
) -> tuple[tuple[Tree, ...], tuple[Lamp, ...]]:
    """Trees and lamps, some of them before objects."""
    trees = list(place_trees(rng, camera, road, objects))
    lamps = list(place_lamps(rng, camera, road, objects))
    screens: list[tuple[Rect, float]] = []
    for _ in range(_SCREENS):
        hidden = objects[int(rng.integers(len(objects)))] if objects else None
        if hidden is None or hidden.depth_m < 18:
            continue
        z = hidden.depth_m * float(rng.uniform(0.45, 0.9))
        edge = rng.choice([hidden.xyxy[0], hidden.xyxy[2]]) + rng.normal(0, 4)
        x = camera.lateral_m(float(edge), z)
        if abs(x) < road.half_width_m + 0.3 or road.crossed_at(z, 1.0):
            continue
        tree = Tree(x, z, float(rng.uniform(5, 9)), float(rng.uniform(1.3, 2.4)), _LEAF_BGR)
        lamp = Lamp(x, z, float(rng.uniform(7, 10)), -2.2 if x > 0 else 2.2)
        leafy = rng.random() < 0.4
        rects = tree_rects(tree, camera) if leafy else lamp_rects(lamp, camera)
        tried = [*screens, *((rect, z) for rect in rects)]
        if not all_seen(objects, tried):
            continue
        screens = tried
        if leafy:
            trees.append(tree)
        else:
            lamps.append(lamp)
    return (
        tuple(sorted(trees, key=lambda t: -t.z_m)),
        tuple(sorted(lamps, key=lambda p: -p.z_m)),
    )
