"""Rendered scenes on disk, ``SEED.jpg`` each: rendered when first asked for, then kept."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from train.data.scenes import make_scene, render

QUALITY = 92


def frame(folder: Path, seed: int) -> NDArray[np.uint8]:
    """The image of scene ``seed``, (1080, 1920, 3) BGR, as its JPEG decodes.

    Safe to call from many processes: a file appears whole or not at all.
    """
    path = folder / f"{seed:08d}.jpg"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        image = render(make_scene(seed))
        _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        partial.write_bytes(encoded.tobytes())
        partial.replace(path)
    return np.asarray(cv2.imread(str(path)), dtype=np.uint8)
