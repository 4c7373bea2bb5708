"""The scenes that the page offers are those that ``evaluation.scenes`` draws.

``python tests/sdk/serve/test_scenes.py`` draws the pictures anew, where a change is meant.
"""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from evaluation.scenes import make_scene, render
from evaluation.seeds import ACCURACY
from sdk.frame import read_image
from sdk.serve.app import STATIC

FOLDER = STATIC / "scenes"
SCENES = json.loads((FOLDER / "scenes.json").read_text(encoding="utf-8"))
QUALITY = 82  # of JPEG: the answers are those of the picture without loss
MOST_GREY_LEVELS = 4.0  # that JPEG changes a pixel by, on the average


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene["name"])
def test_pictures_are_rendered_scenes(scene):
    assert ACCURACY.first <= scene["seed"] < ACCURACY.end  # nothing was trained on it
    stored = read_image(FOLDER / f"{scene['name']}.jpg")
    drawn = render(make_scene(scene["seed"]))
    assert np.abs(stored.astype(np.int16) - drawn).mean() < MOST_GREY_LEVELS
    assert len(set(scene["refs"])) == len(scene["refs"]) >= 3


if __name__ == "__main__":
    for each in SCENES:
        path = FOLDER / f"{each['name']}.jpg"
        cv2.imwrite(
            str(path), render(make_scene(each["seed"])), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        )
        print(f"wrote {path}")
