"""Signs, traffic lights, cameras and cones."""

from __future__ import annotations

import numpy as np

from evaluation.scenes.catalogue import COLOURS
from evaluation.scenes.sprite import Bgr, Point, Sprite, shade

_DARK: Bgr = (38, 36, 36)
_PALE: Bgr = (238, 240, 240)
GLOWS: dict[str, Bgr] = {  # of lit lamps
    "red": (50, 40, 255),
    "yellow": (40, 225, 255),
    "green": (130, 245, 60),
}
_OUTLINES: dict[str, list[Point]] = {
    "triangular sign": [(0.5, 0.0), (1.0, 1.0), (0.0, 1.0)],
    "rectangular sign": [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
    "diamond sign": [(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)],
    "stop sign": [
        (0.29, 0), (0.71, 0), (1, 0.29), (1, 0.71), (0.71, 1), (0.29, 1), (0, 0.71), (0, 0.29),
    ],
    "round sign": [
        (0.5 + 0.5 * float(np.cos(a)), 0.5 + 0.5 * float(np.sin(a)))
        for a in np.linspace(0, 2 * np.pi, 41)[:-1]
    ],
}  # fmt: skip


def draw_sign(sprite: Sprite, kind: str, colour: str, rng: np.random.Generator) -> None:
    """The plate of a sign: a coloured field, a contrasting rim and a small symbol."""
    outline = _OUTLINES[kind]
    middle = 0.66 if kind == "triangular sign" else 0.5
    field = COLOURS[colour]
    ink = _DARK if colour in ("white", "yellow", "orange") else _PALE
    sprite.polygon(outline, shade(field, 0.8) if ink is _PALE else _DARK)
    for scale, tone in ((0.93, ink), (0.82, field)):
        sprite.polygon([_towards(p, (0.5, middle), scale) for p in outline], tone)
    if kind == "stop sign":
        for k in range(4):
            sprite.rectangle(0.2 + 0.16 * k, 0.4, 0.31 + 0.16 * k, 0.6, _PALE)
    elif kind == "rectangular sign":
        for k, y in enumerate((0.24, 0.46, 0.68)):
            sprite.rectangle(0.16, y, 0.16 + float(rng.uniform(0.35, 0.68)), y + 0.1, ink)
            if k == int(rng.integers(3)):
                break
    else:
        _symbol(sprite, middle, ink, int(rng.integers(4)))


def _towards(point: Point, centre: Point, scale: float) -> Point:
    return (
        centre[0] + (point[0] - centre[0]) * scale,
        centre[1] + (point[1] - centre[1]) * scale,
    )


def _symbol(sprite: Sprite, middle: float, ink: Bgr, which: int) -> None:
    if which == 0:
        sprite.rectangle(0.28, middle - 0.07, 0.72, middle + 0.07, ink)
    elif which == 1:
        sprite.rectangle(0.45, middle - 0.06, 0.55, middle + 0.22, ink)
        sprite.polygon([(0.34, middle - 0.04), (0.5, middle - 0.22), (0.66, middle - 0.04)], ink)
    elif which == 2:
        sprite.rectangle(0.34, middle - 0.16, 0.44, middle + 0.16, ink)
        sprite.rectangle(0.56, middle - 0.16, 0.66, middle + 0.16, ink)
    else:
        sprite.ellipse(0.5, middle, 0.13, 0.13, ink)


def draw_traffic_light(sprite: Sprite, lit: str) -> None:
    """A black housing with three lamps, of which ``lit`` shines."""
    w, h = sprite.size_wh
    sprite.rectangle(0.0, 0.0, 1.0, 1.0, (28, 26, 26))
    sprite.rectangle(0.08, 0.03, 0.92, 0.97, (46, 44, 44))
    radius = min(0.43, 0.15 * h / w)
    for name, cy in (("red", 0.18), ("yellow", 0.5), ("green", 0.82)):
        tone = COLOURS[name]
        ry = radius * w / h
        sprite.ellipse(0.5, cy, radius, ry, shade(tone, 0.16))
        if name == lit:
            glow = GLOWS[name]
            sprite.ellipse(0.5, cy, radius, ry, glow)
            sprite.ellipse(0.5, cy, radius * 0.4, ry * 0.4, shade(glow, 1.5))


def draw_pedestrian_light(sprite: Sprite, lit: str) -> None:
    """A black housing with a standing red figure over a walking green one, one of them lit."""
    sprite.rectangle(0.0, 0.0, 1.0, 1.0, (28, 26, 26))
    for name, top in (("red", 0.06), ("green", 0.53)):
        tone = GLOWS[name] if name == lit else shade(COLOURS[name], 0.16)
        sprite.rectangle(0.1, top, 0.9, top + 0.41, (44, 42, 42))
        sprite.ellipse(0.5, top + 0.07, 0.13, 0.06, tone)
        spread = 0.12 if name == "red" else 0.3
        sprite.rectangle(0.36, top + 0.13, 0.64, top + 0.28, tone)
        sprite.line([(0.42, top + 0.27), (0.5 - spread, top + 0.39)], 0.07, tone)
        sprite.line([(0.58, top + 0.27), (0.5 + spread, top + 0.39)], 0.07, tone)


def draw_camera(sprite: Sprite, colour: Bgr) -> None:
    """A box camera on a short bracket, the lens to the left."""
    sprite.rectangle(0.56, 0.7, 0.68, 1.0, (90, 90, 92))
    sprite.rectangle(0.44, 0.88, 0.8, 1.0, (90, 90, 92))
    sprite.rectangle(0.16, 0.14, 1.0, 0.76, colour)
    sprite.rectangle(0.16, 0.6, 1.0, 0.76, shade(colour, 0.72))
    sprite.rectangle(0.06, 0.0, 0.92, 0.16, shade(colour, 0.85))
    sprite.rectangle(0.0, 0.18, 0.18, 0.72, _DARK)
    sprite.ellipse(0.09, 0.45, 0.07, 0.17, (150, 110, 70))


def draw_cone(sprite: Sprite, colour: Bgr) -> None:
    """A warning cone with two white stripes on a square foot."""
    sprite.polygon([(0.42, 0.0), (0.58, 0.0), (0.88, 0.9), (0.12, 0.9)], colour)
    for y1, y2 in ((0.26, 0.42), (0.58, 0.72)):
        sprite.polygon([*_rung(y1), *reversed(_rung(y2))], _PALE)
    sprite.rectangle(0.0, 0.88, 1.0, 1.0, shade(colour, 0.72))


def _rung(y: float) -> list[Point]:
    """The two ends of a level line on the cone at height ``y``."""
    half = 0.08 + 0.3 * y / 0.9
    return [(0.5 - half, y), (0.5 + half, y)]
