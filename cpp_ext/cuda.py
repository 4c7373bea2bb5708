"""Fused crop, resize and normalise in device memory: ``cpp_ext.crop_resize`` on a CUDA stream.

Imports without a GPU and without a driver; ``available()`` tells whether it can run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

try:
    import cpp_ext._cuda as _cuda
except ModuleNotFoundError as error:
    if error.name != "cpp_ext._cuda":
        raise
    _cuda = None  # type: ignore[assignment]  # built without nvcc; a broken build raises

__all__ = ["available", "built", "crop_resize"]

Out = TypeVar("Out")


def built() -> bool:
    """Whether the CUDA kernel was compiled into this installation."""
    return _cuda is not None


def available() -> bool:
    """Whether the kernel was compiled, there is a GPU, and it is one that it was compiled for.

    Where there is a GPU the first call makes a CUDA context on the current device, as any first
    use of CUDA does (it takes time and some hundred MB), and loads the kernel there. Never raises.
    """
    return _cuda is not None and _cuda.usable()


def crop_resize(
    frame: Any,
    windows: Any,
    size: Sequence[int],
    mean: Sequence[float],
    std: Sequence[float],
    color: Literal["bgr", "rgb", "gray", "nv12"] = "bgr",
    *,
    out: Out,
    stream: Any = 0,
) -> Out:
    """Crops windows out of a frame and makes them network input, in one kernel.

    The arithmetic is the one of ``cpp_ext.crop_resize``: filter, letterbox, colours, order of
    planes. All arrays are in memory of the current device and speak
    ``__cuda_array_interface__`` (pycuda, torch, cupy, ...).

    Args:
        frame: uint8 (h, w, 3), any strides; (h, w) for "gray"; for "nv12" (h * 3 / 2, w), or a
            tuple of luma (h, w) and chroma (h / 2, w / 2, 2), h and w even, rows of any pitch.
            Fastest: packed pixels whose address and row stride are multiples of 4 bytes.
        windows: float32 (n, 4), C-contiguous, xyxy in frame pixels (pixel i covers [i, i + 1)),
            read by the kernel: an earlier kernel may write them, the host need not know them.
            Nothing can be raised about their values: a window is clamped to the frame, and where
            nothing is left of it, or a coordinate is NaN, its output is 0.
        size: (H, W) of the network input.
        mean: three numbers in R, G, B order, in units of 0..255.
        std: three positive numbers in R, G, B order, in units of 0..255.
        color: order of the frame's channels, or "gray" or "nv12".
        out: float32 or float16 (n, 3, H, W), C-contiguous, apart from frame and windows.
        stream: where the kernel is put: a handle (0 and 1 are the legacy default stream, 2 the
            one of the thread), or a stream of pycuda (``.handle``), torch (``.cuda_stream``) or
            cupy (``.ptr``).

    Returns:
        ``out``. It holds ``(value - mean) / std``, 0 beside the content, once the stream has
        passed the kernel.

    Raises:
        TypeError: an argument of the wrong type or dtype.
        ValueError: a wrong shape, stride or value, host memory, or another device's memory.
        RuntimeError: there is no CUDA device, the kernel was not built, or CUDA reports an error.

    The call returns before the kernel has run. Frame, windows and out have to stay alive until the
    stream has passed it, frame and windows unwritten, out unread. An array whose interface names
    a stream (version 3) is waited for: the given stream continues after what that one holds now.
    Arrays that name none have to be ready on the given stream. Nothing is allocated and nothing
    waits for the device, so that a CUDA graph can capture the call (with arrays that name no
    other stream), once the kernel is loaded: the driver puts that off until the first use, which
    must not be the one captured. Call ``available()``, or make one such call, on the device before
    the capture. The global interpreter lock is released while CUDA is called.
    """
    if _cuda is None:
        raise RuntimeError(
            "cpp_ext was built without CUDA: install nvcc and build again (pip install -e .)"
        )
    return _cuda.crop_resize(frame, windows, size, mean, std, color, out, stream)
