"""Pictures of the same things that look as nobody has rendered them.

A network that learns from rendered scenes alone learns how they are rendered: flat colours, clean
edges, the same few backgrounds. Here light, grain and surroundings vary far more than any camera
does, so that what stays the same is what sentences are about: where things are, their shape, and
their colour, whose hue is hardly shifted.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes

Picture = NDArray[np.float32]  # (h, w, 3), RGB in 0..255

HUE = 6.0  # degrees at most: orange and yellow are 22 apart, orange and red 32
BACKDROPS = 0.5  # share of pictures whose surroundings are others
OFTEN = 0.5  # share of pictures with each of the rest
_MARGIN = 0.35  # of an object's sides, that stays round it at most


def disguised(
    picture: NDArray[np.uint8], objects: Boxes, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The picture in another look.

    Args:
        picture: (h, w, 3), RGB.
        objects: (n, 4), xyxy in its pixels; what lies outside is not looked at.
        rng: all that is random.

    Returns:
        (h, w, 3), RGB; everything is where it was.
    """
    made = picture.astype(np.float32)
    if rng.random() < BACKDROPS:
        made = _before_another_backdrop(made, objects, rng)
    made = _coloured(made, rng)
    if rng.random() < OFTEN:
        light = _clouds(made.shape[:2], rng)[..., None]
        made = made * (1 + rng.uniform(0.1, 0.4) * light)
    if rng.random() < OFTEN:
        made = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.3, 1.6))
    if rng.random() < OFTEN:
        made = made + rng.normal(0, rng.uniform(2, 16), made.shape)
    found = np.clip(made, 0, 255).astype(np.uint8)
    return _compressed(found, rng) if rng.random() < OFTEN else found


def _before_another_backdrop(picture: Picture, objects: Boxes, rng: np.random.Generator) -> Picture:
    """What is no object gives way, more or less, to grey or to clouds of pale colours.

    As many places without an object stay as they were: what stays must not tell where objects are.
    """
    height, width = picture.shape[:2]
    away = np.ones((height, width), np.float32)
    for x0, y0, x1, y1 in objects:
        w, h = max(x1 - x0, 1.0), max(y1 - y0, 1.0)
        left, top = rng.uniform(-w, width), rng.uniform(-h, height)  # of a place without
        for x, y in ((x0, y0), (left, top)):
            grown = rng.uniform(0.05, _MARGIN, 4) * (w, h, w, h) + 1
            corners = np.array([x, y, x + w, y + h]) + grown * (-1, -1, 1, 1)
            a, b, c, d = np.clip(np.rint(corners), 0, [width, height] * 2).astype(int)
            away[b:d, a:c] = 0
    away = cv2.GaussianBlur(away, (0, 0), rng.uniform(0.5, 4.0))[..., None]
    grey = rng.uniform(30, 225)
    backdrop = np.full_like(picture, grey)
    if rng.random() < OFTEN:
        tints = np.stack([_clouds((height, width), rng) for _ in range(3)], axis=-1)
        common = _clouds((height, width), rng)[..., None]
        backdrop = backdrop + rng.uniform(20, 80) * common + rng.uniform(0, 25) * tints
    away = away * rng.uniform(0.4, 1.0)
    return picture * (1 - away) + backdrop * away


def _coloured(picture: Picture, rng: np.random.Generator) -> Picture:
    """Other hue (a little), saturation, brightness, contrast."""
    hsv = cv2.cvtColor(np.clip(picture, 0, 255) / np.float32(255), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-HUE, HUE)) % 360
    hsv[..., 1] = np.minimum(hsv[..., 1] * rng.uniform(0.65, 1.35), 1)
    made = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) ** rng.uniform(0.7, 1.4)
    mean = made.mean()
    return 255 * (mean + (made - mean) * rng.uniform(0.55, 1.3)) + rng.uniform(-20, 20)


def _clouds(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise in -1..1, of a few cells or of many."""
    cells = rng.integers(2, 40, 2)
    coarse = rng.uniform(-1, 1, cells).astype(np.float32)
    smooth = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth, -1, 1)


def _compressed(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """As JPEG of a low quality leaves it."""
    quality = int(rng.integers(20, 90))
    _, file = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1], dtype=np.uint8)
