"""A small supersampled picture in unit coordinates."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Bgr = tuple[int, int, int]
Point = tuple[float, float]

_SUPERSAMPLING = 4
_SHIFT = 4  # fractional bits of OpenCV's sub-pixel coordinates


def shade(colour: Bgr, factor: float) -> Bgr:
    """``colour`` darker (factor < 1) or lighter (factor > 1, towards white)."""
    if factor <= 1.0:
        b, g, r = (int(c * factor) for c in colour)
    else:
        b, g, r = (int(c + (255 - c) * (factor - 1.0)) for c in colour)
    return b, g, r


class Sprite:
    """Drawn at four times the size, (0, 0) top left to (1, 1) bottom right.

    Args:
        size_wh: of the finished picture, pixels.
        flipped: mirror it left to right.
    """

    def __init__(self, size_wh: tuple[int, int], flipped: bool = False) -> None:
        self.size_wh = size_wh
        self._flipped = flipped
        w, h = size_wh[0] * _SUPERSAMPLING, size_wh[1] * _SUPERSAMPLING
        self._scale = np.array([w, h], dtype=np.float64)
        self._bgra = np.zeros((h, w, 4), dtype=np.uint8)

    def polygon(self, points: Sequence[Point], colour: Bgr) -> None:
        """A filled polygon."""
        # A pixel covers [i, i + 1): its centre is at i + 0.5.
        xy = np.asarray(points, dtype=np.float64) * self._scale - 0.5
        fixed = np.round(xy * (1 << _SHIFT)).astype(np.int32)
        cv2.fillPoly(self._bgra, [fixed], (*colour, 255), cv2.LINE_8, _SHIFT)

    def rectangle(self, x1: float, y1: float, x2: float, y2: float, colour: Bgr) -> None:
        """A filled rectangle."""
        w, h = self._scale
        left, right = round(x1 * w), max(round(x1 * w) + 1, round(x2 * w))
        top, bottom = round(y1 * h), max(round(y1 * h) + 1, round(y2 * h))
        self._bgra[max(top, 0) : bottom, max(left, 0) : right] = (*colour, 255)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, colour: Bgr) -> None:
        """A filled ellipse."""
        angles = np.linspace(0.0, 2 * np.pi, 33)[:-1]
        points = np.stack([cx + rx * np.cos(angles), cy + ry * np.sin(angles)], axis=1)
        self.polygon([(float(x), float(y)) for x, y in points], colour)

    def ring(self, cx: float, cy: float, rx: float, ry: float, width: float, colour: Bgr) -> None:
        """An outlined ellipse; ``width`` as a fraction of the sprite's height."""
        w, h = self._scale
        thickness = max(1, round(width * h))
        centre = (round((cx * w - 0.5) * 16), round((cy * h - 0.5) * 16))
        axes = (
            max(1, round((rx * w - thickness / 2) * 16)),
            max(1, round((ry * h - thickness / 2) * 16)),
        )
        args = (centre, axes, 0.0, 0.0, 360.0, (*colour, 255), thickness, cv2.LINE_8, _SHIFT)
        cv2.ellipse(self._bgra, *args)

    def line(self, points: Sequence[Point], width: float, colour: Bgr) -> None:
        """A polyline with round joints; ``width`` as a fraction of the sprite's height."""
        xy = np.asarray(points, dtype=np.float64) * self._scale - 0.5
        fixed = np.round(xy * (1 << _SHIFT)).astype(np.int32)
        thickness = max(1, round(width * self._scale[1]))
        cv2.polylines(self._bgra, [fixed], False, (*colour, 255), thickness, cv2.LINE_8, _SHIFT)

    def shade_down(self, top: float, bottom: float) -> None:
        """Multiply the brightness by a gradient from ``top`` to ``bottom``."""
        rows = np.linspace(top, bottom, self._bgra.shape[0], dtype=np.float32)[:, None, None]
        lit = self._bgra[:, :, :3].astype(np.float32) * rows
        self._bgra[:, :, :3] = np.clip(lit, 0, 255).astype(np.uint8)

    def outline(self) -> np.ndarray:
        """(n, 2) float64: the ends of every row that is drawn, in unit coordinates."""
        drawn = (self._bgra[:, ::-1] if self._flipped else self._bgra)[:, :, 3] > 0
        rows = np.flatnonzero(drawn.any(axis=1))
        left = drawn[rows].argmax(axis=1)
        right = drawn.shape[1] - drawn[rows][:, ::-1].argmax(axis=1)
        corners = [np.stack([x, y], axis=1) for x in (left, right) for y in (rows, rows + 1)]
        return np.concatenate(corners) / self._scale

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """(h, w, 3) float32 colour premultiplied by (h, w, 1) float32 coverage of 0 to 1."""
        picture = self._bgra[:, ::-1] if self._flipped else self._bgra
        alpha = (picture[:, :, 3:] > 0).astype(np.float32)
        premultiplied = np.concatenate([picture[:, :, :3] * alpha, alpha], axis=2)
        small = cv2.resize(premultiplied, self.size_wh, interpolation=cv2.INTER_AREA)
        return small[:, :, :3], small[:, :, 3:]
