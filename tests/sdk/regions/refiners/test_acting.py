"""How a box is moved and shaped, what is remembered, and what the values say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import contains, grow
from sdk.regions.refiners.acting import (
    ACTIONS,
    REMEMBERED,
    TRIGGER,
    likelihood,
    moved,
    nothing_done,
    remembered,
    shares,
)

FRAME = (200, 100)
BOX = np.array([80.0, 40.0, 120.0, 60.0])


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("left", (60, 40, 100, 60)),
        ("right", (100, 40, 140, 60)),
        ("up", (80, 30, 120, 50)),
        ("down", (80, 50, 120, 70)),
        ("bigger", (70, 35, 130, 65)),
        ("smaller", (90, 45, 110, 55)),
        ("fatter", (80, 45, 120, 55)),
        ("taller", (90, 40, 110, 60)),
        ("trigger", (80, 40, 120, 60)),
    ],
)
def test_each_action(action, expected):
    assert moved(BOX, ACTIONS.index(action), 0.5, FRAME) == pytest.approx(expected)


@given(
    st.tuples(st.integers(20, 900), st.integers(20, 900)),
    st.lists(st.integers(0, len(ACTIONS) - 1), max_size=14),
    st.floats(0.01, 0.9),
)
def test_a_box_never_leaves_the_frame(frame_wh, actions, step):
    whole = np.array([0.0, 0.0, *frame_wh])
    box = whole
    for action in actions:
        after = moved(box, action, step, frame_wh)
        assert contains(whole, after, 1e-6)
        assert (after[2:] - after[:2] >= 4.0 - 1e-6).all()
        if ACTIONS[action] in ("left", "right", "up", "down"):  # moved, not cut
            assert after[2:] - after[:2] == pytest.approx(box[2:] - box[:2])
        box = after


@given(st.lists(st.integers(0, len(ACTIONS) - 1), max_size=15))
def test_the_last_actions_are_remembered_latest_first(actions):
    past = nothing_done()
    for action in actions:
        past = remembered(past, action)
    latest = actions[::-1][:REMEMBERED]
    assert past.shape == (REMEMBERED, len(ACTIONS))
    assert past[: len(latest)].argmax(1).tolist() == latest
    assert past.sum() == len(latest)
    assert past.dtype == np.float32


def test_where_a_box_is():
    assert shares(BOX, FRAME).tolist() == pytest.approx([0.4, 0.4, 0.6, 0.6])
    assert shares(grow((0, 0, 1, 1), 1, (0, 0, *FRAME)), FRAME).dtype == np.float32


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 1), (-3, 0), (0, 0.5), (9, 1), (-9, 0), (np.nan, 0), (np.inf, 1)]
)
def test_the_value_of_the_trigger_is_a_probability(value, expected):
    values = np.zeros(len(ACTIONS), np.float32)
    values[TRIGGER] = value
    assert likelihood(values) == pytest.approx(expected)
