"""The picture of a road scene: drawn for a pinhole camera, then moved, bent and exposed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from evaluation.scenes.draw_backdrop import draw_building, draw_sky, horizon_bgr
from evaluation.scenes.drawing import (
    draw_footing,
    draw_scenery,
    far_to_near,
    hazy_ground,
    hazy_sprite,
    put,
    stream,
)
from evaluation.scenes.road.lens import Lens
from evaluation.scenes.road.lights import glow, light_ground, light_on, lit_lamps, street_lamp
from evaluation.scenes.scene import Conditions, Scene, SceneObject
from evaluation.scenes.sensor import expose
from evaluation.scenes.sprite import Bgr

_TAPS = 4  # pictures that a moving camera's exposure is made of
_VEIL_CELL = 8  # pixels of the frame that one of the veil stands for
_SUN: Bgr = (196, 232, 255)


def render(scene: Scene, conditions: Conditions) -> np.ndarray:
    """The camera's picture, (h, w, 3) uint8 BGR."""
    drawn = replace(scene, objects=conditions.pinhole)
    frame = _street(drawn, conditions)
    for _, sort, i in far_to_near(drawn):
        if sort == 2:
            _object(frame, drawn, conditions, drawn.objects[i])
            continue
        draw_scenery(frame, drawn, sort, i)
        if sort == 1 and scene.weather.name == "night":
            x, y, radius, colour = street_lamp(drawn, drawn.lamps[i])
            glow(frame, x, y, (radius, radius), colour)
    if conditions.sun_xy is not None:
        frame = _veiled(frame, conditions.sun_xy)
    frame = moved(frame, scene.camera.vanishing_xy, conditions.zoom, conditions.pan_px)
    frame = Lens(scene.size_wh, conditions.barrel).bend(frame)
    return expose(frame, scene.weather, stream(scene, 4))


def _street(scene: Scene, conditions: Conditions) -> np.ndarray:
    """Sky, ground and buildings."""
    frame = draw_sky(scene, stream(scene, 2))
    if conditions.sun_xy is not None:
        radius = 0.012 * scene.size_wh[0]
        glow(frame, *conditions.sun_xy, (8 * radius, 8 * radius), (70, 110, 140))
        for _ in range(2):
            glow(frame, *conditions.sun_xy, (radius, radius), _SUN)
    top, ground = hazy_ground(scene)
    if conditions.wet > 0:
        ground = _wetted(scene, ground, conditions.wet)
    if scene.weather.name == "night":
        ground = light_ground(scene, top, ground)
    frame[top:] = ground
    for i, block in enumerate(scene.buildings):
        draw_building(frame, scene, block, stream(scene, 8, i))
    return frame


def _wetted(scene: Scene, ground: np.ndarray, wet: float) -> np.ndarray:
    """Darker, and towards the horizon of the sky's colour."""
    flat = np.linspace(0.42, 0.06, len(ground))[:, None] * wet  # of the sky, at a glance
    sky = (flat * np.array(horizon_bgr(scene.weather.name)))[:, None]
    shades = (1.0 - 0.25 * wet) * (1.0 - flat)[:, None]
    dark = cv2.multiply(ground, np.broadcast_to(shades, ground.shape), dtype=cv2.CV_8U)
    return cv2.add(dark, np.broadcast_to(sky, ground.shape).astype(np.uint8))


def _object(frame: np.ndarray, scene: Scene, conditions: Conditions, item: SceneObject) -> None:
    light = light_on(scene, item)
    colour, cover = hazy_sprite(scene, item)
    colour = colour * np.float32(light)
    lamps = lit_lamps(item) if scene.weather.name == "night" else []
    if conditions.wet > 0:
        if item.on_ground:  # signs would look like others that lie on the road
            _mirrored(frame, item, colour, cover, conditions.wet)
        for x, y, radius, tone in lamps:
            below = 2 * item.foot_xy[1] - y
            glow(frame, x, below, (0.8 * radius, 3.5 * radius), _faded(tone, 0.5 * conditions.wet))
    draw_footing(frame, scene, item)
    put(frame, item, colour, cover)
    for x, y, radius, tone in lamps:
        glow(frame, x, y, (radius, radius), tone)


def _mirrored(
    frame: np.ndarray, item: SceneObject, colour: np.ndarray, cover: np.ndarray, wet: float
) -> None:
    """The object's reflection on the road below it, smeared downwards and fading."""
    h, w = cover.shape[:2]
    top = int(item.xyxy[3])
    rows = min(h, frame.shape[0] - top)
    if rows < 2:
        return
    size = (1, max(3, h // 4 | 1))
    upside = cv2.blur(np.concatenate([colour, cover], axis=2)[::-1], size)[:rows]
    upside = upside * (0.5 * wet * np.linspace(1.0, 0.25, h, dtype=np.float32)[:rows, None, None])
    x1 = int(item.xyxy[0])
    patch = frame[top : top + rows, x1 : x1 + w]
    patch[:] = np.clip(patch * (1.0 - upside[:, :, 3:]) + upside[:, :, :3], 0, 255).astype(np.uint8)


def _veiled(frame: np.ndarray, sun_xy: tuple[float, float]) -> np.ndarray:
    """Light of the low sun scattered in the lens: bright about it, and a few rings opposite."""
    h, w = frame.shape[:2]
    u = (np.arange(-(-w // _VEIL_CELL)) + 0.5) * _VEIL_CELL
    v = (np.arange(-(-h // _VEIL_CELL)) + 0.5) * _VEIL_CELL
    away = np.hypot(u[None] - sun_xy[0], v[:, None] - sun_xy[1]) / w
    veil = 0.5 * np.exp(-away / 0.035) + 0.3 * np.exp(-away / 0.22)
    for share, radius, strength in ((0.45, 0.014, 0.05), (1.3, 0.028, 0.05), (1.7, 0.018, 0.07)):
        x, y = (s + share * (size - 2 * s) for s, size in zip(sun_xy, (w, h), strict=True))
        veil += strength * (np.hypot(u[None] - x, v[:, None] - y) < radius * w)
    coarse = np.clip(veil[:, :, None] * np.array(_SUN), 0, 255).astype(np.uint8)
    return cv2.add(frame, cv2.resize(coarse, (w, h), interpolation=cv2.INTER_LINEAR))


def moved(
    frame: np.ndarray, about_xy: tuple[float, float], zoom: float, pan_px: float
) -> np.ndarray:
    """The mean of what passes while the shutter is open; boxes are those of its middle.

    Args:
        frame: (h, w, 3) uint8.
        about_xy: the point that the camera drives towards, which stays where it is.
        zoom: share by which everything grows in that time.
        pan_px: how far everything moves sideways.
    """
    if zoom == 0.0 and pan_px == 0.0:
        return frame
    h, w = frame.shape[:2]
    x, y = about_xy[0] - 0.5, about_xy[1] - 0.5
    taps = []
    for k in range(_TAPS):
        t = (k + 0.5) / _TAPS - 0.5
        s = 1.0 + zoom * t
        matrix = np.array([[s, 0.0, x - s * x + pan_px * t], [0.0, s, y - s * y]])
        taps.append(cv2.warpAffine(frame, matrix, (w, h), borderMode=cv2.BORDER_REPLICATE))
    while len(taps) > 1:
        taps = [
            cv2.addWeighted(a, 0.5, b, 0.5, 0) for a, b in zip(taps[::2], taps[1::2], strict=True)
        ]
    return taps[0]


def _faded(colour: Bgr, factor: float) -> Bgr:
    b, g, r = (int(c * factor) for c in colour)
    return b, g, r
