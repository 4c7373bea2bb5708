"""Cars, vans, trucks and buses from the rear, the front and the side."""

from __future__ import annotations

import numpy as np

from evaluation.scenes.sprite import Bgr, Sprite, shade

GLASS: Bgr = (92, 78, 66)
TYRE: Bgr = (30, 30, 32)
_RIM: Bgr = (150, 150, 152)
TAIL: Bgr = (30, 20, 190)
HEAD: Bgr = (215, 245, 250)
PLATE: Bgr = (205, 215, 215)
CHASSIS: Bgr = (48, 46, 46)


def draw_vehicle(
    sprite: Sprite, kind: str, view: str, colour: Bgr, rng: np.random.Generator
) -> None:
    """Draw ``kind`` ("car", "van", "truck", "bus") as seen from ``view`` over the sprite."""
    glass = shade(GLASS, float(rng.uniform(0.7, 1.15)))
    if view == "side":
        {"car": _car_side, "van": _van_side, "truck": _truck_side, "bus": _bus_side}[kind](
            sprite, colour, glass
        )
    elif kind == "car":
        _car_end(sprite, colour, glass, view == "rear")
    elif kind == "van":
        _van_end(sprite, colour, glass, view == "rear")
    elif kind == "truck":
        _truck_end(sprite, colour)
    else:
        _bus_end(sprite, colour, glass)


def wheel(sprite: Sprite, cx: float, radius: float) -> None:
    """A wheel that stands on the lower edge; ``radius`` is a fraction of the height."""
    w, h = sprite.size_wh
    rx = radius * h / w
    sprite.ellipse(cx, 1.0 - radius, rx, radius, TYRE)
    sprite.ellipse(cx, 1.0 - radius, rx * 0.5, radius * 0.5, _RIM)


def end_wheels(sprite: Sprite, inset: float, width: float) -> None:
    """Two wheels that are seen from behind, ``inset`` from either side."""
    sprite.rectangle(inset, 0.84, inset + width, 1.0, TYRE)
    sprite.rectangle(1 - inset - width, 0.84, 1 - inset, 1.0, TYRE)


def _car_end(sprite: Sprite, colour: Bgr, glass: Bgr, rear: bool) -> None:
    end_wheels(sprite, 0.05, 0.17)
    sprite.polygon(
        [(0.2, 0.0), (0.8, 0.0), (0.93, 0.4), (1, 0.5), (1, 0.9), (0, 0.9), (0, 0.5), (0.07, 0.4)],
        colour,
    )
    sprite.polygon([(0.24, 0.07), (0.76, 0.07), (0.86, 0.37), (0.14, 0.37)], glass)
    sprite.polygon([(0.3, 0.07), (0.46, 0.07), (0.34, 0.37), (0.18, 0.37)], shade(glass, 1.2))
    sprite.rectangle(0.0, 0.78, 1.0, 0.9, shade(colour, 0.62))
    light = TAIL if rear else HEAD
    sprite.rectangle(0.02, 0.48, 0.17, 0.6, light)
    sprite.rectangle(0.83, 0.48, 0.98, 0.6, light)
    if rear:
        sprite.rectangle(0.37, 0.62, 0.63, 0.74, PLATE)
    else:
        sprite.rectangle(0.24, 0.6, 0.76, 0.74, CHASSIS)
    sprite.shade_down(1.06, 0.9)


def _car_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    sprite.polygon(
        [
            (0.0, 0.62), (0.02, 0.5), (0.2, 0.42), (0.33, 0.06), (0.4, 0.0), (0.66, 0.0),
            (0.74, 0.06), (0.88, 0.42), (0.98, 0.48), (1.0, 0.62), (1.0, 0.82), (0.0, 0.82),
        ],
        colour,
    )  # fmt: skip
    sprite.polygon([(0.26, 0.42), (0.36, 0.1), (0.51, 0.1), (0.51, 0.42)], glass)
    sprite.polygon([(0.54, 0.42), (0.54, 0.1), (0.69, 0.1), (0.81, 0.42)], glass)
    sprite.rectangle(0.0, 0.74, 1.0, 0.82, shade(colour, 0.6))
    sprite.rectangle(0.0, 0.52, 0.05, 0.62, HEAD)
    sprite.rectangle(0.955, 0.52, 1.0, 0.63, TAIL)
    wheel(sprite, 0.2, 0.23)
    wheel(sprite, 0.8, 0.23)
    sprite.shade_down(1.06, 0.9)


def _van_end(sprite: Sprite, colour: Bgr, glass: Bgr, rear: bool) -> None:
    end_wheels(sprite, 0.06, 0.17)
    sprite.polygon(
        [
            (0.1, 0.0),
            (0.9, 0.0),
            (0.96, 0.06),
            (1, 0.5),
            (1, 0.92),
            (0, 0.92),
            (0, 0.5),
            (0.04, 0.06),
        ],
        colour,
    )
    if rear:
        sprite.rectangle(0.13, 0.12, 0.46, 0.4, glass)
        sprite.rectangle(0.54, 0.12, 0.87, 0.4, glass)
        sprite.rectangle(0.49, 0.04, 0.51, 0.84, shade(colour, 0.55))
        sprite.rectangle(0.02, 0.5, 0.1, 0.74, TAIL)
        sprite.rectangle(0.9, 0.5, 0.98, 0.74, TAIL)
    else:
        sprite.polygon([(0.12, 0.14), (0.88, 0.14), (0.95, 0.46), (0.05, 0.46)], glass)
        sprite.rectangle(0.04, 0.58, 0.22, 0.68, HEAD)
        sprite.rectangle(0.78, 0.58, 0.96, 0.68, HEAD)
        sprite.rectangle(0.28, 0.6, 0.72, 0.72, CHASSIS)
    sprite.rectangle(0.0, 0.84, 1.0, 0.92, shade(colour, 0.55))
    sprite.shade_down(1.06, 0.9)


def _van_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    sprite.polygon(
        [
            (0.0, 0.6), (0.04, 0.48), (0.12, 0.4), (0.22, 0.05), (0.28, 0.0), (0.98, 0.0),
            (1.0, 0.05), (1.0, 0.86), (0.0, 0.86),
        ],
        colour,
    )  # fmt: skip
    sprite.polygon([(0.16, 0.41), (0.245, 0.1), (0.4, 0.1), (0.4, 0.41)], glass)
    sprite.rectangle(0.43, 0.1, 0.44, 0.78, shade(colour, 0.55))
    sprite.rectangle(0.7, 0.1, 0.71, 0.78, shade(colour, 0.55))
    sprite.rectangle(0.44, 0.46, 1.0, 0.49, shade(colour, 0.7))
    sprite.rectangle(0.0, 0.79, 1.0, 0.86, shade(colour, 0.55))
    sprite.rectangle(0.0, 0.54, 0.045, 0.64, HEAD)
    sprite.rectangle(0.97, 0.46, 1.0, 0.66, TAIL)
    wheel(sprite, 0.19, 0.18)
    wheel(sprite, 0.8, 0.18)
    sprite.shade_down(1.06, 0.9)


def _truck_end(sprite: Sprite, colour: Bgr) -> None:
    end_wheels(sprite, 0.06, 0.24)
    sprite.rectangle(0.0, 0.0, 1.0, 0.78, colour)
    dark = shade(colour, 0.55)
    for x1, y1, x2, y2 in (
        (0.0, 0.0, 1.0, 0.035),
        (0.0, 0.0, 0.045, 0.78),
        (0.955, 0.0, 1.0, 0.78),
        (0.485, 0.0, 0.515, 0.78),
        (0.34, 0.04, 0.355, 0.74),
        (0.645, 0.04, 0.66, 0.74),
    ):
        sprite.rectangle(x1, y1, x2, y2, dark)
    sprite.rectangle(0.0, 0.78, 1.0, 0.87, CHASSIS)
    sprite.rectangle(0.04, 0.79, 0.16, 0.86, TAIL)
    sprite.rectangle(0.84, 0.79, 0.96, 0.86, TAIL)
    sprite.rectangle(0.4, 0.8, 0.6, 0.87, PLATE)
    sprite.shade_down(1.04, 0.92)


def _truck_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    sprite.rectangle(0.03, 0.74, 1.0, 0.84, CHASSIS)
    sprite.rectangle(0.31, 0.0, 1.0, 0.74, colour)
    for x in (0.31, 0.48, 0.65, 0.82, 0.985):
        sprite.rectangle(x, 0.0, x + 0.015, 0.74, shade(colour, 0.68))
    sprite.rectangle(0.31, 0.0, 1.0, 0.035, shade(colour, 0.68))
    sprite.polygon(
        [(0.0, 0.52), (0.03, 0.46), (0.09, 0.2), (0.27, 0.2), (0.27, 0.82), (0.0, 0.82)], colour
    )
    sprite.polygon([(0.06, 0.48), (0.105, 0.25), (0.2, 0.25), (0.2, 0.48)], glass)
    sprite.rectangle(0.0, 0.62, 0.03, 0.7, HEAD)
    for cx in (0.13, 0.72, 0.88):
        wheel(sprite, cx, 0.16)
    sprite.shade_down(1.05, 0.9)


def _bus_end(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    end_wheels(sprite, 0.07, 0.15)
    sprite.polygon([(0.05, 0.0), (0.95, 0.0), (1, 0.05), (1, 0.93), (0, 0.93), (0, 0.05)], colour)
    sprite.rectangle(0.2, 0.035, 0.8, 0.12, (30, 28, 28))
    sprite.rectangle(0.3, 0.055, 0.7, 0.1, (70, 200, 250))
    sprite.rectangle(0.06, 0.15, 0.94, 0.58, glass)
    sprite.rectangle(0.49, 0.15, 0.51, 0.58, shade(colour, 0.5))
    sprite.rectangle(0.06, 0.72, 0.22, 0.8, HEAD)
    sprite.rectangle(0.78, 0.72, 0.94, 0.8, HEAD)
    sprite.rectangle(0.0, 0.86, 1.0, 0.93, shade(colour, 0.5))
    sprite.shade_down(1.05, 0.92)


def _bus_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    sprite.polygon(
        [(0.0, 0.1), (0.02, 0.0), (0.99, 0.0), (1.0, 0.06), (1.0, 0.9), (0.0, 0.9)], colour
    )
    sprite.rectangle(0.0, 0.14, 0.06, 0.56, glass)
    for k in range(6):
        x = 0.1 + 0.147 * k
        sprite.rectangle(x, 0.15, x + 0.115, 0.5, glass)
    sprite.rectangle(0.1, 0.15, 0.175, 0.84, shade(glass, 0.75))
    sprite.rectangle(0.485, 0.15, 0.56, 0.84, shade(glass, 0.75))
    sprite.rectangle(0.0, 0.64, 1.0, 0.68, shade(colour, 0.6))
    sprite.rectangle(0.0, 0.84, 1.0, 0.9, shade(colour, 0.55))
    sprite.rectangle(0.985, 0.6, 1.0, 0.76, TAIL)
    wheel(sprite, 0.25, 0.155)
    wheel(sprite, 0.78, 0.155)
    sprite.shade_down(1.05, 0.92)
