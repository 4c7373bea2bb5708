"""From windows of the frame to the network's input: the one path of training and vehicle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.cores import default_threads
from sdk.frame import ColorOrder


def network_input(
    frame: NDArray[np.uint8],
    windows_xyxy: ArrayLike,
    input_hw: tuple[int, int],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    color: ColorOrder = "bgr",
    out: NDArray[np.float32] | None = None,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Windows of a frame, fitted by the letterbox rule and normalised, ``(n, 3, H, W)`` RGB.

    ``frame`` is ``(h, w, 3)`` uint8 in ``color`` order, ``windows_xyxy`` ``(n, 4)`` frame pixels,
    or ``(4,)`` for one; ``mean`` and ``std`` are in RGB order and 0..255 units. ``out``, of the
    result's shape, is written into when it is given. ``threads``: how many at most, by default
    ``sdk.cores.default_threads``; fewer where more do not pay. Raises ValueError for a window that
    is empty or outside of the frame.
    """
    from cpp_ext import crop_resize

    windows = np.asarray(windows_xyxy, dtype=np.float64).reshape(-1, 4)
    most = default_threads() if threads is None else threads
    return crop_resize(frame, windows, input_hw, mean, std, color, out=out, threads=most)
