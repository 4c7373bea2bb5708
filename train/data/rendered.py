"""Rendered scenes on disk, ``SEED.jpg`` each: rendered when first asked for, then kept."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.scenes import make_scene, render
from sdk.errors import InputError

QUALITY = 92


def frame(folder: Path, seed: int) -> NDArray[np.uint8]:
    """The image of scene ``seed``, (1080, 1920, 3) BGR, as its JPEG decodes.

    Safe to call from many processes: a file appears whole or not at all.
    """
    return np.asarray(cv2.imread(str(ensure(folder, seed))), dtype=np.uint8)


def ensure(folder: Path, seed: int) -> Path:
    """The file of scene ``seed``, rendered if it is not there."""
    path = folder / f"{seed:08d}.jpg"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        image = render(make_scene(seed))
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        partial.write_bytes(encoded.tobytes())
        partial.replace(path)
    return path


def ahead(folder: Path, seeds: Sequence[int], processes: int) -> list[BaseProcess]:
    """Starts processes that render ``seeds`` in order, and end with this one.

    They give way to others: whoever needs a scene at once renders it without them.
    """
    context = multiprocessing.get_context("spawn")  # a fork may inherit threads at work
    started = []
    for first in range(min(processes, len(seeds))):
        mine = seeds[first::processes]
        process = context.Process(target=_render_all, args=(folder, mine), daemon=True)
        process.start()
        started.append(process)
    return started


def wait_for(renderers: Sequence[BaseProcess]) -> None:
    """Until all have ended. Raises InputError when one could not render."""
    for each in renderers:
        each.join()
    if any(each.exitcode for each in renderers):
        raise InputError("a process that renders scenes has ended early; see above")


def _render_all(folder: Path, seeds: Sequence[int]) -> None:
    os.nice(10)
    cv2.setNumThreads(1)
    for seed in seeds:
        ensure(folder, seed)
