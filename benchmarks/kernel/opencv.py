"""OpenCV in the kernel benchmark: the antialiased chain, and ``blobFromImage``, which is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.kernel.forms import ALIASED, BIAS, BOX, SCALE, Form, Planes, letterboxed, with_bars
from benchmarks.kernel.tasks import MEAN, Task

Bytes = NDArray[np.uint8]


def opencv_forms(task: Task) -> list[Form]:
    makers = {"chain": _chain, "table": _table, "blob of area": _blob}
    form = partial(Form, "opencv", window=task.whole_window, tolerance=BOX)
    return [form(name, make(task)) for name, make in makers.items()]


def _resize(crop: Bytes, target: Bytes) -> None:
    """Antialiased where it gets smaller. ``target`` may be a view."""
    smaller = target.shape[0] < crop.shape[0]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    cv2.resize(crop, target.shape[1::-1], dst=target, interpolation=interpolation)


def _chain(task: Task) -> Callable[[], Planes]:
    """Resize, colour, float, normalise, planes: one call each."""
    crop, (planes, content) = task.crop, letterboxed(task)
    bgr = np.empty((*content.shape[1:], 3), np.uint8)
    rgb, values = np.empty_like(bgr), np.empty(bgr.shape, np.float32)
    mean, scale, views = (*MEAN, 0.0), (*(SCALE,) * 3, 0.0), list(content)

    def fill() -> None:
        _resize(crop, bgr)
        cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=rgb)
        cv2.subtract(rgb, mean, dst=values, dtype=cv2.CV_32F)
        cv2.multiply(values, scale, dst=values)
        cv2.split(values, views)

    return with_bars(task, planes, fill)


def _table(task: Task) -> Callable[[], Planes]:
    """Resize, planes, then float and normalise by a table of 256 numbers for each channel."""
    crop, (planes, content) = task.crop, letterboxed(task)
    bgr = np.empty((*content.shape[1:], 3), np.uint8)
    channels = [np.empty(bgr.shape[:2], np.uint8) for _ in MEAN]
    tables = [(np.arange(256) * SCALE + bias).astype(np.float32) for bias in BIAS]
    jobs = list(zip(reversed(channels), tables, content, strict=True))

    def fill() -> None:
        _resize(crop, bgr)
        cv2.split(bgr, channels)
        for channel, table, plane in jobs:
            cv2.LUT(channel, table, dst=plane)

    return with_bars(task, planes, fill)


def _blob(task: Task) -> Callable[[], Planes]:
    """Resize into a picture that has the bars, then all the rest by ``cv2.dnn``."""
    crop, canvas = task.crop, np.empty((*task.size, 3), np.uint8)
    canvas[:] = np.rint(MEAN[::-1])
    inner = task.content(canvas.transpose(2, 0, 1)).transpose(1, 2, 0)
    blob, parameters = np.empty((1, 3, *task.size), np.float32), _blob_parameters(task)

    def run() -> Planes:
        _resize(crop, inner)
        return cv2.dnn.blobFromImageWithParams(canvas, blob, parameters)[0]

    return run


def blob_forms(task: Task) -> list[Form]:
    """``cv2.dnn.blobFromImage``: resizes without antialiasing, and without bars."""
    crop, size = task.crop, task.size[::-1]

    def run() -> Planes:
        return cv2.dnn.blobFromImage(crop, SCALE, size, MEAN, swapRB=True)[0]

    name = "blobFromImage"
    return [Form("blob", name, run, task.whole_window, ALIASED, "stretched")]


def _blob_parameters(task: Task) -> cv2.dnn.Image2BlobParams:
    parameters = cv2.dnn.Image2BlobParams()
    parameters.scalefactor, parameters.mean = (SCALE,) * 4, (*MEAN, 0.0)
    parameters.size, parameters.swapRB = task.size[::-1], True
    return parameters
