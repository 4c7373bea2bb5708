"""How much of each box has a colour: a grid of its pixels, looked up in a table of CIE L*C*h."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from sdk.frame import Frame
from sdk.regions.words.lexicon.colours import COLOURS, Window

Floats = NDArray[np.float64]

GRID = 20  # samples along each side of a box, whatever its size: the cost of a box is the same
_LEVELS = 32  # of each channel in the table


@lru_cache(maxsize=1)
def _lch() -> tuple[Floats, Floats, Floats]:
    """Lightness, chroma, hue of every entry of the table, each ``(_LEVELS ** 3,)``, of BGR."""
    import cv2

    step = 256 // _LEVELS
    level = (np.arange(_LEVELS, dtype=np.float32) * step + (step - 1) / 2) / 255
    bgr = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(1, -1, 3)
    lightness, a, b = cv2.cvtColor(bgr.astype(np.float32), cv2.COLOR_BGR2Lab)[0].T.astype(float)
    return lightness, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0


@cache
def membership(name: str) -> NDArray[np.float32]:
    """How well each entry of the table fits a colour of ``COLOURS``, in 0..1."""
    colour = COLOURS[name]
    lightness, chroma, hue = _lch()
    # A window may reach below 0 or above 360 degrees.
    turned = np.max([within(hue + turn, colour.hue) for turn in (-360.0, 0.0, 360.0)], axis=0)
    fits = turned * within(chroma, colour.chroma) * within(lightness, colour.light)
    return fits.astype(np.float32)


def within(values: Floats, window: Window) -> Floats:
    """1 inside a window, 0 outside, in between linear."""
    low, from_, to, high = window
    rising = np.clip((values - low) / (from_ - low), 0.0, 1.0)
    falling = np.clip((high - values) / (high - to), 0.0, 1.0)
    return np.asarray(np.minimum(rising, falling))


def samples(frame: Frame, color: str, xyxy: NDArray[np.float32]) -> NDArray[np.int64]:
    """Entries of the table at a grid of points of each box. ``(N, 4) -> (N, GRID, GRID)``.

    Rows of the grid run from the top to the bottom of the box.
    """
    height, width = frame.shape[:2]
    inner = (np.arange(GRID) + 0.5) / GRID
    boxes = xyxy.astype(np.float64)
    columns = boxes[:, :1] + inner * (boxes[:, 2:3] - boxes[:, :1])
    rows = boxes[:, 1:2] + inner * (boxes[:, 3:] - boxes[:, 1:2])
    x = np.clip(columns, 0, width - 1).astype(np.int64)
    y = np.clip(rows, 0, height - 1).astype(np.int64)
    levels = frame[y[:, :, None], x[:, None, :]].astype(np.int64) * _LEVELS // 256
    blue, green, red = (0, 1, 2) if color == "bgr" else (2, 1, 0)
    return np.asarray(
        (levels[..., blue] * _LEVELS + levels[..., green]) * _LEVELS + levels[..., red]
    )


@lru_cache(maxsize=1)
def _zones() -> dict[str, Floats]:
    """Weights of the samples, ``(GRID, GRID)`` each, of sum 1."""
    u, v = np.meshgrid((np.arange(GRID) + 0.5) / GRID, (np.arange(GRID) + 0.5) / GRID)
    middle = np.hypot((u - 0.5) / 0.42, (v - 0.5) / 0.42) <= 1.0
    column = np.abs(u - 0.5) <= 0.24
    masks = {
        "whole": middle,
        "upper": column & (v >= 0.15) & (v <= 0.52),
        "lower": column & (v >= 0.5) & (v <= 0.92),
        "head": column & (v <= 0.2),
        "part": np.ones_like(middle),
        "lamp": np.abs(u - 0.5) <= 0.32,
    }
    return {name: mask / mask.sum() for name, mask in masks.items()}


def shares(found: NDArray[np.int64], colours: tuple[str, ...], where: str) -> Floats:
    """The part of each box, in 0..1, that has any of the colours. ``(N, GRID, GRID) -> (N,)``."""
    table = np.max([membership(name) for name in colours], axis=0)
    weights = _zones()[where]
    return np.asarray(np.einsum("nij,ij->n", table[found], weights), dtype=np.float64)
