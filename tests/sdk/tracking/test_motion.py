"""Tracks: where to look next, and what an answer makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import contains, xyxy_to_cxcywh
from sdk.results.grounding import Grounding, Zoom
from sdk.tracking.motion import (
    Track,
    TrackPolicy,
    agrees,
    context,
    follow,
    is_cold,
    predict_window,
    start_at,
)

WH = (1920, 1080)
POLICY = TrackPolicy()
BOX = (900.0, 500.0, 940.0, 530.0)
WINDOW = (720.0, 380.0, 1120.0, 650.0)
CONTEXT = (-200.0, -135.0, 200.0, 135.0)  # of WINDOW, from the middle of BOX
FRAME = (0.0, 0.0, 1920.0, 1080.0)


def zoom(window, box, score):
    return Zoom(
        window_xyxy=np.array(window, np.float32),
        xyxy=np.array(box, np.float32),
        raw_score=score,
        candidates_xyxy=np.array([box], np.float32),
        candidates_scores=np.array([score], np.float32),
        progress=0.0,
        stop_probability=1.0,
    )


def answer(*steps, score=0.8, complete=True):
    """``steps``: (window, box) of each zoom."""
    zooms = tuple(zoom(window, box, score) for window, box in steps)
    return Grounding(
        ref="the van",
        found=False,
        score=score,
        xyxy=zooms[-1].xyxy if zooms else None,
        zooms=zooms,
        frame_wh=WH,
        engine="fake",
        timing_ms={"total": 1.0},
        complete=complete,
    )


def cold(box=BOX, score=0.8):
    return answer((FRAME, WINDOW), (WINDOW, box), score=score)


def warm(box=BOX, score=0.8):
    return answer((WINDOW, box), score=score)


def track(**changes):
    values = {
        "box_xyxy": np.array(BOX),
        "context_xyxy": np.array(CONTEXT),
        "first_score": 0.7,
        "velocity_xy": (0.0, 0.0),
        "level": 0.8,
        "time_s": 1.0,
        "confirmed": True,
    }
    return Track(**{**values, **changes})


def moved(box, dx, dy=0.0):
    return tuple(np.add(box, (dx, dy, dx, dy)))


def test_a_cold_answer_begins_a_track():
    made = follow(None, cold(), 1.0, POLICY)
    np.testing.assert_allclose(made.box_xyxy, BOX)
    np.testing.assert_allclose(made.context_xyxy, CONTEXT)
    assert made.first_score == 0.8
    assert (made.velocity_xy, made.level, made.time_s, made.age) == ((0.0, 0.0), 0.8, 1.0, 0)
    assert not made.confirmed


def test_velocity_is_that_of_the_last_two_boxes():
    made = follow(track(), warm(moved(BOX, 12.0, -3.0)), 1.5, POLICY)
    assert made.velocity_xy == pytest.approx((24.0, -6.0))
    assert (made.age, made.time_s, made.first_score) == (1, 1.5, 0.7)
    np.testing.assert_allclose(made.context_xyxy, CONTEXT)
    x, y, _, _ = xyxy_to_cxcywh(predict_window(made, 2.0, WH, POLICY))
    assert (x, y) == pytest.approx((932.0 + 12.0, 512.0 - 3.0))


def test_the_same_time_keeps_the_velocity():
    made = follow(track(velocity_xy=(5.0, 0.0)), warm(moved(BOX, 4.0)), 1.0, POLICY)
    assert made.velocity_xy == (5.0, 0.0)


def test_level_follows_the_score():
    made = follow(track(), warm(score=0.6), 1.1, POLICY)
    assert made.level == pytest.approx(0.8 + POLICY.level_weight * (0.6 - 0.8))


def test_a_window_grows_with_distance():
    for time_s in (1.0, 1.5):
        np.testing.assert_allclose(predict_window(track(), time_s, WH, POLICY), WINDOW)
    fast = predict_window(track(velocity_xy=(100.0, 0.0)), 1.5, WH, POLICY)
    lead = POLICY.lead * 50.0
    np.testing.assert_allclose(fast, np.add(WINDOW, (50.0 - lead, 0.0, 50.0 + lead, 0.0)))


def test_a_window_lies_about_its_object_as_the_search_left_it():
    off_centre = (880.0, 400.0, 1280.0, 650.0)
    made = follow(None, answer((FRAME, off_centre), (off_centre, BOX)), 1.0, POLICY)
    np.testing.assert_allclose(predict_window(made, 1.1, WH, POLICY), off_centre)


@given(
    box=st.tuples(*[st.floats(-500, 2500)] * 4),
    size=st.tuples(st.floats(1, 4000), st.floats(1, 4000)),
    speed=st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
    gap_s=st.floats(-1, 100),
)
def test_windows_lie_in_the_frame(box, size, speed, gap_s):
    context_xyxy = np.array([-size[0] / 3, -size[1] / 2, size[0] / 2, size[1]])
    made = track(box_xyxy=np.array(box), context_xyxy=context_xyxy, velocity_xy=speed)
    window = predict_window(made, 1.0 + gap_s, WH, POLICY)
    assert contains(FRAME, window, 1e-6)
    assert (window[2:] > window[:2]).all()


def test_start_restarts_only_for_sure_tracks():
    assert start_at(None, 1.1, WH, POLICY) is None
    assert start_at(track(), 1.1, WH, POLICY).restart_below == pytest.approx(0.32)
    assert start_at(track(confirmed=False), 1.1, WH, POLICY).restart_below == 0.0
    assert start_at(track(held=True), 1.1, WH, POLICY).restart_below == 0.0


def test_the_whole_frame_is_searched_every_few_frames():
    made = follow(None, cold(), 0.0, POLICY)
    colds = []
    for k in range(1, 13):
        start = start_at(made, k / 10, WH, POLICY)
        colds.append(start is None)
        made = follow(made, cold() if start is None else warm(), k / 10, POLICY)
    assert [k + 1 for k, is_it in enumerate(colds) if is_it] == [5, 10]


def test_the_newer_answer_of_the_whole_frame_is_believed():
    elsewhere = moved(BOX, 500.0)
    made = follow(track(age=3), cold(elsewhere), 1.1, POLICY)
    np.testing.assert_allclose(made.box_xyxy, elsewhere)
    assert (made.velocity_xy, made.confirmed) == ((0.0, 0.0), False)
    same = follow(track(age=3), cold(moved(BOX, 3.0)), 1.1, POLICY)
    assert same.velocity_xy == pytest.approx((30.0, 0.0))
    assert (same.confirmed, same.age) == (True, 0)


def test_a_lost_object_is_held_for_a_while():
    elsewhere = moved(BOX, 500.0)
    held = follow(track(velocity_xy=(10.0, 0.0)), cold(elsewhere, 0.2), 1.1, POLICY)
    assert held.held
    np.testing.assert_allclose(held.box_xyxy, BOX)
    held = follow(held, warm(score=0.1), 1.2, POLICY)
    assert held.held
    assert held.time_s == 1.0
    back = follow(held, warm(moved(BOX, 4.0)), 1.3, POLICY)
    assert not back.held
    assert back.level > 0.7
    gone = follow(held, cold(elsewhere, 0.2), 1.0 + POLICY.hold_s + 0.1, POLICY)
    np.testing.assert_allclose(gone.box_xyxy, elsewhere)


def test_something_as_good_elsewhere_ends_the_wait():
    elsewhere = moved(BOX, 500.0)
    made = follow(track(held=True), cold(elsewhere, 0.7), 1.2, POLICY)
    np.testing.assert_allclose(made.box_xyxy, elsewhere)


def test_one_search_that_is_not_borne_out_is_dropped():
    assert follow(track(confirmed=False), warm(score=0.1), 1.1, POLICY) is None


def test_no_box():
    assert follow(track(), answer(score=0.0), 1.1, POLICY) is None
    assert follow(None, answer(score=0.0), 1.1, POLICY) is None
    unfinished = answer(score=0.0, complete=False)
    known = track()
    assert follow(known, unfinished, 1.1, POLICY) is known
    assert follow(None, unfinished, 1.1, POLICY) is None


def test_a_search_that_a_deadline_stopped_goes_on_in_the_next_frame():
    stopped = answer((FRAME, WINDOW), score=0.5, complete=False)
    made = follow(None, stopped, 1.0, POLICY)
    np.testing.assert_allclose(predict_window(made, 1.0, WH, POLICY), WINDOW)
    start = start_at(made, 1.1, WH, POLICY)
    assert (start.restart_below, start.first_score) == (0.0, 0.5)
    kept = follow(track(age=3), stopped, 1.1, POLICY)
    np.testing.assert_allclose(kept.box_xyxy, BOX)
    assert kept.age == 0


def test_context_is_what_the_second_step_looked_at():
    np.testing.assert_allclose(context(cold()), CONTEXT)
    tight = (890.0, 490.0, 950.0, 540.0)
    three = answer((FRAME, WINDOW), (WINDOW, tight), (tight, BOX))
    np.testing.assert_allclose(context(three), CONTEXT)
    x1, y1, x2, y2 = context(answer((FRAME, WINDOW)))
    assert (x2 - x1, y2 - y1) == pytest.approx(WH)


def test_a_warm_answer_keeps_the_first_look_of_its_track():
    assert follow(track(), warm(score=0.6), 1.1, POLICY).first_score == 0.7
    assert follow(track(), cold(score=0.6), 1.1, POLICY).first_score == 0.6
    assert start_at(track(), 1.1, WH, POLICY).first_score == 0.7


def test_what_one_look_at_the_frame_finds_needs_no_start():
    made = follow(None, answer((FRAME, WINDOW)), 1.0, POLICY)
    assert start_at(made, 1.1, WH, POLICY) is None


def test_agreement():
    steady = track(velocity_xy=(100.0, 0.0))
    assert agrees(steady, cold(moved(BOX, 50.0)), 1.5, POLICY)
    assert not agrees(steady, cold(BOX), 1.5, POLICY)
    assert not agrees(steady, answer(), 1.5, POLICY)


def test_cold_and_warm():
    assert is_cold(cold())
    assert not is_cold(warm())


def test_hold_counts_frames_since_the_last_look():
    assert follow(track(age=1), warm(score=0.1), 1.1, POLICY).age == 2
    assert follow(track(age=1), cold(moved(BOX, 500.0), 0.1), 1.1, POLICY).age == 0


def test_policy_can_be_changed():
    never = replace(POLICY, look_every=10**9)
    assert start_at(track(age=10**6), 1.1, WH, never) is not None
