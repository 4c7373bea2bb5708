"""Smooth random fields."""

from __future__ import annotations

import cv2
import numpy as np


def smooth_noise(
    rng: np.random.Generator, size_wh: tuple[int, int], cells_wh: tuple[int, int]
) -> np.ndarray:
    """(h, w) float32 of mean 0 and standard deviation about 1, ``cells_wh`` bumps across."""
    coarse = rng.standard_normal((cells_wh[1], cells_wh[0]), dtype=np.float32)
    return cv2.resize(coarse, size_wh, interpolation=cv2.INTER_CUBIC)


def tiled_noise(rng: np.random.Generator, size_wh: tuple[int, int]) -> np.ndarray:
    """(h, w) float32 white noise, a tile of 509x503 repeated: drawing it afresh is slow."""
    tile = rng.standard_normal((503, 509), dtype=np.float32)
    w, h = size_wh
    return np.tile(tile, (h // 503 + 1, w // 509 + 1))[:h, :w]
