"""Pillow with numpy, torch, and kornia-rs in the kernel benchmark: imported where installed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.kernel.forms import (
    ALIASED,
    BIAS,
    BYTES,
    EXACT,
    SCALE,
    Form,
    Planes,
    letterboxed,
    with_bars,
)
from benchmarks.kernel.tasks import MEAN, STD, Task


def pillow_forms(task: Task) -> list[Form]:
    names = {"resize": None, "reducing_gap=2": 2.0}  # the second halves and more before it blends
    form = partial(Form, "pillow", window=task.window, tolerance=BYTES)
    return [form(name, _pillow_resize(task, gap)) for name, gap in names.items()]


def _pillow_resize(task: Task, reducing_gap: float | None) -> Callable[[], Planes]:
    from PIL import Image

    planes, content = letterboxed(task)
    x1, y1, x2, y2 = task.window
    left, top, right, bottom = math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)
    box = (x1 - left, y1 - top, x2 - left, y2 - top)
    stride = task.frame.strides[0]
    pixels = task.frame.reshape(-1)[top * stride + left * 3 :]  # unpacked from where they lie
    scale, bias = np.float32(SCALE), [np.float32(value) for value in BIAS]

    def fill() -> None:
        crop_wh = (right - left, bottom - top)
        image = Image.frombuffer("RGB", crop_wh, pixels, "raw", "BGR", stride, 1)
        image = image.resize(
            content.shape[:0:-1], Image.Resampling.BILINEAR, box=box, reducing_gap=reducing_gap
        )
        for band, plane, shift in zip(image.split(), content, bias, strict=True):
            np.multiply(np.asarray(band), scale, out=plane)
            np.add(plane, shift, out=plane)

    return with_bars(task, planes, fill)


def torch_forms(task: Task) -> list[Form]:
    tolerances = {"uint8": BYTES, "float32": EXACT}
    form = partial(Form, "torch", window=task.whole_window)
    return [
        form(name, _torch_interpolate(task, name), tolerance=tolerance)
        for name, tolerance in tolerances.items()
    ]


def _torch_interpolate(task: Task, dtype: str) -> Callable[[], Planes]:
    """Bytes go in as they lie (channels last), float32 as planes: quickest for each."""
    import torch

    planes, content = letterboxed(task)
    crop = torch.from_numpy(task.crop).permute(2, 0, 1)[None]
    target, bias = torch.from_numpy(content), torch.tensor(BIAS)[:, None, None]
    layout = torch.preserve_format if dtype == "uint8" else torch.contiguous_format

    @torch.inference_mode()
    def fill() -> None:
        values = crop.to(getattr(torch, dtype), memory_format=layout)
        values = torch.nn.functional.interpolate(
            values, target.shape[1:], mode="bilinear", antialias=True, align_corners=False
        )
        torch.mul(values[0].flip(0), SCALE, out=target).add_(bias)

    return with_bars(task, planes, fill)


def kornia_forms(task: Task) -> list[Form]:
    """Its fused form, which does not antialias. It knows no letterbox: what is asked of it is the
    picture without its bars, its planes in the order in which the frame has them."""
    run = _kornia_preprocessor(task)
    return [Form("kornia", "Preprocessor", run, task.whole_window, ALIASED, "content")]


def _kornia_preprocessor(task: Task) -> Callable[[], Planes]:
    from kornia_rs.pipeline import Preprocessor

    crop, (width, height) = task.crop, task.letterbox.content_wh
    mean, deviation = [value / 255 for value in reversed(MEAN)], [STD / 255] * 3
    preprocess = Preprocessor(crop.shape[:2], (height, width), mean, deviation)

    def run() -> Planes:
        planes: Planes = preprocess(np.ascontiguousarray(crop))  # a copy of a window, else none
        return planes[::-1]

    return run
