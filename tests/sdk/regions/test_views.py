"""What an image network is shown of proposals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.engine.manifest import ImageInput
from sdk.errors import EngineError
from sdk.json_reader import JsonReader
from sdk.regions.views import KINDS, View, read_view, usual_view

MEAN, STD, SIDE = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0), 32
IMAGE = ImageInput((SIDE, SIDE), MEAN, STD)
GREY, RED = (90, 90, 90), (20, 30, 220)  # BGR


@pytest.fixture
def frame() -> Any:
    """Grey, with a red object of 40 x 20 pixels."""
    pixels = np.full((120, 160, 3), GREY, np.uint8)
    pixels[50:70, 60:100] = RED
    return pixels


OBJECT = np.array([[60.0, 50, 100, 70]])


def colours(pixels: Any) -> Any:
    """As 0..255, ``(..., 3, H, W)`` RGB."""
    return pixels * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]


def test_tight_is_the_middle_as_clip_cuts_it(frame) -> None:
    frame[:, 80:] = GREY  # the right half is gone
    [seen] = colours(View("tight").crops(frame, "bgr", OBJECT, IMAGE))
    np.testing.assert_allclose(
        seen[:, :, : SIDE // 2 - 2],
        np.array([220, 30, 20])[:, None, None] + np.zeros((3, SIDE, SIDE // 2 - 2)),
        atol=0.01,
    )
    np.testing.assert_allclose(seen[:, :, SIDE // 2 + 2 :], 90, atol=0.01)


def test_a_margin_is_seen_to_all_sides(frame) -> None:
    [seen] = colours(View("margin", 0.5).crops(frame, "bgr", OBJECT, IMAGE))
    red = seen[0] > 155  # a window of 80 pixels: of 32 rows 8, of 32 columns 16
    assert red.sum() == 8 * 16
    assert red[12:20, 8:24].all()


def test_a_margin_ends_at_the_frame_s_border(frame) -> None:
    corner = np.array([[0.0, 0, 40, 20]])
    frame[:], frame[:20, :40] = GREY, RED
    [seen] = colours(View("margin", 0.5).crops(frame, "bgr", corner, IMAGE))
    assert (seen[0] > 155)[:8, :16].all()
    assert (seen[0] > 155).sum() == 8 * 16


def test_what_is_small_is_padded_and_keeps_its_size(frame) -> None:
    frame[50:70, 60:80] = (220, 30, 20)  # half of it is blue
    small = np.array([[60.2, 50.2, 79.9, 69.9]])
    [seen] = colours(View("padded").crops(frame, "bgr", small, IMAGE))
    np.testing.assert_allclose(
        seen, np.array([20, 30, 220])[:, None, None] + np.zeros_like(seen), atol=0.01
    )
    frame[50:70, 70:80] = RED
    [seen] = colours(View("padded").crops(frame, "bgr", small, IMAGE))
    np.testing.assert_allclose(seen[:, 0, 0], (120, 30, 120), atol=0.01)  # the mean
    np.testing.assert_allclose(seen[:, 6:26, 6:16].mean((1, 2)), (20, 30, 220), atol=0.01)
    np.testing.assert_allclose(seen[:, 6:26, 16:26].mean((1, 2)), (220, 30, 20), atol=0.01)


def test_what_is_large_is_padded_and_seen_whole(frame) -> None:
    frame[70:80] = (0, 0, 0)
    [seen] = colours(View("padded").crops(frame, "bgr", np.array([[60.0, 50, 100, 70]]), IMAGE))
    np.testing.assert_allclose(
        seen, np.array([220, 30, 20])[:, None, None] + np.zeros_like(seen), atol=0.01
    )


def test_everything_else_is_blurred(frame) -> None:
    frame[::2, :60] = 255  # stripes beside it
    view = usual_view("blurred")
    [seen] = colours(view.crops(frame, "bgr", OBJECT, IMAGE))
    [sharp] = colours(View("margin", view.around).crops(frame, "bgr", OBJECT, IMAGE))
    inside = np.zeros((SIDE, SIDE), bool)
    inside[13:19, 10:22] = True  # of a window of 120 pixels
    np.testing.assert_allclose(seen[:, inside], sharp[:, inside], atol=1e-3)
    assert not np.allclose(seen[:, ~inside], sharp[:, ~inside], atol=5)
    assert seen[0][~inside].std() < sharp[0][~inside].std()


@given(st.data())
def test_any_box_in_any_view(data) -> None:
    """Boxes of one pixel, of none, of the whole frame, at its borders."""
    height, width = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 90))
    pixels = np.full((height, width, 3), 77, np.uint8)
    x = sorted(data.draw(st.floats(0, width, width=32)) for _ in range(2))
    y = sorted(data.draw(st.floats(0, height, width=32)) for _ in range(2))
    view = View(data.draw(st.sampled_from(KINDS)), data.draw(st.floats(0, 2)))
    boxes = np.array([[x[0], y[0], x[1], y[1]], [0, 0, width, height]], np.float32)
    seen = colours(view.crops(pixels, "bgr", boxes, IMAGE))
    assert seen.shape == (2, 3, SIDE, SIDE)
    bars = np.isclose(seen, np.array(MEAN)[:, None, None], atol=1e-3)  # beside what is no square
    smooth = view.kind == "blurred"  # which mixes the two
    assert (np.isclose(seen, 77, atol=1e-2) | bars | smooth).all()
    assert view.kind in ("margin", "blurred") or not bars.any()


def test_no_box_is_no_crop(frame) -> None:
    for kind in KINDS:
        assert usual_view(kind).crops(frame, "rgb", np.empty((0, 4)), IMAGE).shape[0] == 0


def test_blocks() -> None:
    for kind in KINDS:
        view = usual_view(kind)
        assert read_view(JsonReader(view.to_mapping(), "x")) == view
    for wrong in ({"kind": "upside down", "around": 0}, {"kind": "margin", "around": -1}):
        with pytest.raises(EngineError):
            read_view(JsonReader(wrong, "x"))
