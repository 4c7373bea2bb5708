"""What camera, light, weather and lens a road scene has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.scenes.camera import Camera
from evaluation.scenes.scene import Conditions, Weather

# Frames of automotive and surveillance cameras, and how often: small ones are cheap to draw.
SIZES: dict[tuple[int, int], float] = {
    (1280, 720): 0.19,
    (1280, 960): 0.14,
    (1440, 960): 0.10,
    (1600, 900): 0.08,
    (1600, 800): 0.06,
    (1920, 1008): 0.04,
    (1920, 1080): 0.12,
    (1920, 1200): 0.08,
    (1936, 1216): 0.06,
    (1920, 1280): 0.05,
    (2048, 1024): 0.04,
    (2880, 1860): 0.02,
    (3840, 2160): 0.02,
}
WEATHERS: dict[str, float] = {
    "clear": 0.2,
    "overcast": 0.13,
    "rain": 0.16,
    "dusk": 0.08,
    "fog": 0.06,
    "night": 0.23,
    "low sun": 0.14,
}
_GROWTH = 0.6  # of small objects with the frame's width; 1 would be in proportion
_GAINS = {
    "clear": (0.9, 1.1), "overcast": (0.8, 0.98), "rain": (0.72, 0.88), "dusk": (0.68, 0.84),
    "fog": (0.86, 0.98), "night": (0.95, 1.1), "low sun": (0.86, 1.0),
}  # fmt: skip
_WARMTH = {"dusk": (0.0, 0.06), "night": (-0.05, 0.06), "low sun": (0.02, 0.09)}
_SHADOWS = {"clear": 0.5, "dusk": 0.4, "night": 0.35, "low sun": 0.55}


@dataclass(frozen=True)
class Outset:
    """The camera of a scene, and all that is decided before anything is placed.

    Attributes:
        camera: a pinhole camera; the lens comes after it.
        weather: of the scene.
        conditions: with no objects yet.
        unit_px: see ``SceneObject``.
    """

    camera: Camera
    weather: Weather
    conditions: Conditions
    unit_px: float


def draw_outset(rng: np.random.Generator, size_wh: tuple[int, int] | None) -> Outset:
    """Camera, weather and conditions; a size of ``SIZES`` where none is given."""
    sizes = list(SIZES)
    chosen = sizes[rng.choice(len(sizes), p=list(SIZES.values()))]
    size_wh = size_wh or chosen
    camera, weather = _camera(rng, size_wh), _weather(rng)
    unit_px = (size_wh[0] * size_wh[1] / (1920 * 1080)) ** (_GROWTH / 2)
    return Outset(camera, weather, _conditions(rng, camera, weather), unit_px)


def _camera(rng: np.random.Generator, size_wh: tuple[int, int]) -> Camera:
    """From a wide angle of 85 degrees to a narrow one of 42, from a car's roof to a gantry."""
    w, h = size_wh
    return Camera(
        size_wh=size_wh,
        focal_px=float(np.exp(rng.uniform(np.log(0.55), np.log(1.3))) * w),
        height_m=float(1.9 + 4.6 * rng.beta(1.2, 1.5)),
        vanishing_xy=(float(rng.uniform(0.34, 0.66) * w), float(rng.uniform(0.34, 0.56) * h)),
    )


def _weather(rng: np.random.Generator) -> Weather:
    name = str(rng.choice(list(WEATHERS), p=list(WEATHERS.values())))
    night = name == "night"
    warm = float(rng.uniform(*_WARMTH.get(name, (-0.03, 0.05))))
    rains = name == "rain" or (night and rng.random() < 0.35)
    return Weather(
        name=name,
        gain=float(rng.uniform(*_GAINS[name])),
        tint_bgr=(1.0 - warm, 1.0, 1.0 + warm),
        fog_per_m={"fog": float(rng.uniform(0.003, 0.008)), "rain": 0.002}.get(name, 0.0004),
        rain=float(rng.uniform(0.4, 1.2)) if rains else 0.0,
        shadow=_SHADOWS.get(name, 0.28),
        noise=float(rng.uniform(1.5, 4.5)) + (2.0 if night or name == "dusk" else 0.0),
        blur_px=float(rng.uniform(0.3, 0.9)),
        jpeg_quality=int(rng.integers(68, 95)),
        ambient=float(rng.uniform(0.16, 0.3)) if night else 0.82 if name == "low sun" else 1.0,
    )


def _conditions(rng: np.random.Generator, camera: Camera, weather: Weather) -> Conditions:
    w, _ = camera.size_wh
    x, y = camera.vanishing_xy
    sun = (float(np.clip(x + rng.normal(0, 0.22) * w, 0.06 * w, 0.94 * w)),
           float(y * rng.uniform(0.25, 0.9)))  # fmt: skip
    moves = rng.random() < 0.4
    return Conditions(
        barrel=float(rng.uniform(0.02, 0.15)) if rng.random() < 0.6 else 0.0,
        zoom=float(rng.uniform(0.003, 0.011)) if moves else 0.0,
        pan_px=float(rng.normal(0, 1.6)) if moves else 0.0,
        sun_xy=sun if weather.name == "low sun" else None,
        wet=float(rng.uniform(0.45, 1.0)) if weather.rain > 0 else 0.0,
    )
