"""The control flow of the zoom search: when it stops, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import contains
from sdk.results.grounding import Candidates
from sdk.zoom.search import search
from sdk.zoom.state import SearchConfig, ZoomPolicy

FRAME_WH, INPUT_HW = (400, 300), (150, 200)  # no letterbox bars in the first window
NAN, INF = float("nan"), float("inf")


class ScriptedSession:
    """A session whose networks answer from a script, and which remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = [Candidates(np.array(b, np.float32), np.array(s)) for b, s in answers]
        self.windows, self.progress = [], []

    def upload(self, frame):
        return frame

    def encode_text(self, tokens):
        return tokens

    def encode_images(self, frame, windows_xyxy):
        self.windows += [window.copy() for window in windows_xyxy]
        return list(windows_xyxy)

    def ground(self, looks):
        return [self.answer(look) for look in looks]

    def answer(self, look):
        self.progress.append(look.progress)
        return self.answers[min(len(self.progress), len(self.answers)) - 1]


def never(history):
    return 0.0, 0.1 * len(history)


def run(session, history=never, **policy):
    rules = SearchConfig(history, ZoomPolicy(**policy), INPUT_HW)
    return search(session, None, FRAME_WH, ["a text"], rules)[0]


MIDDLE = ([[0.25, 0.25, 0.75, 0.75]], [0.9])


def test_a_search_that_never_stops_ends_at_the_last_step():
    session = ScriptedSession(MIDDLE)
    found = run(session, max_steps=3)
    assert found.fault is None
    assert len(found.zooms) == len(session.windows) == 3
    assert found.zooms[0].xyxy.tolist() == [100, 75, 300, 225]
    assert found.zooms[-1].xyxy.tolist() == [175, 131.25, 225, 168.75]


def test_the_history_decides_before_the_next_step():
    session = ScriptedSession(MIDDLE)
    found = run(session, lambda history: (float(len(history) == 3), 0.0), max_steps=5)
    assert len(session.windows) == 2
    assert [zoom.stop_probability for zoom in found.zooms] == [0.0, 1.0]


def test_there_is_always_a_first_step():
    session = ScriptedSession(MIDDLE)
    found = run(session, lambda history: (1.0, 0.0))
    assert len(found.zooms) == len(session.windows) == 1


def test_the_history_holds_fractional_boxes_from_the_frame_on():
    seen = []

    def remember(history):
        seen.append(history.copy())
        return 0.0, 0.0

    run(ScriptedSession(([[0.1, 0.1, 0.3333, 0.7]], [0.9])), remember, max_steps=2)
    assert [len(history) for history in seen] == [1, 2, 3]
    assert seen[0].tolist() == [[0, 0, 400, 300]]
    np.testing.assert_allclose(seen[1][1], [40, 30, 93.32, 180], atol=1e-4)


def test_progress_is_rounded_and_limited():
    values = iter([0.524, -3.0, 0.125, 7.0, 0.0, 0.0])
    session = ScriptedSession(MIDDLE)
    run(session, lambda history: (0.0, next(values)), max_steps=4)
    assert session.progress == pytest.approx([0.5, 0.0, 0.1, 1.0])  # 0.125 / 0.05: half to even


@pytest.mark.parametrize(
    "boxes",
    [
        [[NAN, 0, 1, 1]],
        [[0, 0, INF, 1]],
        [[-INF, -INF, INF, INF]],
        [[0.5, 0.5, 0.5, 0.9]],
        [[0.8, 0.8, 0.2, 0.2]],
        [[1.5, 1.5, 1.9, 1.9]],
        np.zeros((0, 4)),
    ],
)
def test_without_a_usable_box_the_search_breaks_off(boxes):
    found = run(ScriptedSession((boxes, np.full(len(boxes), 0.9))))
    assert found.zooms == ()
    assert "no finite box" in found.fault


def test_a_score_that_is_not_finite_makes_a_box_unusable():
    assert run(ScriptedSession(([[0, 0, 1, 1]], [NAN]))).fault is not None


def test_the_next_usable_candidate_is_taken():
    boxes = [[NAN] * 4, [0.9, 0.9, 0.1, 0.1], [0.25, 0.25, 0.75, 0.75]]
    zoom = run(ScriptedSession((boxes, [0.9, 0.8, 0.7])), max_steps=1).zooms[0]
    assert zoom.xyxy.tolist() == [100, 75, 300, 225]
    assert zoom.raw_score == pytest.approx(0.7)
    assert zoom.candidates_xyxy.shape == (3, 4)
    assert np.isnan(zoom.candidates_xyxy[0]).all()


def test_a_box_thinner_than_a_pixel_breaks_the_search_off():
    thin = ([[0.5, 0.2, 0.5024, 0.8]], [0.9])  # 0.96 px
    found = run(ScriptedSession(thin))
    assert found.zooms == ()
    assert "less than a pixel" in found.fault


def test_a_later_fault_keeps_the_steps_before_it():
    found = run(ScriptedSession(MIDDLE, ([[NAN] * 4], [0.9])))
    assert len(found.zooms) == 1
    assert found.fault is not None


def test_boxes_are_clipped_to_their_window():
    zoom = run(ScriptedSession(([[-0.5, -9, 0.5, 9]], [0.9])), max_steps=1).zooms[0]
    assert zoom.xyxy.tolist() == [0, 0, 200, 300]


def test_small_windows_grow_inside_the_one_before():
    corner = ([[0.0, 0.0, 0.02, 0.02]], [0.9])  # 8 x 6 px
    session = ScriptedSession(corner, MIDDLE)
    found = run(session, max_steps=2, min_window_px=32.0)
    assert found.zooms[0].xyxy.tolist() == pytest.approx([0, 0, 8, 6])
    assert session.windows[1].tolist() == pytest.approx([0, 0, 32, 32])


number = st.one_of(st.floats(width=32), st.floats(-0.25, 1.25, width=32))
answer = st.lists(st.tuples(number, number, number, number), min_size=0, max_size=3)


@given(st.lists(answer, min_size=1, max_size=4))
def test_whatever_the_networks_say_windows_nest_and_boxes_are_sane(answers):
    script = [(np.array(boxes).reshape(-1, 4), np.full(len(boxes), 0.5)) for boxes in answers]
    session = ScriptedSession(*script)
    found = run(session, max_steps=5)
    outer = np.array([0, 0, *FRAME_WH])
    for window in session.windows:
        assert contains(outer, window)
        assert (window[2:] - window[:2] >= 1).all()
        outer = window
    for zoom in found.zooms:
        assert np.isfinite(zoom.xyxy).all()
        assert contains(zoom.window_xyxy, zoom.xyxy, tolerance=1e-3)
        assert (zoom.xyxy[2:] - zoom.xyxy[:2] > 0.99).all()
