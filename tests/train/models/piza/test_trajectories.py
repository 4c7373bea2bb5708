"""Zoom trajectories: windows that hold the target, or surely miss it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sdk.geometry import area, contains, intersection
from train.models.piza.trajectories import (
    FIRST_EXPONENT,
    LAST_WINDOW,
    jittered_window,
    next_box,
    progress,
    shared_window,
    visible,
    wandering_window,
    zoom_window,
)

PX = 1e-6  # pixels that rounding may cost
UNIT = st.floats(0, 1, width=32)
FRAMES = st.tuples(st.integers(1, 6000), st.integers(1, 4000))
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def places(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int]]:
    """A target in a frame: from a pixel to the whole frame, also at the borders."""
    frame_wh = draw(FRAMES)
    sides = [1 + (frame - 1) * draw(UNIT) ** draw(st.sampled_from([1, 4])) for frame in frame_wh]
    start = [(frame - side) * draw(UNIT) for frame, side in zip(frame_wh, sides, strict=True)]
    stop = [min(a + b, f) for a, b, f in zip(start, sides, frame_wh, strict=True)]
    return np.array([*start, *stop]), frame_wh


def frame_box(frame_wh: tuple[int, int]) -> np.ndarray:
    return np.array([0.0, 0.0, *frame_wh])


@given(places(), UNIT)
def test_windows_hold_the_target_and_lie_in_the_frame(place, exponent) -> None:
    target, frame_wh = place
    window = zoom_window(target, frame_box(frame_wh), exponent)
    assert contains(window, target, PX)
    assert contains(frame_box(frame_wh), window, PX)


@given(places(), UNIT)
def test_area_law(place, exponent) -> None:
    """area = frame area * r ** exponent, and each side likewise."""
    target, frame_wh = place
    window = zoom_window(target, frame_box(frame_wh), exponent)
    whole = float(frame_wh[0] * frame_wh[1])
    expected = whole * (area(target) / whole) ** exponent
    assert area(window) == pytest.approx(expected, rel=1e-6)
    sides, target_sides = window[2:] - window[:2], target[2:] - target[:2]
    np.testing.assert_allclose(
        sides, np.array(frame_wh) * (target_sides / frame_wh) ** exponent, rtol=1e-6
    )


def test_published_first_window() -> None:
    """r ** 0.39: a 30 x 30 target in 1920 x 1080 is looked for in a fifth of the width."""
    target = np.array([945.0, 525, 975, 555])
    window = zoom_window(target, frame_box((1920, 1080)), FIRST_EXPONENT)
    assert area(window) == pytest.approx(1920 * 1080 * (900 / (1920 * 1080)) ** 0.39)
    np.testing.assert_allclose(window[:2] + window[2:], [1920, 1080])  # about the target
    np.testing.assert_allclose(window[2:] - window[:2], [379, 267], atol=1)


@given(places(), UNIT, UNIT)
def test_larger_exponents_zoom_further(place, one, other) -> None:
    """Windows are nested, and progress is the exponent."""
    target, frame_wh = place
    assume(area(target) < 0.5 * frame_wh[0] * frame_wh[1])
    low, high = sorted((one, other))
    outer, inner = (zoom_window(target, frame_box(frame_wh), e) for e in (low, high))
    assert contains(outer, inner, PX)
    far, near = (progress(window, target, frame_wh) for window in (inner, outer))
    assert 0 <= near <= far + 1e-9 <= 1 + 1e-9
    assert progress(outer, target, frame_wh) == pytest.approx(low, abs=1e-5)


@given(places())
def test_progress_at_both_ends(place) -> None:
    target, frame_wh = place
    small = area(target) < 0.999 * frame_wh[0] * frame_wh[1]
    assert progress(target, target, frame_wh) == pytest.approx(1)
    if small:
        assert progress(frame_box(frame_wh), target, frame_wh) == 0


def test_progress_when_the_target_is_the_frame() -> None:
    assert progress([0, 0, 640, 480], [0, 0, 640, 480], (640, 480)) == 1.0


@given(places(), SEEDS)
def test_a_search_by_the_book_ends_at_the_target(place, seed) -> None:
    """From the frame, through next boxes, to the target, in three steps at most."""
    target, frame_wh = place
    window = frame_box(frame_wh)
    windows = [window]
    for _ in range(3):
        window = next_box(target, window, frame_wh)
        windows.append(window)
        if np.array_equal(window, target):
            break
    assert np.array_equal(window, target)
    for outer, inner in itertools.pairwise(windows):
        assert contains(outer, inner, PX)
    jittered = jittered_window(target, frame_wh, np.random.default_rng(seed))
    following = next_box(target, jittered, frame_wh)
    assert contains(jittered, following, PX)
    assert contains(following, target, PX)


def test_a_window_close_enough_leads_to_the_target() -> None:
    target, frame_wh = np.array([500.0, 300, 530, 340]), (1920, 1080)
    close = zoom_window(target, frame_box(frame_wh), LAST_WINDOW + 0.01)
    wide = zoom_window(target, frame_box(frame_wh), LAST_WINDOW - 0.01)
    np.testing.assert_array_equal(next_box(target, close, frame_wh), target)
    assert area(next_box(target, wide, frame_wh)) > 2 * area(target)


@given(places(), SEEDS)
def test_jittered_windows_never_lose_the_target(place, seed) -> None:
    target, frame_wh = place
    window = jittered_window(target, frame_wh, np.random.default_rng(seed))
    assert contains(window, target, PX)
    assert contains(frame_box(frame_wh), window, PX)
    assert (window[2:] - window[:2] >= 1 - PX).all()
    again = jittered_window(target, frame_wh, np.random.default_rng(seed))
    np.testing.assert_array_equal(window, again)


def test_jittered_windows_are_close_enough() -> None:
    """What follows a first step is the target itself, but for the widest of windows."""
    target, frame_wh = np.array([900.0, 500, 930, 530]), (1920, 1080)
    rng = np.random.default_rng(0)
    windows = [jittered_window(target, frame_wh, rng) for _ in range(400)]
    direct = [np.array_equal(next_box(target, window, frame_wh), target) for window in windows]
    assert np.mean(direct) > 0.98


def test_jittered_windows_vary() -> None:
    """Sizes by a factor of about e in area; the target anywhere in them, not in the middle."""
    target, frame_wh = np.array([900.0, 500, 930, 530]), (1920, 1080)
    rng = np.random.default_rng(0)
    windows = np.array([jittered_window(target, frame_wh, rng) for _ in range(400)])
    ideal = area(zoom_window(target, frame_box(frame_wh), FIRST_EXPONENT))
    ratios = area(windows) / ideal
    assert ratios.min() < 0.55
    assert ratios.max() > 1.8
    middle = (target[:2] + target[2:]) / 2
    relative = (middle - windows[:, :2]) / (windows[:, 2:] - windows[:, :2])
    assert relative.min() < 0.15
    assert relative.max() > 0.85
    assert 0.4 < relative.mean() < 0.6


@given(st.lists(places(), min_size=0, max_size=8), places(), SEEDS)
def test_wandering_windows_miss_the_target(others, place, seed) -> None:
    target, frame_wh = place
    scale = np.array([*frame_wh, *frame_wh])
    boxes = [box / np.array([*wh, *wh]) * scale for box, wh in others]
    boxes = [box for box in boxes if (box[2:] - box[:2] >= 1).all()]
    window = wandering_window(boxes, target, frame_wh, np.random.default_rng(seed))
    if window is not None:
        assert intersection(window, target) == 0
        assert contains(frame_box(frame_wh), window, PX)
        assert any(contains(window, box, PX) for box in boxes)
        again = wandering_window(boxes, target, frame_wh, np.random.default_rng(seed))
        np.testing.assert_array_equal(window, again)


def test_wandering_needs_somewhere_to_go() -> None:
    rng = np.random.default_rng(0)
    target = np.array([100.0, 100, 120, 120])
    assert wandering_window([], target, (640, 480), rng) is None
    assert wandering_window([target], target, (640, 480), rng) is None
    assert wandering_window([[600, 440, 630, 470]], target, (640, 480), rng) is not None


@pytest.mark.parametrize(
    "target",
    [
        [0, 0, 640, 480],  # as large as the frame
        [0, 0, 640, 1],
        [0, 0, 1, 1],
        [639, 479, 640, 480],
        [0, 200, 640, 280],
        [320, 240, 321, 241],
    ],
)
def test_degenerate_targets(target) -> None:
    frame_wh, rng = (640, 480), np.random.default_rng(0)
    for exponent in (0.0, FIRST_EXPONENT, 1.0):
        window = zoom_window(target, frame_box(frame_wh), exponent)
        assert contains(window, target, PX)
        assert contains(frame_box(frame_wh), window, PX)
    for _ in range(20):
        window = jittered_window(target, frame_wh, rng)
        assert contains(window, target, PX)
        assert contains(frame_box(frame_wh), window, PX)
        assert 0 <= progress(window, target, frame_wh) <= 1


def test_visible_objects_lie_wholly_in_the_window() -> None:
    boxes = [[10, 10, 20, 20], [0, 10, 20, 20], [50, 50, 60, 60], [10, 10, 40, 40]]
    np.testing.assert_array_equal(visible(boxes, [10, 10, 40, 40]), [True, False, False, True])
    assert visible([], [0, 0, 5, 5]).shape == (0,)


@given(places(), SEEDS)
def test_shared_windows_hold_both(place, seed) -> None:
    target, frame_wh = place
    rng = np.random.default_rng(seed)
    size = target[2:] - target[:2]
    start = rng.uniform(0, 1, 2) * (np.array(frame_wh) - size)
    other = np.concatenate([start, start + size])
    window = shared_window(target, other, frame_wh, rng)
    ideal = zoom_window(target, frame_box(frame_wh), FIRST_EXPONENT)
    if window is None:  # they are too far apart
        apart = np.maximum(target[2:], other[2:]) - np.minimum(target[:2], other[:2])
        assert (apart > ideal[2:] - ideal[:2]).any()
    else:
        assert contains(window, target, PX)
        assert contains(window, other, PX)
        assert contains(frame_box(frame_wh), window, PX)


def test_neighbours_share_a_window() -> None:
    rng, target = np.random.default_rng(0), [900.0, 500, 935, 535]
    near, far = [1050.0, 520, 1080, 550], [100.0, 520, 130, 550]
    assert shared_window(target, far, (1920, 1080), rng) is None
    windows = [shared_window(target, near, (1920, 1080), rng) for _ in range(20)]
    assert all(contains(window, [target, near], PX).all() for window in windows)
    assert len({tuple(window) for window in windows}) == 20
