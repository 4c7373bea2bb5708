"""What stands around and is not talked about: buildings, trees, street lamps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.scenes.camera import Camera
from evaluation.scenes.placement import overlap
from evaluation.scenes.scene import Building, Lamp, Rect, Road, SceneObject, Tree

# Muted, so that no wall is mistaken for a coloured object. BGR.
_WALLS = (
    (150, 165, 175),
    (168, 176, 182),
    (120, 138, 158),
    (140, 150, 150),
    (158, 158, 150),
    (108, 122, 142),
    (176, 188, 194),
    (128, 132, 138),
)
_LEAVES = ((52, 82, 66), (46, 74, 54), (58, 92, 80), (50, 70, 62))
_FAR_M = 105.0  # behind every object


def place_buildings(rng: np.random.Generator, camera: Camera, road: Road) -> tuple[Building, ...]:
    """Rows of blocks on both sides of the street and a skyline behind it, far ones first."""
    blocks: list[Building] = []
    edge = road.half_width_m + road.pavement_m
    for side in (-1.0, 1.0):
        setback = edge + float(rng.uniform(2, 14))
        z = _FAR_M
        while z < 330:
            depth = float(rng.uniform(18, 40))
            x1 = setback + float(rng.uniform(0, 6))
            xs = sorted((side * x1, side * (x1 + float(rng.uniform(25, 60)))))
            blocks.append(_block(rng, (xs[0], xs[1]), (z, z + depth), rng.uniform(9, 30)))
            z += depth + float(rng.choice([0.5, 3.0, 12.0]))
    x = camera.lateral_m(0, 340)
    while x < camera.lateral_m(camera.size_wh[0], 340):
        width = float(rng.uniform(25, 60))
        blocks.append(_block(rng, (x, x + width), (340, 380), rng.uniform(12, 55)))
        x += width * float(rng.uniform(0.8, 1.5))
    return tuple(sorted(blocks, key=lambda b: -b.z_m[0]))


def _block(
    rng: np.random.Generator,
    x_m: tuple[float, float],
    z_m: tuple[float, float],
    height_m: float,
) -> Building:
    tone = np.array(_WALLS[int(rng.integers(len(_WALLS)))]) * rng.uniform(0.8, 1.15)
    b, g, r = (int(c) for c in np.clip(tone + rng.normal(0, 4, 3), 40, 235))
    windows = (float(rng.uniform(2.4, 4.2)), float(rng.uniform(2.9, 3.6)))
    return Building(x_m, z_m, float(height_m), (b, g, r), windows)


def place_trees(
    rng: np.random.Generator, camera: Camera, road: Road, objects: Sequence[SceneObject]
) -> tuple[Tree, ...]:
    """Trees along the pavements, far ones first; none hides an object that is farther."""
    trees: list[Tree] = []
    edge = road.half_width_m + road.pavement_m
    density = rng.uniform(0.2, 1.0)
    for _ in range(int(46 * density)):
        z = float(_FAR_M * rng.uniform(1.0, 1.9) if rng.random() < 0.6 else rng.uniform(25, 105))
        side = -1.0 if rng.random() < 0.5 else 1.0
        x = side * (edge + float(rng.choice([-0.6, rng.uniform(0, 40)])))
        height = float(rng.uniform(5, 12))
        leaf = np.array(_LEAVES[int(rng.integers(len(_LEAVES)))]) * rng.uniform(0.8, 1.25)
        b, g, r = (int(c) for c in leaf)
        tree = Tree(x, z, height, height * float(rng.uniform(0.24, 0.36)), (b, g, r))
        if road.crossed_at(z, 1.5):
            continue
        if z > _FAR_M or _clear(tree_rects(tree, camera), objects):
            trees.append(tree)
    return tuple(sorted(trees, key=lambda t: -t.z_m))


def tree_rects(tree: Tree, camera: Camera) -> tuple[Rect, Rect]:
    """Boxes of crown and trunk, frame pixels."""
    scale = camera.focal_px / tree.z_m
    u, top = camera.project(tree.x_m, tree.height_m, tree.z_m)
    r = tree.radius_m * scale
    crown = (u - 1.25 * r, top - 0.2 * r, u + 1.25 * r, top + 2.3 * r)
    return crown, (u - 0.2 * scale, top, u + 0.2 * scale, camera.ground_y(tree.z_m))


def place_lamps(
    rng: np.random.Generator, camera: Camera, road: Road, objects: Sequence[SceneObject]
) -> tuple[Lamp, ...]:
    """A row of street lamps along one or both kerbs, without those that would hide objects."""
    lamps: list[Lamp] = []
    height, step = float(rng.uniform(7, 10)), float(rng.uniform(18, 32))
    sides = ((-1.0,), (1.0,), (-1.0, 1.0))[int(rng.integers(3))]
    for side in sides:
        for z in np.arange(rng.uniform(16, 30), 170, step):
            lamp = Lamp(side * (road.half_width_m + 0.9), float(z), height, -side * 2.2)
            if not road.crossed_at(float(z), 1.0) and _clear(lamp_rects(lamp, camera), objects):
                lamps.append(lamp)
    return tuple(sorted(lamps, key=lambda lamp: -lamp.z_m))


def lamp_rects(lamp: Lamp, camera: Camera) -> tuple[Rect, Rect]:
    """Boxes of pole and arm, frame pixels."""
    scale = camera.focal_px / lamp.z_m
    u, top = camera.project(lamp.x_m, lamp.height_m, lamp.z_m)
    end = u + lamp.reach_m * scale
    half = max(1.0, 0.09 * scale)
    pole = (u - half, top, u + half, camera.ground_y(lamp.z_m))
    return pole, (min(u, end), top - 2 * half, max(u, end), top + 3 * half)


def _clear(rects: Sequence[Rect], objects: Sequence[SceneObject]) -> bool:
    return not any(
        overlap(rect, taken, 4.0)
        for rect in rects
        for o in objects
        for taken in (o.xyxy, *o.supports)
    )
