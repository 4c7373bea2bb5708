"""From windows of the frame to the network's input: the one path of training and vehicle."""

from __future__ import annotations

from functools import cache, partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.cores import default_threads
from sdk.frame import ColorOrder
from sdk.nv12 import Nv12
from sdk.threads import ThreadChoice

_READING = 0.2  # of what an output pixel costs: a source pixel, as measured
_FOR_THREADS = 350e3  # output pixels; less than that the kernel gives to one thread anyway

KernelOrder = Literal["bgr", "rgb", "nv12"]


def network_input(
    frame: NDArray[np.uint8] | Nv12,
    windows_xyxy: ArrayLike,
    input_hw: tuple[int, int],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    color: ColorOrder = "bgr",
    out: NDArray[np.float32] | None = None,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Windows of a frame, fitted by the letterbox rule (``sdk.geometry.Letterbox``) and normalised.

    Args:
        frame: ``(h, w, 3)`` uint8 in ``color`` order, or ``Nv12``.
        windows_xyxy: ``(n, 4)`` frame pixels, or ``(4,)`` for one.
        input_hw: height and width ``(H, W)`` of the network input.
        mean: of each channel, in RGB order and 0..255 units.
        std: likewise, positive.
        color: order of the frame's channels.
        out: float32 ``(n, 3, H, W)``, C-contiguous, to write into; by default a new array.
        threads: how many at most, by default ``sdk.cores.default_threads``; fewer where more do
            not pay, or did not pay lately.

    Returns:
        ``(n, 3, H, W)`` float32, ``(value - mean) / std``, planes in RGB order; 0 around the
        content. ``out`` if it was given.

    Raises:
        ValueError: a window that is empty or outside of the frame, or a wrong shape or value.
        TypeError: an argument of the wrong type or dtype.
    """
    from cpp_ext import crop_resize

    windows = np.asarray(windows_xyxy, dtype=np.float64).reshape(-1, 4)
    most = default_threads() if threads is None else threads
    pixels, order = kernel_pixels(frame, color)
    make = partial(crop_resize, pixels, windows, input_hw, mean, std, order, out=out)
    work = _work(windows, input_hw)
    if most == 1 or not work >= _FOR_THREADS:
        return make(threads=most)
    with _choice(most).timed(work) as count:
        return make(threads=count)


@cache
def _choice(most: int) -> ThreadChoice:
    """What crops cost lately is known to the process: whoever asks, they run on its cores."""
    return ThreadChoice(most)


def _work(windows: NDArray[np.float64], input_hw: tuple[int, int]) -> float:
    """What crops cost, in pixels of network input."""
    read = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in windows.tolist())
    return len(windows) * input_hw[0] * input_hw[1] + _READING * read


def kernel_pixels(
    frame: NDArray[np.uint8] | Nv12, color: ColorOrder
) -> tuple[NDArray[np.uint8], KernelOrder]:
    """A frame as the crop kernel takes it: its bytes, and what it calls their order."""
    return (frame.rows, "nv12") if isinstance(frame, Nv12) else (frame, color)
