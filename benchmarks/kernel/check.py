"""Nobody is timed on a wrong picture: every form's answer is held against our kernel's."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.kernel.contestants import kernel
from benchmarks.kernel.forms import Form, Planes
from benchmarks.kernel.tasks import STD, Task
from benchmarks.options import BenchmarkError


def check(task: Task, form: Form, threads: int) -> None:
    """Raises BenchmarkError when a form's answer is another picture than our kernel's."""
    if form.tolerance is None:
        return
    expected = np.empty((1, 3, *task.size), np.float32)
    kernel(task, form.window, threads, expected)
    found = form.run()
    reference = _part(task, form, expected[0])
    what = f"{task.title}: {form.contestant} ({form.name})"
    if found.shape != reference.shape or found.dtype != reference.dtype:
        raise BenchmarkError(
            f"{what}: expected {reference.dtype} {reference.shape}, found {found.dtype}"
            f" {found.shape}"
        )
    difference = np.abs(found - reference) * STD  # grey levels
    mean, most = float(difference.mean()), float(difference.max())
    if not (mean <= form.tolerance.mean and most <= form.tolerance.most):
        raise BenchmarkError(
            f"{what}: expected our picture within {form.tolerance.mean:g} of 255 grey levels on"
            f" average and {form.tolerance.most:g} at most, found {mean:.3f} and {most:.3f}"
        )


def _part(task: Task, form: Form, planes: Planes) -> Planes:
    """What of our picture the form makes."""
    if form.made == "stretched":
        return _stretched(task, planes)
    return task.content(planes) if form.made == "content" else planes


def _stretched(task: Task, planes: Planes) -> Planes:
    """The picture without its bars, resized to fill the input."""
    picture = np.ascontiguousarray(task.content(planes).transpose(1, 2, 0))
    return cv2.resize(picture, task.size[::-1]).transpose(2, 0, 1)
