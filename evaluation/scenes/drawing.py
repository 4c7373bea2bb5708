"""The parts of a picture of a scene graph: its ground, its objects and what holds them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from evaluation.scenes.catalogue import COLOURS, kinds_in
from evaluation.scenes.draw_backdrop import draw_lamp, draw_tree, horizon_bgr
from evaluation.scenes.draw_fixtures import (
    draw_camera,
    draw_cone,
    draw_pedestrian_light,
    draw_sign,
    draw_traffic_light,
)
from evaluation.scenes.draw_ground import draw_ground
from evaluation.scenes.draw_more_vehicles import draw_road_vehicle
from evaluation.scenes.draw_people import (
    draw_bicycle,
    draw_child,
    draw_cyclist,
    draw_motorcycle,
    draw_motorcyclist,
    draw_person,
    draw_scooter,
)
from evaluation.scenes.draw_vehicles import draw_vehicle
from evaluation.scenes.scene import Scene, SceneObject
from evaluation.scenes.sprite import Bgr, Sprite, shade

_STEEL = (104, 106, 106)


def stream(scene: Scene, *number: int) -> np.random.Generator:
    """An independent stream for each part, so that one part's draws never move another's."""
    return np.random.default_rng([scene.seed, *number])


def hazy_ground(scene: Scene) -> tuple[int, np.ndarray]:
    """First row of the ground and its (rows, w, 3) uint8 BGR picture, paler towards the horizon."""
    top, ground = draw_ground(scene, stream(scene, 3))
    rows = np.arange(top, top + len(ground), dtype=np.float32) + 0.5
    cam = scene.camera
    z = cam.focal_px * cam.height_m / (rows - cam.vanishing_xy[1])
    air = 1.0 - np.exp(-np.minimum(z, 600) * (0.0011 + scene.weather.fog_per_m))
    hazy = np.array(horizon_bgr(scene.weather.name), np.float32)
    ground += (hazy - ground) * np.minimum(air, 0.8).astype(np.float32)[:, None, None]
    return top, np.clip(ground, 0, 255).astype(np.uint8)


def far_to_near(scene: Scene) -> list[tuple[float, int, int]]:
    """Depth, sort (0: tree, 1: lamp, 2: object) and index of all that stands in the street."""
    things = [
        *((t.z_m, 0, i) for i, t in enumerate(scene.trees)),
        *((p.z_m, 1, i) for i, p in enumerate(scene.lamps)),
        *((o.depth_m, 2, i) for i, o in enumerate(scene.objects)),
    ]
    return sorted(things, reverse=True)


def draw_scenery(frame: np.ndarray, scene: Scene, sort: int, index: int) -> None:
    """A tree (0) or a lamp (1)."""
    if sort == 0:
        draw_tree(frame, scene, scene.trees[index], stream(scene, 9, index))
    else:
        draw_lamp(frame, scene, scene.lamps[index])


def put(frame: np.ndarray, item: SceneObject, colour: np.ndarray, cover: np.ndarray) -> None:
    """Draw a finished sprite, (h, w, 3) over coverage (h, w, 1), where the object's box says."""
    x1, y1 = int(item.xyxy[0]), int(item.xyxy[1])
    h, w = colour.shape[:2]
    patch = frame[y1 : y1 + h, x1 : x1 + w]
    patch[:] = np.clip(patch * (1.0 - cover) + colour + 0.5, 0, 255).astype(np.uint8)


def draw_footing(frame: np.ndarray, scene: Scene, item: SceneObject) -> None:
    """What ties an object to the ground: its shadow, or the pole that carries it."""
    if item.on_ground:
        _shadow(frame, scene, item)
    else:
        _post(frame, scene, item)


def hazy_sprite(scene: Scene, item: SceneObject) -> tuple[np.ndarray, np.ndarray]:
    """``Sprite.finish`` of one object, seen through the air."""
    colour, cover = object_sprite(scene, item).finish()
    air = min(0.25, 1.0 - float(np.exp(-item.depth_m * scene.weather.fog_per_m)))
    hazy = np.array(horizon_bgr(scene.weather.name), np.float32)
    return colour + (hazy * cover - colour) * air, cover


def object_sprite(scene: Scene, item: SceneObject) -> Sprite:
    """The picture of one object, as large as its box."""
    rng = stream(scene, 5, item.id)
    sprite = Sprite(item.size_wh, item.flipped)
    base = np.array(COLOURS[item.colour]) * rng.uniform(0.92, 1.06)
    b, g, r = (int(c) for c in np.clip(base, 0, 255))
    _DRAWERS[item.category](sprite, item, (b, g, r), rng)
    return sprite


def _draw_vehicle(sprite: Sprite, item: SceneObject, colour: Bgr, rng: np.random.Generator) -> None:
    draw = draw_vehicle if item.kind in kinds_in("plain") else draw_road_vehicle
    draw(sprite, item.kind, item.view, colour, rng)


def _draw_people(sprite: Sprite, item: SceneObject, colour: Bgr, rng: np.random.Generator) -> None:
    draw = draw_child if item.kind == "child" else draw_person
    draw(sprite, item.view == "walking", colour, rng)


def _draw_rider(sprite: Sprite, item: SceneObject, colour: Bgr, rng: np.random.Generator) -> None:
    if item.kind == "motorcyclist":
        draw_motorcyclist(sprite, item.view == "rear", colour, rng)
    else:
        draw_cyclist(sprite, colour, rng)


def _draw_light(sprite: Sprite, item: SceneObject, colour: Bgr, rng: np.random.Generator) -> None:
    draw = draw_pedestrian_light if item.kind == "pedestrian light" else draw_traffic_light
    draw(sprite, item.colour)


def _draw_motor(sprite: Sprite, item: SceneObject, colour: Bgr, rng: np.random.Generator) -> None:
    draw = draw_scooter if item.kind == "scooter" else draw_motorcycle
    draw(sprite, colour)


_DRAWERS: dict[str, Callable[[Sprite, SceneObject, Bgr, np.random.Generator], None]] = {
    "vehicle": _draw_vehicle,
    "people": _draw_people,
    "rider": _draw_rider,
    "bicycle": lambda sprite, item, colour, rng: draw_bicycle(sprite, colour),
    "motor": _draw_motor,
    "traffic-sign": lambda sprite, item, colour, rng: draw_sign(
        sprite, item.kind, item.colour, rng
    ),
    "traffic-light": _draw_light,
    "traffic-camera": lambda sprite, item, colour, rng: draw_camera(sprite, colour),
    "warning-cone": lambda sprite, item, colour, rng: draw_cone(sprite, colour),
}


def _shadow(frame: np.ndarray, scene: Scene, item: SceneObject) -> None:
    """A soft dark ellipse under the object, mostly outside its box."""
    w, h = item.size_wh
    reach = max(3, round(0.1 * min(w, h)) + 2)
    x1, y2 = int(item.xyxy[0]) - reach, int(item.xyxy[3])
    top, bottom = y2 - 2 * reach, y2 + reach
    height, width = frame.shape[:2]
    left, right = max(0, x1), min(width, x1 + w + 2 * reach)
    top, bottom = max(0, top), min(height, bottom)
    if left >= right or top >= bottom:
        return  # outside the frame
    mask = np.zeros((bottom - top, right - left), np.float32)
    centre = (round(x1 + w / 2 + reach) - left, y2 - top - 1)
    cv2.ellipse(mask, centre, (max(2, w // 2), max(1, reach // 2)), 0, 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), max(0.8, reach / 3)) * scene.weather.shadow
    patch = frame[top:bottom, left:right]
    patch[:] = (patch * (1.0 - mask[:, :, None])).astype(np.uint8)


def _post(frame: np.ndarray, scene: Scene, item: SceneObject) -> None:
    """The pole (and arm) of a mounted object."""
    thick = max(2, round(0.11 * scene.camera.focal_px / item.depth_m))
    steel = shade(_STEEL, scene.weather.ambient)
    foot = (round(item.foot_xy[0]), round(item.foot_xy[1]))
    x1, y1, x2, y2 = item.xyxy
    middle = round((x1 + x2) / 2)
    if item.zone != "overhead":
        cv2.line(frame, foot, (middle, round(y2) - 2), steel, thick, cv2.LINE_AA)
        return
    arm = round(item.supports[0][1] + thick / 2)
    cv2.line(frame, foot, (foot[0], arm), steel, thick, cv2.LINE_AA)
    cv2.line(frame, (foot[0], arm), (middle, arm), steel, max(2, thick - 1), cv2.LINE_AA)
    cv2.line(frame, (middle, arm), (middle, round(y1) + 1), steel, max(2, thick - 1), cv2.LINE_AA)
