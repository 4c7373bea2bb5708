"""Light, rain, lens, sensor noise and the camera's own compression."""

from __future__ import annotations

import cv2
import numpy as np

from evaluation.scenes.scene import Weather
from evaluation.scenes.texture import tiled_noise


def expose(
    frame: np.ndarray, weather: Weather, rng: np.random.Generator, wind: float | None = None
) -> np.ndarray:
    """What the camera records of a (h, w, 3) uint8 BGR frame, again uint8 BGR.

    ``wind``: sideways pixels of a rain streak for each pixel down; drawn by default.
    """
    h, w = frame.shape[:2]
    picture = frame
    if weather.rain > 0:
        picture = _rain(picture, weather.rain, rng, wind)
    picture = cv2.GaussianBlur(picture, (5, 5), weather.blur_px)
    levels = np.arange(256, dtype=np.float32)[:, None]
    gains = np.array(weather.tint_bgr, np.float32) * np.float32(weather.gain)
    table = np.clip(levels * gains, 0, 255).astype(np.uint8)[None]  # (1, 256, 3)
    picture = cv2.LUT(picture, table)
    luma = np.round(tiled_noise(rng, (w, h)) * weather.noise).astype(np.int16)
    noisy = cv2.add(picture.astype(np.int16), cv2.merge([luma, luma, luma]))
    picture = np.clip(noisy, 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, weather.jpeg_quality])
    recorded = cv2.imdecode(data, cv2.IMREAD_COLOR) if done else None
    if recorded is None:
        raise RuntimeError(f"OpenCV could not compress a frame of shape {frame.shape}")
    return recorded


def _rain(
    frame: np.ndarray, density: float, rng: np.random.Generator, wind: float | None
) -> np.ndarray:
    """Thin bright streaks, blended so that small objects stay readable."""
    h, w = frame.shape[:2]
    streaks = np.zeros((h, w), np.uint8)
    count = int(700 * density)
    x, y = rng.integers(0, w, count), rng.integers(-30, h, count)
    length = rng.integers(12, 40, count)
    slant = float(rng.uniform(-0.25, 0.25)) if wind is None else wind
    for k in range(count):
        end = (int(x[k] + slant * length[k]), int(y[k] + length[k]))
        cv2.line(streaks, (int(x[k]), int(y[k])), end, 60, 1, cv2.LINE_AA)
    return cv2.add(frame, cv2.cvtColor(streaks, cv2.COLOR_GRAY2BGR))
