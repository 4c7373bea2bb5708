"""Samples of detectors: what is in a window is where its pixels are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from sdk.geometry import area, contains
from train.data.boxes import Box
from train.data.detection import SEEN, BoxSamples, in_window, random_window, stacked
from train.models.detector.config import DetectorConfig

WH = (320, 180)
CONFIG = DetectorConfig("yolo", ("car", "sign"), (96, 160))
KNOWN = {
    "dark.png": (Box((40, 50, 100, 90), "sign"),),
    "empty.png": (),
    "two.png": (Box((10, 20, 60, 60), "car"), Box((200, 100, 300, 170), "sign")),
}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Black images, white where the objects are."""
    for name, boxes in KNOWN.items():
        frame = np.zeros((WH[1], WH[0], 3), np.uint8)
        for box in boxes:
            x1, y1, x2, y2 = map(int, box.xyxy)
            frame[y1:y2, x1:x2] = 255
        cv2.imwrite(str(tmp_path / name), frame)
    return tmp_path


def samples(images: Path, most: int = 10, seed: int = 0) -> BoxSamples:
    return BoxSamples(KNOWN, images, CONFIG.labels, CONFIG, seed, most)


def test_objects_are_where_they_are_bright(images) -> None:
    made = samples(images)
    height, width = CONFIG.input_hw
    seen = 0
    for k in range(60):
        shown = made[k]
        assert shown.pixels.shape == (3, height, width)
        bright = shown.pixels.mean(axis=0) > 0.4
        for cx, cy, w, h in shown.boxes:
            x1, x2 = round((cx - w / 2) * width), round((cx + w / 2) * width)
            y1, y2 = round((cy - h / 2) * height), round((cy + h / 2) * height)
            inner = bright[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2]
            seen += inner.size > 0
            assert inner.size == 0 or inner.mean() > 0.95
            around = bright[max(y1 - 3, 0) : y2 + 3, max(x1 - 3, 0) : x2 + 3]
            assert around.sum() <= (y2 - y1 + 3) * (x2 - x1 + 3)
    assert seen > 20


def test_items_are_functions_of_seed_and_number(images) -> None:
    one, other = samples(images), samples(images)
    other[3]
    for k in (0, 4, 5):
        np.testing.assert_array_equal(one[k].pixels, other[k].pixels)
        np.testing.assert_array_equal(one[k].boxes, other[k].boxes)
    assert not np.array_equal(one[0].pixels, samples(images, seed=1)[0].pixels)
    for epoch in range(3):
        assert {one.name(3 * epoch + k) for k in range(3)} == set(KNOWN)


def test_a_batch_is_padded(images) -> None:
    made = samples(images)
    items = [made[k] for k in range(6)]
    batch = stacked(items)
    assert batch.pixels.shape == (6, 3, *CONFIG.input_hw)
    assert batch.valid.sum(1).tolist() == [len(item.labels) for item in items]
    assert batch.boxes.shape == (*batch.valid.shape, 4)
    nothing = stacked([item for item in items if not len(item.labels)][:1])
    assert nothing.boxes.shape == (1, 1, 4)
    assert not nothing.valid.any()


def test_images_that_have_changed(images) -> None:
    made = samples(images)
    cv2.imwrite(str(images / "two.png"), np.zeros((60, 60, 3), np.uint8))
    number = [made.name(k) for k in range(3)].index("two.png")
    with pytest.raises(InputError, match=r"outside its image two.png"):
        made[number]
    (images / "two.png").unlink()
    with pytest.raises(InputError, match=r"two.png"):
        made[number]


PLACE = st.floats(0, 200)
BOX = st.tuples(PLACE, PLACE, st.floats(1, 120), st.floats(1, 120)).map(
    lambda each: (each[0], each[1], each[0] + each[2], each[1] + each[3])
)


@given(st.lists(BOX, max_size=6), BOX, st.integers(1, 6))
def test_what_is_in_a_window(boxes, window, most) -> None:
    given_boxes = np.array(boxes).reshape(-1, 4)
    found, rows = in_window(given_boxes, np.array(window), most)
    assert len(found) == len(rows) == len(set(rows.tolist())) <= most
    assert contains(window, found).all()
    assert (area(found) >= SEEN * area(given_boxes[rows])).all()
    assert (np.diff(area(found)) <= 0).all()
    whole = np.flatnonzero(contains(window, given_boxes))
    if len(boxes) <= most:
        assert set(whole.tolist()) <= set(rows.tolist())


@given(st.integers(0, 2**31), st.integers(2, 4000), st.integers(2, 4000))
def test_windows_lie_in_the_frame(seed, width, height) -> None:
    window = random_window((width, height), np.random.default_rng(seed))
    assert contains((0, 0, width, height), window, 1e-6)
    assert (window[2:] - window[:2] >= 0.39 * np.array([width, height])).all()
