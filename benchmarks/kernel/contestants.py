"""Who takes part in the kernel benchmark: our kernel, the others, and a plain copy."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.kernel.forms import EXACT, Form, Planes
from benchmarks.kernel.opencv import blob_forms, opencv_forms
from benchmarks.kernel.tasks import MEAN, STD, Rect, Task
from cpp_ext import crop_resize

CONTESTANTS = ("ours", "opencv", "blob", "pillow", "torch", "kornia", "copy")
ANTIALIASED = ("opencv", "pillow", "torch")  # the others that answer the question as it is put
# What they need beside the vehicle side, and what is to be installed for it.
PACKAGES = {"pillow": "PIL", "torch": "torch", "kornia": "kornia_rs"}
INSTALL = {
    "pillow": "'piza-edge[train]'",
    "torch": "'piza-edge[train]'",
    "kornia": "'piza-edge[benchmarks]'",
}


def installed(contestant: str) -> bool:
    """Whether the packages of this contestant are there."""
    package = PACKAGES.get(contestant)
    return package is None or importlib.util.find_spec(package) is not None


@contextmanager
def threads_of_others(threads: int) -> Iterator[None]:
    """OpenCV, torch and kornia-rs (if it is first used here) use so many threads; Pillow, numpy and
    the copy always use one."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))
    try:
        with _torch_threads(threads):
            yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    if not installed("torch"):
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def make_forms(task: Task, threads: int) -> list[Form]:
    """All forms of all contestants that are installed."""
    forms = [_ours(task, threads), *opencv_forms(task), *blob_forms(task)]
    if installed("pillow"):
        from benchmarks.kernel.peers import pillow_forms

        forms += pillow_forms(task)
    if installed("torch"):
        from benchmarks.kernel.peers import torch_forms

        forms += torch_forms(task)
    if installed("kornia"):
        from benchmarks.kernel.peers import kornia_forms

        forms += kornia_forms(task)
    return [*forms, _copy(task)]


def kernel(task: Task, window: Rect, threads: int, out: NDArray[np.float32]) -> None:
    """Our kernel, called in this one place. ``out`` is (1, 3, H, W)."""
    windows = np.array([window], np.float64)
    crop_resize(task.frame, windows, task.size, MEAN, (STD,) * 3, "bgr", out=out, threads=threads)


def _ours(task: Task, threads: int) -> Form:
    out = np.empty((1, 3, *task.size), np.float32)

    def run() -> Planes:
        kernel(task, task.window, threads, out)
        return out[0]

    return Form("ours", "crop_resize", run, task.window, EXACT)


def copied_bytes(task: Task) -> int:
    """So many that reading and writing them moves as many as reading the window and writing the
    network input."""
    written = 3 * task.size[0] * task.size[1] * np.dtype(np.float32).itemsize
    return (task.crop.size + written) // 2


def _copy(task: Task) -> Form:
    source = np.ones(copied_bytes(task), np.uint8)
    target = np.ones_like(source)
    nothing = np.empty((3, 0, 0), np.float32)

    def run() -> Planes:
        np.copyto(target, source)
        return nothing

    return Form("copy", "np.copyto", run, task.window, None)
