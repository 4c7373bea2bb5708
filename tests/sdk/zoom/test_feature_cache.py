"""Windows that look the same are encoded once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdk.zoom.feature_cache import SAME_PX, SharedWindows

INPUT_HW = (100, 200)


class Encoder:
    """Remembers what it encodes; the features of a window are a number."""

    def __init__(self) -> None:
        self.calls: list[list[list[float]]] = []

    def encode_images(self, frame, windows_xyxy):
        begin = sum(map(len, self.calls))
        self.calls.append(windows_xyxy.tolist())
        return list(range(begin, begin + len(windows_xyxy)))


def box(*values: float):
    return np.array(values, dtype=float)


def look(shared: SharedWindows, *windows):
    return shared.encode(shared.settle(windows))


def test_equal_windows_are_encoded_once_and_together():
    encoder = Encoder()
    shared = SharedWindows(encoder, None, INPUT_HW)
    a, b = box(0, 0, 400, 200), box(50, 50, 150, 100)
    assert look(shared, a, b, a.copy()) == [0, 1, 0]
    assert encoder.calls == [[a.tolist(), b.tolist()]]


def test_a_copy_of_a_settled_window_is_that_window():
    """What tells windows apart is where they lie, not which array says so."""
    encoder = Encoder()
    shared = SharedWindows(encoder, None, INPUT_HW)
    a = box(0, 0, 400, 200)
    assert len(shared.missing([a, a.copy()])) == 1
    assert shared.encode([a, a.copy()]) == [0, 0]
    assert shared.encode([a.copy()]) == [0]
    assert len(encoder.calls) == 1


def test_later_rounds_know_the_windows_of_earlier_ones():
    encoder = Encoder()
    shared = SharedWindows(encoder, None, INPUT_HW)
    a, b = box(0, 0, 400, 200), box(50, 50, 150, 100)
    look(shared, a)
    assert look(shared, b, a.copy()) == [1, 0]
    assert len(encoder.calls) == 2


def test_windows_a_quarter_of_an_input_pixel_apart_are_one():
    shared = SharedWindows(Encoder(), None, INPUT_HW)
    frame_px = 400 / 200  # of the frame, for a pixel of the input
    near, far = SAME_PX * frame_px * 0.99, SAME_PX * frame_px * 1.01
    a = box(0, 0, 400, 200)
    settled = shared.settle([a, a + near, a + far])
    assert settled[1] is a
    assert settled[2] is not a


def test_what_is_the_same_is_not_passed_on():
    """A window joins the first of its kind, not one that joined it: errors do not add up."""
    shared = SharedWindows(Encoder(), None, INPUT_HW)
    a, step = box(0, 0, 400, 200), SAME_PX * 2 * 0.9
    settled = shared.settle([a, a + step, a + 2 * step])
    assert settled[1] is a
    assert settled[2] is not a


def test_no_windows():
    encoder = Encoder()
    shared = SharedWindows(encoder, None, INPUT_HW)
    assert look(shared) == []
    assert encoder.calls == []


def test_old_features_are_forgotten():
    encoder = Encoder()
    shared = SharedWindows(encoder, None, INPUT_HW)
    first = box(0, 0, 400, 200)
    look(shared, first)
    look(shared, *(first + 10 * k for k in range(1, 40)))
    assert look(shared, first) == [40]  # again


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=30))
def test_each_window_gets_the_features_of_one_that_looks_the_same(corners):
    encoder = Encoder()
    shared = SharedWindows(encoder, None, INPUT_HW)
    windows = [box(x / 8, y / 8, x / 8 + 100, y / 8 + 50) for x, y in corners]
    images = look(shared, *windows)
    encoded = [each for call in encoder.calls for each in call]
    for window, image in zip(windows, images, strict=True):
        assert np.abs(window - encoded[image]).max() <= SAME_PX * 0.5
