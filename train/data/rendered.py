"""Rendered scenes on disk, rendered when first asked for, then kept: ``SEED.jpg`` plain ones,
``SEED-road.jpg`` those of the setting "road", so that one folder holds both."""

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
from evaluation.seeds import TRAINING
from sdk.errors import InputError

QUALITY = 92
_GOLDEN = 0.6180339887498949


def check_count(scenes: int) -> None:
    """Raises InputError where there are not so many scenes to train on."""
    if scenes > len(TRAINING):
        raise InputError(
            f"expected at most {len(TRAINING)} scenes, got {scenes}: the seeds after them are"
            " for calibration, certificates and checks"
        )


def setting_of(seed: int, road_share: float) -> str:
    """Where a set of scenes is mixed, the setting of scene ``seed``: the same however many there
    are, and of any run of seeds nearly that share is "road"."""
    return "road" if seed * _GOLDEN % 1.0 < road_share else "plain"


def frame(folder: Path, seed: int, setting: str = "plain") -> NDArray[np.uint8]:
    """The image of scene ``seed``, (h, w, 3) BGR, as its JPEG decodes.

    Safe to call from many processes: a file appears whole or not at all.
    """
    return np.asarray(cv2.imread(str(ensure(folder, seed, setting))), dtype=np.uint8)


def ensure(folder: Path, seed: int, setting: str = "plain") -> Path:
    """The file of scene ``seed``, rendered if it is not there."""
    suffix = "" if setting == "plain" else f"-{setting}"
    path = folder / f"{seed:08d}{suffix}.jpg"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        image = render(make_scene(seed, setting=setting))
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        partial.write_bytes(encoded.tobytes())
        partial.replace(path)
    return path


def ahead(
    folder: Path, seeds: Sequence[int], processes: int, road_share: float = 0.0
) -> list[BaseProcess]:
    """Starts processes that render ``seeds`` in order, and end with this one.

    They give way to others: whoever needs a scene at once renders it without them.
    """
    context = multiprocessing.get_context("spawn")  # a fork may inherit threads at work
    started = []
    for first in range(min(processes, len(seeds))):
        mine = seeds[first::processes]
        process = context.Process(target=_render_all, args=(folder, mine, road_share), daemon=True)
        process.start()
        started.append(process)
    return started


def wait_for(renderers: Sequence[BaseProcess]) -> None:
    """Until all have ended. Raises InputError when one could not render."""
    for each in renderers:
        each.join()
    if any(each.exitcode for each in renderers):
        raise InputError("a process that renders scenes has ended early; see above")


def _render_all(folder: Path, seeds: Sequence[int], road_share: float) -> None:
    os.nice(10)
    cv2.setNumThreads(1)
    for seed in seeds:
        ensure(folder, seed, setting_of(seed, road_share))
