"""Sky, buildings, trees and street lamps, drawn onto a uint8 BGR frame."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from evaluation.scenes.scene import Building, Lamp, Scene, Tree
from evaluation.scenes.sprite import Bgr, shade
from evaluation.scenes.texture import smooth_noise

_SHIFT = 4
_SKIES: dict[str, tuple[Bgr, Bgr]] = {  # zenith, horizon
    "clear": ((205, 150, 96), (238, 220, 200)),
    "overcast": ((190, 184, 178), (222, 220, 216)),
    "rain": ((158, 152, 146), (190, 188, 184)),
    "dusk": ((196, 150, 128), (190, 205, 238)),
    "fog": ((205, 204, 202), (220, 220, 219)),
    "night": ((34, 22, 14), (62, 50, 46)),
    "low sun": ((196, 160, 128), (190, 222, 246)),
}


def horizon_bgr(weather_name: str) -> Bgr:
    """The colour of the air near the horizon."""
    return _SKIES[weather_name][1]


def draw_sky(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """(h, w, 3) uint8: a gradient with clouds, below the horizon its lowest colour."""
    w, h = scene.size_wh
    zenith, low = (np.array(c, np.float32) for c in _SKIES[scene.weather.name])
    t = np.clip(np.arange(h, dtype=np.float32) / scene.camera.vanishing_xy[1], 0, 1)
    sky = zenith + (low - zenith) * (t**1.3)[:, None]  # (h, 3)
    rows = min(h, int(scene.camera.vanishing_xy[1]) + 2)
    cloud = smooth_noise(rng, (w, rows), (7, 6)) + 0.55 * smooth_noise(rng, (w, rows), (18, 16))
    cloud += 0.3 * smooth_noise(rng, (w, rows), (50, 44))
    amount = {"clear": float(rng.uniform(-1.4, 0.2)), "dusk": -0.2}.get(scene.weather.name, 0.6)
    cover = np.clip((cloud + amount) * 0.45, 0, 0.8)[:, :, None]
    bright = {"clear": 245.0, "dusk": 205.0, "rain": 178.0, "night": 44.0}.get(
        scene.weather.name, 226.0
    )
    frame = np.repeat(sky[:, None, :], w, axis=1)
    frame[:rows] += (np.float32(bright) - frame[:rows]) * cover
    return np.clip(frame, 0, 255).astype(np.uint8)


def draw_building(
    frame: np.ndarray, scene: Scene, block: Building, rng: np.random.Generator
) -> None:
    """A block: the wall that faces the camera and the one that faces the street."""
    air = 1.0 - float(np.exp(-block.z_m[0] * (0.0011 + scene.weather.fog_per_m)))
    air = min(air, 0.75)
    hazy = horizon_bgr(scene.weather.name)

    def tone(colour: Bgr) -> Bgr:
        b, g, r = (int(c + (a - c) * air) for c, a in zip(colour, hazy, strict=True))
        return b, g, r

    ambient = scene.weather.ambient
    glass = shade((120, 104, 92), float(rng.uniform(0.7, 1.1)) * ambient)
    x1, x2 = block.x_m
    z1, z2 = block.z_m
    near_x = x1 if x1 > 0 else x2 if x2 < 0 else None
    faces = [((x1, z1), (x2, z1), 1.0)]
    if near_x is not None:
        faces.insert(0, ((near_x, z1), (near_x, z2), 0.82))
    for (xa, za), (xb, zb), light in faces:
        wall = shade(block.wall_bgr, light * ambient)
        corners = [(xa, 0.0, za), (xb, 0.0, zb), (xb, block.height_m, zb), (xa, block.height_m, za)]
        _fill(frame, scene, corners, tone(wall))
        band = [(c[0], block.height_m - 0.7, c[2]) for c in corners[:2]] + corners[2:]
        _fill(frame, scene, band, tone(shade(wall, 0.8)))
        plinth = corners[:2] + [(c[0], 0.9, c[2]) for c in corners[1::-1]]
        _fill(frame, scene, plinth, tone(shade(wall, 0.62)))
        _windows(frame, scene, block, (xa, za, xb, zb), tone, glass, rng)


def _windows(
    frame: np.ndarray,
    scene: Scene,
    block: Building,
    ends_xz: tuple[float, float, float, float],
    tone: Callable[[Bgr], Bgr],
    glass: Bgr,
    rng: np.random.Generator,
) -> None:
    """Rows of windows on the wall from (x, z) to (x, z), some lit at dusk and by night."""
    xa, za, xb, zb = ends_xz
    lit = scene.weather.name in ("dusk", "night")
    step_x, step_y = block.window_m
    length = float(np.hypot(xb - xa, zb - za))
    columns, floors = int(length / step_x), int((block.height_m - 1.5) / step_y)
    if scene.camera.focal_px * 1.2 / za < 3.0:
        return
    for i in range(columns):
        s1, s2 = (i + 0.28) / columns, (i + 0.72) / columns
        for k in range(floors):
            y1 = 1.2 + k * step_y
            y2 = y1 + 0.55 * step_y
            colour = glass
            if lit and rng.random() < 0.3:
                colour = (130, 190, 225)
            elif rng.random() < 0.2:
                colour = shade(glass, 1.18)
            corners = [
                (xa + (xb - xa) * s, y, za + (zb - za) * s)
                for s, y in ((s1, y1), (s2, y1), (s2, y2), (s1, y2))
            ]
            _fill(frame, scene, corners, tone(colour))


def _fill(
    frame: np.ndarray, scene: Scene, corners: list[tuple[float, float, float]], colour: Bgr
) -> None:
    points = np.array([scene.camera.project(*c) for c in corners])
    fixed = np.round((points - 0.5) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(frame, fixed, colour, cv2.LINE_AA, _SHIFT)


def draw_tree(frame: np.ndarray, scene: Scene, tree: Tree, rng: np.random.Generator) -> None:
    """A trunk and a crown of a few dozen leaf clusters, lit from above."""
    cam = scene.camera
    scale = cam.focal_px / tree.z_m
    u, top = cam.project(tree.x_m, tree.height_m, tree.z_m)
    foot = cam.ground_y(tree.z_m)
    r = tree.radius_m * scale
    hazy = np.array(horizon_bgr(scene.weather.name), np.float32)
    air = min(0.7, 1.0 - float(np.exp(-tree.z_m * (0.0011 + scene.weather.fog_per_m))))

    def tone(colour: np.ndarray) -> Bgr:
        b, g, r_ = (int(c) for c in colour + (hazy - colour) * air)
        return b, g, r_

    half = max(1, round(0.16 * scale))
    trunk = tone(np.array([58, 68, 78], np.float32) * np.float32(scene.weather.ambient))
    cv2.rectangle(
        frame, (round(u) - half, round(top + r)), (round(u) + half, round(foot)), trunk, -1
    )
    leaf = np.array(tree.leaf_bgr, np.float32) * np.float32(scene.weather.ambient)
    count = leaf_clusters(r) if tree.clusters is None else tree.clusters
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count)) * 0.8 * r
    dx, dy = 1.12 * radius * np.cos(angle), radius * np.sin(angle)
    for k in np.argsort(-dy):
        light = 0.92 - 0.32 * dy[k] / r + rng.normal(0, 0.06)
        blob = max(2, round(r * rng.uniform(0.14, 0.3)))
        centre = (round(u + dx[k]), round(top + 1.05 * r + dy[k]))
        axes = (blob, max(2, round(blob * 0.8)))
        cv2.ellipse(frame, centre, axes, 0, 0, 360, tone(leaf * light), -1, cv2.LINE_AA)


def leaf_clusters(radius_px: float) -> int:
    """How many clusters of leaves show the crown of a tree that large in the frame."""
    return int(np.clip(radius_px * 1.4, 14, 130))


def draw_lamp(frame: np.ndarray, scene: Scene, lamp: Lamp) -> None:
    """A thin pole with an arm over the road and a flat head."""
    cam = scene.camera
    scale = cam.focal_px / lamp.z_m
    u, top = cam.project(lamp.x_m, lamp.height_m, lamp.z_m)
    end = u + lamp.reach_m * scale
    thick = max(1, round(0.12 * scale))
    grey = shade((112, 114, 112), scene.weather.ambient)
    foot = (round(u), round(cam.ground_y(lamp.z_m)))
    cv2.line(frame, foot, (round(u), round(top)), grey, thick, cv2.LINE_AA)
    cv2.line(frame, (round(u), round(top)), (round(end), round(top)), grey, thick, cv2.LINE_AA)
    head = max(2, round(0.45 * scale))
    axes = (head, max(1, round(0.12 * scale)))
    bright = (190, 225, 240) if scene.weather.name in ("dusk", "night") else (160, 162, 160)
    cv2.ellipse(frame, (round(end), round(top)), axes, 0, 0, 360, bright, -1, cv2.LINE_AA)
