"""Boxes and the letterbox rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sdk import geometry
from sdk.letterbox import Letterbox, round_half_up

coordinate = st.floats(-3000, 3000, width=32)
length = st.floats(0.5, 4000)
side = st.integers(1, 900)


@st.composite
def boxes(draw):
    x, y = draw(coordinate), draw(coordinate)
    return np.array([x, y, x + draw(length), y + draw(length)])


@st.composite
def letterboxes(draw):
    window = draw(boxes())
    return Letterbox(tuple(window.tolist()), (draw(side), draw(side)))


@pytest.mark.parametrize("shape", [(0, 4), (3, 0, 4)])
def test_empty_arrays(shape):
    empty = np.zeros(shape)
    assert geometry.area(empty).shape == shape[:-1]
    assert geometry.iou(empty, empty).shape == shape[:-1]
    assert geometry.clip(empty, (0, 0, 9, 9)).shape == shape
    assert geometry.contains(empty, empty).shape == shape[:-1]
    for convert in (
        geometry.xyxy_to_xywh,
        geometry.xywh_to_xyxy,
        geometry.xyxy_to_cxcywh,
        geometry.cxcywh_to_xyxy,
        Letterbox((0, 0, 9, 9), (5, 5)).to_frame,
        Letterbox((0, 0, 9, 9), (5, 5)).to_unit,
    ):
        assert convert(empty).shape == shape


def test_pairwise_with_an_empty_side():
    assert geometry.pairwise_iou([], [[0, 0, 1, 1]]).shape == (0, 1)
    assert geometry.pairwise_iou([[0, 0, 1, 1]], []).shape == (1, 0)


@pytest.mark.parametrize("wrong", [5.0, [1, 2, 3], np.zeros((4, 5)), "box"])
def test_what_is_no_box(wrong):
    with pytest.raises(ValueError, match=r"shape|convert"):
        geometry.area(wrong)


@pytest.mark.parametrize(
    ("box", "expected"),
    [((0, 0, 2, 3), 6), ((0, 0, 0, 3), 0), ((2, 2, 0, 0), 0), ((-1, -1, 1, 1), 4)],
)
def test_area(box, expected):
    assert geometry.area(box) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 1),
        ((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3),
        ((0, 0, 2, 2), (2, 0, 4, 2), 0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0),
        ((3, 3, 1, 1), (0, 0, 9, 9), 0),
    ],
)
def test_iou(a, b, expected):
    assert geometry.iou(a, b) == pytest.approx(expected)
    assert geometry.pairwise_iou([a], [b])[0, 0] == pytest.approx(expected)


@given(boxes(), boxes())
def test_iou_is_a_symmetric_fraction(a, b):
    value = float(geometry.iou(a, b))
    assert 0 <= value <= 1 + 1e-9
    assert value == pytest.approx(float(geometry.iou(b, a)))
    assert geometry.iou(a, a) == pytest.approx(1)


@given(boxes())
def test_layouts_round_trip(box):
    for there, back in (
        (geometry.xyxy_to_xywh, geometry.xywh_to_xyxy),
        (geometry.xyxy_to_cxcywh, geometry.cxcywh_to_xyxy),
    ):
        np.testing.assert_allclose(back(there(box)), box, atol=1e-8)


@given(boxes(), boxes())
def test_clipped_boxes_lie_in_the_window(box, window):
    clipped = geometry.clip(box, window)
    assert geometry.contains(window, clipped)
    assert geometry.area(clipped) == pytest.approx(float(geometry.intersection(box, window)))


@given(boxes(), boxes(), st.floats(1, 500))
def test_grown_boxes_nest(box, window, least):
    inner = geometry.clip(box, window)
    assume(geometry.area(inner) > 0)
    grown = geometry.grow(inner, least, window)
    assert geometry.contains(window, grown)
    assert geometry.contains(grown, inner, tolerance=1e-9)
    sides = grown[2:] - grown[:2]
    np.testing.assert_array_less(np.minimum(least, window[2:] - window[:2]) - 1e-6, sides + 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_whole_frame_is_exactly_that(dtype):
    whole = np.array([0, 0, 1920, 1080], dtype)
    assert geometry.is_whole_frame(whole, (1920, 1080))
    assert not geometry.is_whole_frame(whole, (1080, 1920))
    assert not geometry.is_whole_frame(whole - np.array([0, 0, 0.25, 0], dtype), (1920, 1080))


def test_growing_keeps_the_centre_and_the_long_sides():
    grown = geometry.grow((10, 10, 12, 60), 32, (0, 0, 100, 100))
    assert grown.tolist() == [0, 10, 32, 60]  # shifted off the left border
    grown = geometry.grow((50, 10, 52, 60), 32, (0, 0, 100, 100))
    assert grown.tolist() == [35, 10, 67, 60]


@pytest.mark.parametrize(
    ("value", "expected"), [(0.5, 1), (1.5, 2), (2.5, 3), (2.4999, 2), (-0.5, 0)]
)
def test_halves_round_up(value, expected):
    assert round_half_up(value) == expected


@pytest.mark.parametrize(
    ("window", "input_hw", "content_wh", "offset_xy"),
    [
        ((0, 0, 1920, 1080), (384, 640), (640, 360), (0, 12)),
        ((0, 0, 100, 100), (384, 640), (384, 384), (128, 0)),
        ((0.25, 0.5, 3.75, 4), (7, 8), (7, 7), (0, 0)),
        ((0, 0, 10000, 1), (64, 64), (64, 1), (0, 31)),  # never thinner than a pixel
        ((0, 0, 1, 2), (3, 3), (2, 3), (0, 0)),  # 1.5 -> 2; the odd pixel goes right
    ],
)
def test_letterbox_rule(window, input_hw, content_wh, offset_xy):
    fit = Letterbox(window, input_hw)
    assert fit.content_wh == content_wh
    assert fit.offset_xy == offset_xy


@given(letterboxes(), boxes())
def test_letterbox_round_trip(fit, box):
    scale = 1 + np.abs(box).max() + np.abs(fit.window_xyxy).max()
    np.testing.assert_allclose(fit.to_frame(fit.to_unit(box)), box, atol=1e-9 * scale)


@given(letterboxes())
def test_the_content_is_the_window(fit):
    (left, top), (width, height) = fit.offset_xy, fit.content_wh
    input_h, input_w = fit.input_hw
    assert 0 <= left <= left + width <= input_w
    assert 0 <= top <= top + height <= input_h
    assert width == input_w or height == input_h
    content = np.array([left, top, left + width, top + height]) / ([input_w, input_h] * 2)
    np.testing.assert_allclose(fit.to_frame(content), fit.window_xyxy, atol=1e-6)


@given(letterboxes())
def test_pixels_sample_where_the_rule_says(fit):
    """The centre of output pixel j lies at x1 + (j - left + 0.5) * w / content_w."""
    input_w, column = fit.input_hw[1], fit.offset_xy[0]
    x1, _, x2, _ = fit.window_xyxy
    unit = [(column + 0.5) / input_w, 0, (column + 0.5) / input_w, 0]
    expected = x1 + 0.5 * (x2 - x1) / fit.content_wh[0]
    assert fit.to_frame(unit)[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "window", [(0, 0, 0, 5), (5, 5, 1, 1), (0, 0, math.nan, 1), (0, 0, math.inf, 1)]
)
def test_a_window_without_area_has_no_letterbox(window):
    with pytest.raises(ValueError, match="finite window with positive sides"):
        Letterbox(window, (8, 8))


def test_an_empty_input_has_no_letterbox():
    with pytest.raises(ValueError, match="at least 1x1"):
        Letterbox((0, 0, 1, 1), (0, 8))
