"""Where light falls by night, and the glow of what gives it."""

from __future__ import annotations

import cv2
import numpy as np

from evaluation.scenes.draw_fixtures import GLOWS
from evaluation.scenes.scene import Lamp, Scene, SceneObject
from evaluation.scenes.sprite import Bgr

_WHITE: Bgr = (190, 225, 240)
_SODIUM: Bgr = (120, 190, 245)
_TAIL: Bgr = (20, 14, 225)
_CELL_PX = 8  # of the map of light on the ground
_POOL_M = 6.5  # radius of the light under a street lamp
_LEAST = 0.6  # of the light on an object: its colour is to be told
# Lamps of a vehicle seen from the front or rear, unit coordinates of its box; the other one is
# mirrored. From the side: heights of the head lamp at the left and the tail lamp at the right.
_ENDS = {
    ("car", "rear"): (0.095, 0.54), ("car", "front"): (0.095, 0.54), ("van", "rear"): (0.06, 0.62),
    ("van", "front"): (0.13, 0.63), ("truck", "rear"): (0.1, 0.825), ("bus", "front"): (0.14, 0.76),
    ("pickup", "rear"): (0.075, 0.56), ("tram", "front"): (0.2, 0.8),
    ("tricycle", "rear"): (0.11, 0.63), ("motorcyclist", "rear"): (0.5, 0.67),
}  # fmt: skip
_SIDES = {
    "car": (0.57, 0.57), "van": (0.59, 0.56), "truck": (0.66, 0.8), "bus": (0.7, 0.68),
    "pickup": (0.52, 0.52), "tram": (0.7, 0.7), "tricycle": (0.56, 0.6),
    "motorcyclist": (0.46, 0.62),
}  # fmt: skip


def level(scene: Scene, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Share of daylight that falls on the ground at x and z metres, arrays of one shape."""
    light = np.full(np.broadcast(x, z).shape, scene.weather.ambient)
    beam = 2.6 + 0.1 * z  # half width of the own head lamps' light
    light += 0.5 * np.exp(-z / 38.0 - (x / beam) ** 2)
    for lamp in scene.lamps:
        away = ((x - lamp.x_m - lamp.reach_m) ** 2 + (0.8 * (z - lamp.z_m)) ** 2) / _POOL_M**2
        light += 0.6 / (1.0 + away) ** 2
    return np.minimum(light, 1.0)


def light_ground(scene: Scene, top: int, ground: np.ndarray) -> np.ndarray:
    """The (rows, w, 3) uint8 ground as it is lit by night; ``top``: its first row."""
    cam, (rows, w) = scene.camera, ground.shape[:2]
    v = top + (np.arange(-(-rows // _CELL_PX)) + 0.5) * _CELL_PX
    u = (np.arange(-(-w // _CELL_PX)) + 0.5) * _CELL_PX
    z = cam.focal_px * cam.height_m / (v - cam.vanishing_xy[1])[:, None]
    x = (u[None] - cam.vanishing_xy[0]) * z / cam.focal_px
    coarse = np.round(255 * level(scene, x, z)).astype(np.uint8)
    fine = cv2.resize(coarse, (w, rows), interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(ground, cv2.merge([fine] * 3), scale=1 / 255)


def light_on(scene: Scene, item: SceneObject) -> float:
    """Factor on an object's colours."""
    if scene.weather.name != "night":
        return scene.weather.ambient
    if item.category == "traffic-light":
        return 1.0
    if item.category == "traffic-sign":
        return 0.92  # it throws light back
    x = scene.camera.lateral_m(item.foot_xy[0], item.depth_m)
    return max(_LEAST, float(level(scene, np.array(x), np.array(item.depth_m))))


def lit_lamps(item: SceneObject) -> list[tuple[float, float, float, Bgr]]:
    """Lamps of an object that are on by night: x, y and radius in pixels, colour."""
    x1, y1, x2, y2 = item.xyxy
    w, h = x2 - x1, y2 - y1
    if item.category == "traffic-light":
        cy = {"red": 0.2, "yellow": 0.5, "green": 0.78}[item.colour]
        return [((x1 + x2) / 2, y1 + cy * h, 0.6 * w, _dimmed(GLOWS[item.colour], 0.5))]
    if item.zone not in ("road", "cross"):
        return []  # parked
    end = _ENDS.get((item.kind, item.view))
    if end is not None:
        colour = _WHITE if item.view == "front" else _TAIL
        radius = (0.15 if item.view == "front" else 0.11) * min(w, h)
        return [(x1 + x * w, y1 + end[1] * h, radius, colour) for x in {end[0], 1 - end[0]}]
    if item.kind not in _SIDES or item.view != "side":
        return []
    ends = [(0.02, _SIDES[item.kind][0], _WHITE), (0.98, _SIDES[item.kind][1], _TAIL)]
    size = 0.12 * min(w, h)
    return [
        (x1 + (1 - x if item.flipped else x) * w, y1 + y * h, size, colour) for x, y, colour in ends
    ]


def street_lamp(scene: Scene, lamp: Lamp) -> tuple[float, float, float, Bgr]:
    """The head of a street lamp: x, y and radius in pixels, colour."""
    scale = scene.camera.focal_px / lamp.z_m
    u, v = scene.camera.project(lamp.x_m + lamp.reach_m, lamp.height_m, lamp.z_m)
    return u, v, 0.8 * scale, _dimmed(_SODIUM, 0.8)


def glow(
    frame: np.ndarray, x: float, y: float, radius_xy: tuple[float, float], colour: Bgr
) -> None:
    """Adds a soft spot to a (h, w, 3) uint8 frame; radii are those of half the brightness."""
    rx, ry = (max(1.0, r) for r in radius_xy)
    height, width = frame.shape[:2]
    left, right = max(0, int(x - 2.5 * rx)), min(width, int(x + 2.5 * rx) + 2)
    top, bottom = max(0, int(y - 2.5 * ry)), min(height, int(y + 2.5 * ry) + 2)
    if left >= right or top >= bottom:
        return
    across = np.exp2(-(((np.arange(left, right) + 0.5 - x) / rx) ** 2))
    down = np.exp2(-(((np.arange(top, bottom) + 0.5 - y) / ry) ** 2))
    spot = (down[:, None] * across)[:, :, None] * np.array(colour, np.float64)
    patch = frame[top:bottom, left:right]
    patch[:] = cv2.add(patch, spot.astype(np.uint8))


def _dimmed(colour: Bgr, factor: float) -> Bgr:
    b, g, r = (int(c * factor) for c in colour)
    return b, g, r
