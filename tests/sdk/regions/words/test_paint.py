"""Colours of pixels, and how much of a box has one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from evaluation.scenes.catalogue import COLOURS as SCENE_COLOURS
from sdk.regions.words import paint
from sdk.regions.words.lexicon.colours import COLOURS

WHOLE = np.array([[0, 0, 40, 30]], np.float32)


def plain(bgr, height=30, width=40):
    return np.full((height, width, 3), bgr, np.uint8)


def share(frame, name, where="whole", xyxy=WHOLE, color="bgr"):
    return float(paint.shares(paint.samples(frame, color, xyxy), (name,), where)[0])


@pytest.mark.parametrize("name", SCENE_COLOURS)
def test_a_colour_is_itself_more_than_any_other(name):
    frame = plain(SCENE_COLOURS[name])
    mine = {other: share(frame, other) for other in SCENE_COLOURS}
    assert mine[name] > 0.9
    assert all(value < 0.75 * mine[name] for other, value in mine.items() if other != name)


def test_rgb_is_bgr_turned():
    frame = plain(SCENE_COLOURS["red"])
    assert share(frame[:, :, ::-1], "red", color="rgb") == share(frame, "red")
    assert share(frame, "blue", color="rgb") > 0.7


@pytest.mark.parametrize("name", COLOURS)
def test_memberships_are_shares_of_one(name):
    fits = paint.membership(name)
    assert fits.shape == (32**3,)
    assert fits.min() >= 0.0
    assert fits.max() == pytest.approx(1.0, abs=0.05)


def test_hues_go_round():
    """Red lies on both sides of 0 degrees."""
    lab = np.float32([[[50, 60, 20], [50, 60, -4], [50, 60, -40]]])
    within, across, beyond = (cv2.cvtColor(lab, cv2.COLOR_Lab2BGR)[0] * 255).round()
    assert share(plain(within), "red") > 0.9
    assert 0.0 < share(plain(across), "red") < 0.5
    assert share(plain(beyond), "red") == 0.0


def test_zones():
    frame = plain((240, 240, 240), 100, 40)
    frame[15:50] = SCENE_COLOURS["red"]
    frame[52:90] = SCENE_COLOURS["blue"]
    box = np.array([[0, 0, 40, 100]], np.float32)
    assert share(frame, "red", "upper", box) > 0.9
    assert share(frame, "blue", "lower", box) > 0.9
    assert share(frame, "blue", "upper", box) < 0.1
    assert 0.3 < share(frame, "red", "part", box) < 0.4


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    st.lists(st.tuples(*[st.floats(0, 9, width=32)] * 4), max_size=4),
)
def test_boxes_of_any_size_are_sampled_alike(frame, boxes):
    xyxy = np.sort(np.array(boxes, np.float32).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    found = paint.samples(frame, "bgr", xyxy)
    assert found.shape == (len(boxes), paint.GRID, paint.GRID)
    for where in ("whole", "upper", "lower", "head", "part", "lamp"):
        values = paint.shares(found, ("red", "blue"), where)
        assert ((values >= 0) & (values <= 1 + 1e-6)).all()


def test_within():
    values = np.array([-1.0, 0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 31.0])
    window = (0.0, 10.0, 20.0, 30.0)
    assert paint.within(values, window).tolist() == [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]
