"""From a seed to a scene graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.scenes.camera import Camera
from evaluation.scenes.composition import large_specs, small_specs
from evaluation.scenes.placement import Ground
from evaluation.scenes.road.composition import compose
from evaluation.scenes.scene import Scene, Weather
from evaluation.scenes.scenery import place_buildings, place_lamps, place_trees
from evaluation.scenes.street import make_road

_SMALL_PX2 = (720.0, 1980.0)
_LARGE_PX2 = (4200.0, 26000.0)
_SIZE_WH = (1920, 1080)
_MIN_SIZE_WH = (1280, 720)


def make_scene(seed: int, size_wh: tuple[int, int] | None = None, setting: str = "plain") -> Scene:
    """The scene of a seed.

    Args:
        seed: any non-negative integer; the same seed gives the same scene.
        size_wh: frame size in pixels, at least 1280x720 (small objects keep their size in
            pixels, a smaller frame would not hold them). None: 1920x1080 in a plain scene, one
            of ``road.conditions.SIZES`` in a road scene.
        setting: "plain", or "road": other sizes, lenses, weathers, more kinds, hidden parts.

    Raises:
        ValueError: negative seed, too small a frame or an unknown setting.
    """
    if seed < 0:
        raise ValueError(f"expected a seed >= 0, got {seed}")
    if setting not in _COMPOSERS:
        raise ValueError(f"expected a setting out of {', '.join(_COMPOSERS)}, got {setting!r}")
    if size_wh is not None and (size_wh[0] < _MIN_SIZE_WH[0] or size_wh[1] < _MIN_SIZE_WH[1]):
        raise ValueError(f"expected a frame of at least {_MIN_SIZE_WH}, got {size_wh}")
    for attempt in range(50):
        rng = np.random.default_rng([seed, 1, attempt])
        scene = _COMPOSERS[setting](rng, seed, size_wh)
        if _has_distractors(scene):
            return scene
    raise RuntimeError(f"no layout with distractors for seed {seed}")


def _attempt(rng: np.random.Generator, seed: int, size_wh: tuple[int, int] | None) -> Scene:
    camera, road = _camera(rng, size_wh or _SIZE_WH), make_road(rng)
    ground = Ground(camera, road)
    for noun, colour in large_specs(rng):
        ground.add(rng, noun, colour, _LARGE_PX2, social=False)
    for noun, colour in small_specs(rng):
        ground.add(rng, noun, colour, _SMALL_PX2, social=bool(rng.random() < 0.6))
    objects = tuple(replace(o, id=i) for i, o in enumerate(ground.objects))
    return Scene(
        seed=seed,
        size_wh=camera.size_wh,
        camera=camera,
        road=road,
        weather=_weather(rng),
        objects=objects,
        buildings=place_buildings(rng, camera, road),
        trees=place_trees(rng, camera, road, objects),
        lamps=place_lamps(rng, camera, road, objects),
    )


_COMPOSERS = {"plain": _attempt, "road": compose}


def _has_distractors(scene: Scene) -> bool:
    small = [o for o in scene.objects if o.targetable]
    phrases = [o.phrase for o in small]
    twins = len(set(phrases)) < len(phrases)
    colours: dict[str, set[str]] = {}
    for o in small:
        colours.setdefault(o.kind, set()).add(o.colour)
    return 10 <= len(small) <= 18 and twins and any(len(c) > 1 for c in colours.values())


def _camera(rng: np.random.Generator, size_wh: tuple[int, int]) -> Camera:
    w, h = size_wh
    return Camera(
        size_wh=size_wh,
        focal_px=float(rng.uniform(0.66, 0.86) * w),
        height_m=float(rng.uniform(3.0, 7.0)),
        vanishing_xy=(float(rng.uniform(0.36, 0.64) * w), float(rng.uniform(0.4, 0.57) * h)),
    )


def _weather(rng: np.random.Generator) -> Weather:
    name = str(
        rng.choice(["clear", "overcast", "rain", "dusk", "fog"], p=[0.4, 0.25, 0.12, 0.13, 0.1])
    )
    low, high = {
        "clear": (0.95, 1.08),
        "overcast": (0.85, 0.98),
        "rain": (0.76, 0.88),
        "dusk": (0.72, 0.84),
        "fog": (0.88, 0.98),
    }[name]
    warm = float({"dusk": rng.uniform(0.0, 0.05)}.get(name, rng.uniform(-0.03, 0.04)))
    return Weather(
        name=name,
        gain=float(rng.uniform(low, high)),
        tint_bgr=(1.0 - warm, 1.0, 1.0 + warm),
        fog_per_m={"fog": float(rng.uniform(0.003, 0.006)), "rain": 0.0015}.get(name, 0.0004),
        rain=float(rng.uniform(0.4, 1.0)) if name == "rain" else 0.0,
        shadow={"clear": 0.5, "dusk": 0.4}.get(name, 0.28),
        noise=float(rng.uniform(1.5, 4.0)) + (1.0 if name == "dusk" else 0.0),
        blur_px=float(rng.uniform(0.3, 0.7)),
        jpeg_quality=int(rng.integers(78, 95)),
    )
