"""The path from a window to the network input, against the letterbox rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.letterbox import Letterbox
from sdk.preprocess import network_input

MEAN, STD = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)


@given(st.data())
def test_pixels_lie_where_the_letterbox_says(data):
    """A frame whose colours are its coordinates shows where each pixel was sampled."""
    rows, columns = np.mgrid[:200, :250]
    frame = np.stack([columns, rows, columns * 0], -1).astype(np.uint8)  # RGB
    x1, y1 = data.draw(st.floats(0, 180)), data.draw(st.floats(0, 150))
    x2, y2 = data.draw(st.floats(x1 + 9, 250)), data.draw(st.floats(y1 + 9, 200))
    input_hw = data.draw(st.tuples(st.integers(8, 60), st.integers(8, 60)))
    pixels = network_input(frame, (x1, y1, x2, y2), input_hw, (0, 0, 0), (1, 1, 1), "rgb")[0]
    fit = Letterbox((x1, y1, x2, y2), input_hw)
    (left, top), (width, height) = fit.offset_xy, fit.content_wh
    inner = pixels[:, top : top + height, left : left + width]
    xs = x1 + (np.arange(width) + 0.5) * (x2 - x1) / width - 0.5
    ys = y1 + (np.arange(height) + 0.5) * (y2 - y1) / height - 0.5
    rim = 2  # where the filter is cut off by the window
    if width > 2 * rim and height > 2 * rim:
        middle = inner[:, rim:-rim, rim:-rim]
        step = max((x2 - x1) / width, (y2 - y1) / height, 1)
        expected_x = np.broadcast_to(xs[None, rim:-rim], middle[0].shape)
        expected_y = np.broadcast_to(ys[rim:-rim, None], middle[1].shape)
        np.testing.assert_allclose(middle[0], expected_x, atol=0.3 * step)
        np.testing.assert_allclose(middle[1], expected_y, atol=0.3 * step)
    outside = pixels.copy()
    outside[:, top : top + height, left : left + width] = 0
    assert not outside.any()


def test_colours_are_normalised_in_rgb_order():
    frame = np.full((8, 8, 3), (30, 20, 10), np.uint8)  # BGR
    pixels = network_input(frame, (0, 0, 8, 8), (4, 4), MEAN, STD)
    expected = (np.array([10, 20, 30]) - MEAN) / STD
    np.testing.assert_allclose(pixels[0, :, 2, 2], expected, rtol=1e-5)


def test_a_buffer_is_reused():
    frame = np.full((8, 8, 3), 200, np.uint8)
    buffer = np.full((1, 3, 4, 8), 9.0, np.float32)
    pixels = network_input(frame, (0, 0, 8, 8), (4, 8), MEAN, STD, "bgr", buffer)
    assert np.shares_memory(pixels, buffer)
    assert not buffer[..., :2].any()


def test_windows_outside_of_the_frame_are_refused():
    frame = np.zeros((8, 8, 3), np.uint8)
    for window in [(0, 0, 9, 8), (-1, 0, 8, 8), (3, 3, 3, 5), (0, 0, np.nan, 8)]:
        with pytest.raises(ValueError, match="window"):
            network_input(frame, window, (4, 4), MEAN, STD)
