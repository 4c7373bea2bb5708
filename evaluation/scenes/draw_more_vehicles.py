"""Pickups, trams, trailers and tricycles, which only road scenes hold."""

from __future__ import annotations

import numpy as np

from evaluation.scenes.draw_vehicles import (
    CHASSIS,
    GLASS,
    HEAD,
    PLATE,
    TAIL,
    TYRE,
    end_wheels,
    wheel,
)
from evaluation.scenes.sprite import Bgr, Sprite, shade


def draw_road_vehicle(
    sprite: Sprite, kind: str, view: str, colour: Bgr, rng: np.random.Generator
) -> None:
    """Draw ``kind`` ("pickup", "tram", "trailer", "tricycle") as seen from ``view``."""
    glass = shade(GLASS, float(rng.uniform(0.7, 1.15)))
    draw = {
        ("pickup", "rear"): _pickup_end,
        ("pickup", "side"): _pickup_side,
        ("tram", "front"): _tram_end,
        ("tram", "side"): _tram_side,
        ("trailer", "side"): _trailer_side,
        ("tricycle", "rear"): _tricycle_end,
        ("tricycle", "side"): _tricycle_side,
    }
    draw[kind, view](sprite, colour, glass)


def _pickup_end(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    """The tailgate, the cab's rear window over it."""
    end_wheels(sprite, 0.05, 0.18)
    sprite.polygon([(0.2, 0.0), (0.8, 0.0), (0.88, 0.42), (0.12, 0.42)], colour)
    sprite.polygon([(0.25, 0.06), (0.75, 0.06), (0.81, 0.34), (0.19, 0.34)], glass)
    sprite.rectangle(0.0, 0.4, 1.0, 0.88, colour)
    sprite.rectangle(0.14, 0.4, 0.86, 0.45, CHASSIS)
    sprite.rectangle(0.16, 0.5, 0.84, 0.68, shade(colour, 0.8))
    sprite.rectangle(0.0, 0.78, 1.0, 0.88, shade(PLATE, 0.6))
    sprite.rectangle(0.38, 0.7, 0.62, 0.78, PLATE)
    for x in (0.02, 0.87):
        sprite.rectangle(x, 0.45, x + 0.11, 0.68, TAIL)
    sprite.shade_down(1.06, 0.9)


def _pickup_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    """A bonnet, a cab and an open bed behind it."""
    sprite.polygon(
        [
            (0.0, 0.55), (0.03, 0.44), (0.22, 0.38), (0.31, 0.04), (0.35, 0.0), (0.55, 0.0),
            (0.58, 0.05), (0.59, 0.36), (1.0, 0.36), (1.0, 0.8), (0.0, 0.8),
        ],
        colour,
    )  # fmt: skip
    sprite.polygon([(0.27, 0.38), (0.34, 0.09), (0.43, 0.09), (0.43, 0.38)], glass)
    sprite.polygon([(0.45, 0.38), (0.45, 0.09), (0.54, 0.09), (0.55, 0.38)], glass)
    sprite.rectangle(0.6, 0.36, 0.99, 0.43, CHASSIS)
    sprite.rectangle(0.595, 0.36, 0.61, 0.76, shade(colour, 0.6))
    sprite.rectangle(0.0, 0.72, 1.0, 0.8, shade(colour, 0.55))
    sprite.rectangle(0.0, 0.48, 0.045, 0.57, HEAD)
    sprite.rectangle(0.97, 0.44, 1.0, 0.6, TAIL)
    wheel(sprite, 0.18, 0.22)
    wheel(sprite, 0.79, 0.22)
    sprite.shade_down(1.06, 0.9)


def _tram_end(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    """A tall rounded front under its current collector, on rails."""
    sprite.line([(0.3, 0.09), (0.46, 0.01), (0.62, 0.09)], 0.018, CHASSIS)
    sprite.rectangle(0.3, 0.0, 0.7, 0.016, CHASSIS)
    sprite.polygon(
        [
            (0.2, 0.08), (0.8, 0.08), (0.95, 0.16), (1.0, 0.5), (1.0, 0.92), (0.9, 0.97),
            (0.1, 0.97), (0.0, 0.92), (0.0, 0.5), (0.05, 0.16),
        ],
        colour,
    )  # fmt: skip
    sprite.rectangle(0.24, 0.11, 0.76, 0.18, (30, 28, 28))
    sprite.rectangle(0.36, 0.125, 0.64, 0.165, (70, 200, 250))
    sprite.polygon([(0.12, 0.22), (0.88, 0.22), (0.94, 0.56), (0.06, 0.56)], glass)
    sprite.rectangle(0.0, 0.66, 1.0, 0.72, (222, 226, 226))
    sprite.ellipse(0.2, 0.8, 0.09, 0.035, HEAD)
    sprite.ellipse(0.8, 0.8, 0.09, 0.035, HEAD)
    sprite.rectangle(0.12, 0.92, 0.88, 1.0, CHASSIS)
    sprite.shade_down(1.05, 0.92)


def _tram_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    """Two cars and their joint, a band of windows, a current collector."""
    sprite.line([(0.28, 0.12), (0.34, 0.02), (0.42, 0.02), (0.36, 0.12)], 0.022, CHASSIS)
    sprite.rectangle(0.3, 0.0, 0.46, 0.025, CHASSIS)
    sprite.polygon(
        [
            (0.0, 0.5), (0.035, 0.13), (0.06, 0.11), (0.94, 0.11), (0.965, 0.13), (1.0, 0.5),
            (1.0, 0.93), (0.0, 0.93),
        ],
        colour,
    )  # fmt: skip
    sprite.rectangle(0.045, 0.2, 0.955, 0.52, glass)
    for k in range(1, 9):
        sprite.rectangle(0.045 + 0.101 * k, 0.2, 0.057 + 0.101 * k, 0.52, shade(colour, 0.7))
    for x in (0.16, 0.36, 0.58, 0.78):
        sprite.rectangle(x, 0.2, x + 0.065, 0.86, shade(glass, 0.72))
    sprite.rectangle(0.485, 0.11, 0.515, 0.93, (56, 54, 54))
    sprite.rectangle(0.0, 0.6, 0.485, 0.66, (222, 226, 226))
    sprite.rectangle(0.515, 0.6, 1.0, 0.66, (222, 226, 226))
    sprite.rectangle(0.0, 0.86, 1.0, 0.93, CHASSIS)
    for x in (0.12, 0.32, 0.62, 0.82):
        sprite.rectangle(x, 0.9, x + 0.08, 1.0, (34, 34, 36))
    sprite.shade_down(1.05, 0.92)


def _trailer_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    """A box on two axles with a drawbar and a landing leg, without a cab."""
    sprite.rectangle(0.16, 0.0, 1.0, 0.7, colour)
    for k in range(7):
        x = 0.16 + 0.1375 * k
        sprite.rectangle(x, 0.0, x + 0.012, 0.7, shade(colour, 0.68))
    sprite.rectangle(0.16, 0.0, 1.0, 0.04, shade(colour, 0.68))
    sprite.rectangle(0.16, 0.62, 1.0, 0.7, shade(colour, 0.5))
    sprite.rectangle(0.18, 0.7, 0.98, 0.78, CHASSIS)
    sprite.line([(0.2, 0.76), (0.02, 0.84)], 0.05, CHASSIS)
    sprite.rectangle(0.0, 0.8, 0.05, 0.88, CHASSIS)
    sprite.rectangle(0.2, 0.76, 0.23, 1.0, shade(glass, 0.7))
    sprite.rectangle(0.985, 0.6, 1.0, 0.7, TAIL)
    wheel(sprite, 0.66, 0.17)
    wheel(sprite, 0.84, 0.17)
    sprite.shade_down(1.05, 0.9)


def _tricycle_end(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    """A narrow cabin with a round roof on two thin wheels."""
    for x in (0.03, 0.85):
        sprite.rectangle(x, 0.66, x + 0.12, 1.0, TYRE)
    sprite.polygon(
        [
            (0.22, 0.0), (0.78, 0.0), (0.96, 0.12), (0.96, 0.5), (1.0, 0.56), (1.0, 0.86),
            (0.0, 0.86), (0.0, 0.56), (0.04, 0.5), (0.04, 0.12),
        ],
        colour,
    )  # fmt: skip
    sprite.polygon([(0.2, 0.12), (0.8, 0.12), (0.86, 0.4), (0.14, 0.4)], glass)
    sprite.rectangle(0.08, 0.48, 0.92, 0.52, shade(colour, 0.6))
    sprite.rectangle(0.36, 0.62, 0.64, 0.72, PLATE)
    for x in (0.05, 0.83):
        sprite.rectangle(x, 0.58, x + 0.12, 0.68, TAIL)
    sprite.rectangle(0.0, 0.78, 1.0, 0.86, shade(colour, 0.6))
    sprite.shade_down(1.06, 0.9)


def _tricycle_side(sprite: Sprite, colour: Bgr, glass: Bgr) -> None:
    """An open cabin under a canopy, one wheel in front, a bench behind."""
    sprite.polygon([(0.2, 0.0), (0.9, 0.0), (0.98, 0.1), (0.16, 0.1)], colour)
    sprite.polygon([(0.17, 0.08), (0.22, 0.08), (0.09, 0.5), (0.04, 0.5)], shade(colour, 0.7))
    sprite.rectangle(0.12, 0.1, 0.94, 0.52, shade(glass, 0.62))
    sprite.rectangle(0.5, 0.08, 0.55, 0.54, shade(colour, 0.7))
    sprite.polygon([(0.9, 0.08), (0.98, 0.08), (1.0, 0.54), (0.9, 0.54)], colour)
    sprite.polygon(
        [(0.0, 0.54), (0.05, 0.46), (0.3, 0.5), (1.0, 0.5), (1.0, 0.84), (0.3, 0.84), (0.05, 0.72)],
        colour,
    )
    sprite.rectangle(0.28, 0.76, 1.0, 0.84, shade(colour, 0.6))
    sprite.rectangle(0.0, 0.52, 0.05, 0.6, HEAD)
    sprite.rectangle(0.965, 0.54, 1.0, 0.66, TAIL)
    wheel(sprite, 0.14, 0.17)
    wheel(sprite, 0.78, 0.17)
    sprite.shade_down(1.06, 0.9)
