"""Pedestrians, riders, bicycles, motorcycles and scooters."""

from __future__ import annotations

import numpy as np

from evaluation.scenes.sprite import Bgr, Sprite, shade

_SKIN: tuple[Bgr, ...] = ((150, 180, 225), (120, 155, 205), (80, 110, 165), (55, 75, 115))
_HAIR: tuple[Bgr, ...] = ((25, 28, 35), (35, 55, 80), (70, 120, 160), (90, 90, 95))
# Trousers stay dull: the jacket is the colour that is spoken of.
_TROUSERS: tuple[Bgr, ...] = ((85, 66, 55), (62, 60, 62), (95, 105, 112), (110, 92, 80))
_TYRE: Bgr = (32, 32, 34)
_METAL: Bgr = (150, 150, 150)


def _pick(rng: np.random.Generator, tones: tuple[Bgr, ...]) -> Bgr:
    return tones[int(rng.integers(len(tones)))]


def draw_person(sprite: Sprite, walking: bool, jacket: Bgr, rng: np.random.Generator) -> None:
    """A person from head to foot, standing or in mid-stride."""
    skin, hair, legs = _pick(rng, _SKIN), _pick(rng, _HAIR), _pick(rng, _TROUSERS)
    shoes = shade(legs, 0.45)
    if walking:
        sprite.polygon([(0.36, 0.5), (0.62, 0.5), (0.34, 0.97), (0.1, 0.95)], legs)
        sprite.polygon([(0.4, 0.5), (0.68, 0.5), (0.95, 0.95), (0.72, 0.98)], shade(legs, 0.82))
        sprite.rectangle(0.0, 0.955, 0.3, 1.0, shoes)
        sprite.rectangle(0.72, 0.955, 1.0, 1.0, shoes)
        sprite.polygon([(0.3, 0.2), (0.42, 0.2), (0.26, 0.52), (0.08, 0.5)], shade(jacket, 0.78))
        sprite.polygon([(0.6, 0.2), (0.74, 0.21), (0.97, 0.46), (0.82, 0.5)], shade(jacket, 0.78))
    else:
        sprite.rectangle(0.27, 0.5, 0.475, 0.98, legs)
        sprite.rectangle(0.525, 0.5, 0.73, 0.98, shade(legs, 0.85))
        sprite.rectangle(0.2, 0.955, 0.475, 1.0, shoes)
        sprite.rectangle(0.525, 0.955, 0.8, 1.0, shoes)
        sprite.polygon([(0.2, 0.19), (0.32, 0.19), (0.2, 0.54), (0.0, 0.54)], shade(jacket, 0.78))
        sprite.polygon([(0.68, 0.19), (0.8, 0.19), (1.0, 0.54), (0.8, 0.54)], shade(jacket, 0.78))
        sprite.ellipse(0.1, 0.545, 0.09, 0.028, skin)
        sprite.ellipse(0.9, 0.545, 0.09, 0.028, skin)
    sprite.polygon(
        [(0.3, 0.165), (0.7, 0.165), (0.8, 0.21), (0.78, 0.56), (0.22, 0.56), (0.2, 0.21)], jacket
    )
    sprite.rectangle(0.485, 0.18, 0.515, 0.55, shade(jacket, 0.7))
    sprite.rectangle(0.42, 0.12, 0.58, 0.18, skin)
    sprite.ellipse(0.5, 0.085, 0.19, 0.085, skin)
    sprite.ellipse(0.5, 0.055, 0.2, 0.057, hair)


def _wheel(sprite: Sprite, cx: float, cy: float, ry: float, width: float) -> float:
    w, h = sprite.size_wh
    rx = ry * h / w
    sprite.ring(cx, cy, rx, ry, width, _TYRE)
    return rx


def draw_bicycle(sprite: Sprite, colour: Bgr) -> None:
    """A bicycle from the side, thick in the frame so that its colour shows."""
    w, h = sprite.size_wh
    r = 0.31
    rx = r * h / w
    for cx in (rx, 1 - rx):
        sprite.ellipse(cx, 1 - r, rx * 0.9, r * 0.9, (118, 118, 118))
        _wheel(sprite, cx, 1 - r, r, 0.075)
    rear, front, pedal = (rx, 1 - r), (1 - rx, 1 - r), (0.46, 0.74)
    seat, head = (0.37, 0.25), (0.71, 0.23)
    sprite.line([pedal, rear, seat, pedal, head, seat], 0.135, colour)
    sprite.line([head, front], 0.12, colour)
    sprite.line([head, (0.69, 0.09)], 0.07, _METAL)
    sprite.rectangle(0.62, 0.0, 0.84, 0.1, _TYRE)
    sprite.rectangle(0.27, 0.13, 0.48, 0.25, _TYRE)


def draw_motorcycle(sprite: Sprite, colour: Bgr) -> None:
    """A motorcycle from the side: tank, fairing and mudguards in its colour."""
    w, h = sprite.size_wh
    r = 0.29
    rx = r * h / w
    for cx in (rx, 1 - rx):
        sprite.ellipse(cx, 1 - r, rx, r, _TYRE)
        sprite.ellipse(cx, 1 - r, rx * 0.5, r * 0.5, _METAL)
    sprite.polygon([(0.3, 0.52), (0.66, 0.5), (0.68, 0.86), (0.36, 0.9)], (70, 70, 72))
    sprite.line([(0.74, 0.2), (1 - rx, 1 - r)], 0.09, _METAL)
    sprite.polygon([(0.04, 0.36), (0.24, 0.3), (0.46, 0.38), (0.42, 0.56), (0.12, 0.5)], colour)
    sprite.polygon([(0.42, 0.26), (0.66, 0.2), (0.74, 0.42), (0.64, 0.6), (0.42, 0.58)], colour)
    sprite.polygon([(0.66, 0.12), (0.78, 0.08), (0.9, 0.34), (0.8, 0.5), (0.7, 0.44)], colour)
    sprite.polygon([(0.14, 0.28), (0.42, 0.24), (0.44, 0.36), (0.16, 0.38)], _TYRE)
    sprite.polygon([(0.68, 0.0), (0.76, 0.0), (0.82, 0.12), (0.72, 0.14)], (170, 165, 150))
    sprite.rectangle(0.58, 0.1, 0.72, 0.17, _TYRE)


def draw_cyclist(sprite: Sprite, jacket: Bgr, rng: np.random.Generator) -> None:
    """A rider on a bicycle from the side; the bicycle stays dark."""
    skin, legs = _pick(rng, _SKIN), _pick(rng, _TROUSERS)
    w, h = sprite.size_wh
    r = 0.2
    rx = r * h / w
    frame = (66, 64, 64)
    for cx in (rx, 1 - rx):
        _wheel(sprite, cx, 1 - r, r, 0.042)
    sprite.line([(rx, 0.8), (0.36, 0.53), (0.7, 0.53), (0.46, 0.82), (rx, 0.8)], 0.035, frame)
    sprite.line([(0.68, 0.46), (1 - rx, 0.8)], 0.035, frame)
    sprite.line([(0.36, 0.5), (0.58, 0.62), (0.5, 0.85)], 0.085, legs)
    sprite.rectangle(0.46, 0.85, 0.6, 0.89, (40, 38, 38))
    sprite.polygon([(0.26, 0.5), (0.34, 0.22), (0.52, 0.16), (0.62, 0.24), (0.48, 0.54)], jacket)
    sprite.line([(0.54, 0.24), (0.62, 0.38), (0.74, 0.43)], 0.075, shade(jacket, 0.8))
    sprite.ellipse(0.62, 0.1, 0.085, 0.085, skin)
    sprite.ellipse(0.6, 0.05, 0.1, 0.052, (60, 58, 58))


def draw_child(sprite: Sprite, walking: bool, jacket: Bgr, rng: np.random.Generator) -> None:
    """A child: a large head, short legs, a satchel."""
    skin, hair, legs = _pick(rng, _SKIN), _pick(rng, _HAIR), _pick(rng, _TROUSERS)
    shoes = shade(legs, 0.45)
    if walking:
        sprite.polygon([(0.36, 0.6), (0.6, 0.6), (0.32, 0.97), (0.1, 0.95)], legs)
        sprite.polygon([(0.4, 0.6), (0.66, 0.6), (0.95, 0.95), (0.72, 0.98)], shade(legs, 0.82))
        feet = ((0.0, 0.3), (0.7, 1.0))
    else:
        sprite.rectangle(0.26, 0.6, 0.47, 0.98, legs)
        sprite.rectangle(0.53, 0.6, 0.74, 0.98, shade(legs, 0.85))
        feet = ((0.18, 0.48), (0.52, 0.82))
    for left, right in feet:
        sprite.rectangle(left, 0.94, right, 1.0, shoes)
    for side in (-1.0, 1.0):
        arm = [(0.5 + side * x, y) for x, y in ((0.2, 0.3), (0.34, 0.31), (0.5, 0.6), (0.36, 0.62))]
        sprite.polygon(arm, shade(jacket, 0.78))
    sprite.polygon(
        [(0.3, 0.27), (0.7, 0.27), (0.82, 0.34), (0.8, 0.66), (0.2, 0.66), (0.18, 0.34)], jacket
    )
    sprite.rectangle(0.3, 0.3, 0.36, 0.6, shade(jacket, 0.5))
    sprite.rectangle(0.64, 0.3, 0.7, 0.6, shade(jacket, 0.5))
    sprite.ellipse(0.5, 0.15, 0.27, 0.145, skin)
    sprite.ellipse(0.5, 0.095, 0.29, 0.095, hair)


def draw_scooter(sprite: Sprite, colour: Bgr) -> None:
    """A scooter from the side: a leg shield in front, a low floor, a closed rear."""
    w, h = sprite.size_wh
    r = 0.2
    rx = r * h / w
    for cx in (0.03 + rx, 0.97 - rx):
        sprite.ellipse(cx, 1 - r, rx, r, _TYRE)
        sprite.ellipse(cx, 1 - r, rx * 0.45, r * 0.45, _METAL)
    sprite.polygon([(0.0, 0.52), (0.06, 0.36), (0.44, 0.32), (0.5, 0.78), (0.3, 0.8)], colour)
    sprite.rectangle(0.42, 0.72, 0.72, 0.83, shade(colour, 0.75))
    sprite.polygon([(0.64, 0.18), (0.76, 0.14), (0.86, 0.5), (0.8, 0.8), (0.66, 0.8)], colour)
    sprite.polygon([(0.74, 0.52), (0.96, 0.5), (1.0, 0.66), (0.8, 0.66)], shade(colour, 0.85))
    sprite.polygon([(0.06, 0.24), (0.46, 0.22), (0.46, 0.34), (0.08, 0.37)], _TYRE)
    sprite.line([(0.56, 0.05), (0.7, 0.03), (0.72, 0.2)], 0.06, _METAL)
    sprite.rectangle(0.62, 0.0, 0.76, 0.09, (60, 60, 62))


def draw_motorcyclist(
    sprite: Sprite, from_behind: bool, jacket: Bgr, rng: np.random.Generator
) -> None:
    """A rider with a helmet on a dark motorcycle."""
    legs, helmet = _pick(rng, _TROUSERS), (38, 36, 36)
    if from_behind:
        sprite.rectangle(0.4, 0.62, 0.6, 1.0, _TYRE)
        sprite.polygon([(0.0, 0.36), (0.3, 0.42), (0.3, 0.46), (0.0, 0.41)], _METAL)
        sprite.polygon([(1.0, 0.36), (0.7, 0.42), (0.7, 0.46), (1.0, 0.41)], _METAL)
        sprite.polygon([(0.24, 0.5), (0.76, 0.5), (0.88, 0.8), (0.12, 0.8)], legs)
        sprite.rectangle(0.34, 0.6, 0.66, 0.8, (58, 56, 56))
        sprite.rectangle(0.4, 0.64, 0.6, 0.7, (30, 20, 190))
        sprite.polygon(
            [(0.28, 0.18), (0.72, 0.18), (0.92, 0.38), (0.8, 0.58), (0.2, 0.58), (0.08, 0.38)],
            jacket,
        )
        sprite.rectangle(0.48, 0.2, 0.52, 0.56, shade(jacket, 0.7))
        sprite.ellipse(0.5, 0.1, 0.2, 0.1, helmet)
        return
    w, h = sprite.size_wh
    r = 0.21
    rx = r * h / w
    for cx in (rx, 1 - rx):
        sprite.ellipse(cx, 1 - r, rx, r, _TYRE)
        sprite.ellipse(cx, 1 - r, rx * 0.5, r * 0.5, _METAL)
    sprite.polygon([(0.1, 0.58), (0.5, 0.56), (0.72, 0.5), (0.82, 0.66), (0.66, 0.84), (0.3, 0.84)],
                   (66, 64, 64))  # fmt: skip
    sprite.line([(0.76, 0.42), (1 - rx, 1 - r)], 0.05, _METAL)
    sprite.polygon([(0.74, 0.36), (0.84, 0.5), (0.78, 0.56), (0.7, 0.46)], (90, 88, 88))
    sprite.line([(0.36, 0.54), (0.58, 0.62), (0.5, 0.84)], 0.095, legs)
    sprite.polygon([(0.24, 0.56), (0.34, 0.24), (0.5, 0.17), (0.62, 0.25), (0.5, 0.58)], jacket)
    sprite.line([(0.54, 0.26), (0.62, 0.4), (0.75, 0.43)], 0.085, shade(jacket, 0.8))
    sprite.ellipse(0.6, 0.1, 0.11, 0.1, helmet)
    sprite.polygon([(0.62, 0.07), (0.71, 0.08), (0.7, 0.14), (0.62, 0.13)], (150, 130, 110))
