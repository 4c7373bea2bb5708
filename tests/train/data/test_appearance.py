"""Pictures in disguise: everything stays where it is, and keeps its hue."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from train.data import appearance
from train.data.appearance import HUE, disguised

RED, GREEN, GREY = (205, 22, 30), (24, 168, 62), (120, 120, 120)
BOXES = np.array([[20.0, 30.0, 60.0, 70.0], [100.0, 20.0, 140.0, 60.0]])


@pytest.fixture
def picture() -> np.ndarray:
    """A red and a green square on grey."""
    made = np.full((100, 180, 3), GREY, np.uint8)
    for (x0, y0, x1, y1), colour in zip(BOXES.astype(int), (RED, GREEN), strict=True):
        made[y0:y1, x0:x1] = colour
    return made


def hue(picture: np.ndarray, box: np.ndarray) -> float:
    """Of the middle of a box, in degrees."""
    x0, y0, x1, y1 = (box + np.array([12, 12, -12, -12])).astype(int)
    middle = picture[y0:y1, x0:x1].reshape(-1, 3).mean(0).astype(np.float32) / 255
    return float(cv2.cvtColor(middle[None, None], cv2.COLOR_RGB2HSV)[0, 0, 0])


def test_things_keep_their_place_and_colour(picture) -> None:
    before, looks = picture.copy(), []
    for seed in range(40):
        made = disguised(picture, BOXES, np.random.default_rng(seed))
        assert made.shape == picture.shape
        assert made.dtype == np.uint8
        for box, colour in zip(BOXES, (RED, GREEN), strict=True):
            wanted = hue(np.full_like(picture, colour), box)
            off = (hue(made, box) - wanted + 180) % 360 - 180
            assert abs(off) < HUE + 6  # grain and clouds beside the shift itself
        middle = made[40:60, 30:50].mean(), made[80:95, 5:15].mean()
        looks.append(middle)
    np.testing.assert_array_equal(picture, before)
    assert np.std(looks, axis=0).min() > 8  # they differ a lot, things as well as surroundings


def test_the_same_seed_is_the_same_disguise(picture) -> None:
    one, same, other = (disguised(picture, BOXES, np.random.default_rng(s)) for s in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_only_surroundings_give_way(picture, monkeypatch) -> None:
    monkeypatch.setattr(appearance, "OFTEN", 0.0)
    made = appearance._before_another_backdrop(
        picture.astype(np.float32), BOXES, np.random.default_rng(0)
    )
    changed = np.abs(made - picture).max(-1)
    for x0, y0, x1, y1 in BOXES.astype(int):
        assert changed[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8].max() < 1
    assert changed.max() > 5


@pytest.mark.parametrize(
    "objects",
    [
        np.zeros((0, 4)),
        np.array([[-500.0, -400.0, -300.0, -200.0]]),  # outside of the window
        np.array([[-1e4, -1e4, 1e4, 1e4]]),  # all of it
        np.array([[5.0, 5.0, 5.0, 5.0]]),
    ],
)
def test_any_objects_and_any_size(objects) -> None:
    for height, width in ((1, 1), (2, 90), (33, 7)):
        picture = np.full((height, width, 3), GREY, np.uint8)
        for seed in range(6):
            made = disguised(picture, objects, np.random.default_rng(seed))
            assert made.shape == picture.shape
