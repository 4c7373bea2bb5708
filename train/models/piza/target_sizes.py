"""How large targets are beside their frames: the distribution p(r) that trajectories start from.

The paper estimates the ratio r of target area to image area on the data that is trained on; how is
unpublished. Ours is a smoothed bootstrap: a frame and a target that were seen, with the logarithms
of the target's sides jittered.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.errors import InputError

Size = NDArray[np.float64]  # (2,) width and height, pixels
Draw = Callable[[np.random.Generator], tuple[tuple[int, int], Size]]  # -> frame_wh, target_wh

FRAMES_WH = ((1920, 1080), (1280, 720), (2560, 1440), (3840, 2160), (4000, 3000), (1920, 1200))
TARGET_AREA_PX2 = (400.0, 6000.0)  # wider than SOREC's 700-2000, so that near misses end too
SMOOTHING = 0.3  # standard deviation of the jitter, in log pixels a side


def anything(rng: np.random.Generator) -> tuple[tuple[int, int], Size]:
    """A usual frame and a small target: what is expected of data that nobody has seen."""
    frame_wh = FRAMES_WH[rng.integers(len(FRAMES_WH))]
    area = np.exp(rng.uniform(*np.log(TARGET_AREA_PX2)))
    aspect = np.exp(rng.uniform(-1.2, 1.2))
    return frame_wh, np.sqrt(area) * np.array([aspect**0.5, aspect**-0.5])


def observed(frames_wh: ArrayLike, targets_wh: ArrayLike) -> Draw:
    """Draws like the pairs that were seen, both ``(n, 2)`` pixels.

    Drawn targets are at least a pixel and at most half a frame wide and high. Raises InputError
    when there is no pair, or a size that is not positive and finite.
    """
    frames, targets = _pairs(frames_wh), _pairs(targets_wh)
    sizes = np.stack([frames, targets]) if frames.shape == targets.shape else np.zeros((2, 0, 2))
    if not sizes.size or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise InputError(
            "expected as many frames as targets, at least one, of positive sizes; got"
            f" {len(frames)} and {len(targets)}"
        )

    def draw(rng: np.random.Generator) -> tuple[tuple[int, int], Size]:
        row = rng.integers(len(frames))
        size = targets[row] * np.exp(rng.normal(0, SMOOTHING, 2))
        width, height = frames[row].astype(int).tolist()
        return (width, height), np.clip(size, 1, frames[row] / 2)

    return draw


def size_bytes(frames_wh: ArrayLike, targets_wh: ArrayLike) -> bytes:
    """What tells these sizes from others."""
    return b"".join(_pairs(sides).tobytes() for sides in (frames_wh, targets_wh))


def _pairs(sides: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(sides, dtype=np.float64).reshape(-1, 2)
