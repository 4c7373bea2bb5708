"""Several searches side by side: beams, starts, deadlines; on networks that follow a map."""

from __future__ import annotations

import numpy as np
import pytest

from sdk.results.grounding import Candidates
from sdk.timing import Deadline, LatencyEstimator
from sdk.zoom.search import MAX_LOOKS, search
from sdk.zoom.state import Closer, SearchConfig, Start, ZoomPolicy

FRAME_WH, INPUT_HW = (400, 300), (150, 200)
WHOLE = (0.0, 0.0, 400.0, 300.0)


class MapSession:
    """Networks over a map: for each text the places (frame pixels) and scores that it offers, those
    that lie in the window. Every call takes 10 ms for each window and 5 ms for each look."""

    def __init__(self, places) -> None:
        self.places, self.now = places, 0.0
        self.windows: list[tuple[float, ...]] = []
        self.rounds: list[int] = []

    def encode_images(self, frame, windows_xyxy):
        self.now += 0.010 * len(windows_xyxy)
        self.windows += [tuple(window.tolist()) for window in windows_xyxy]
        return list(windows_xyxy)

    def ground(self, looks):
        self.now += 0.005 * len(looks)
        self.rounds.append(len(looks))
        return [self.offer(look.image, look.text) for look in looks]

    def offer(self, window, text):
        size = np.array([*(window[2:] - window[:2])] * 2)
        scale = min(200 / size[0], 150 / size[1])
        content = np.round(size[:2] * scale)
        shift = (np.array([200, 150]) - content) // 2
        rows = []
        for box, score in self.places[text]:
            inside = (box[:2] >= window[:2] - 1e-6).all() and (box[2:] <= window[2:] + 1e-6).all()
            if inside and (box[2:] - box[:2] < (window[2:] - window[:2]) * 0.95).any():
                pixels = (box - np.array([*window[:2]] * 2)) * np.array([*(content / size[:2])] * 2)
                unit = (pixels + np.array([*shift] * 2)) / np.array([200, 150] * 2)
                rows.append((unit, score))
        rows.sort(key=lambda row: -row[1])
        boxes = np.array([unit for unit, _ in rows], np.float32).reshape(-1, 4)
        return Candidates(boxes, np.array([score for _, score in rows], np.float32))


def place(x, y, side, score):
    return np.array([x, y, x + side, y + side * 0.75], float), score


PLACES = {
    "left": [place(20, 40, 160, 0.5), place(60, 70, 20, 0.9), place(220, 40, 160, 0.3)],
    "right": [place(220, 40, 160, 0.5), place(300, 70, 20, 0.8)],
    # The better place has the worse object.
    "either": [
        place(20, 40, 160, 0.5),
        place(60, 70, 20, 0.4),
        place(220, 40, 160, 0.45),
        place(300, 70, 20, 0.9),
    ],
    "nothing": [],
}
SMALL_LEFT, SMALL_RIGHT = (60, 70, 80, 85), (300, 70, 320, 85)


def stop_at_small(history_xywh):
    return float(history_xywh[-1][2] < 30), 0.1 * len(history_xywh)


def offered_first(session):
    """The big places look better from far, the small ones are seen from near only."""
    full = session.offer

    def offer(window, text):
        found = full(window, text)
        if window[2] - window[0] < 399:
            return found
        unit_wide = found.boxes_unit[:, 2] - found.boxes_unit[:, 0]
        return Candidates(found.boxes_unit[unit_wide > 0.2], found.scores[unit_wide > 0.2])

    session.offer = offer
    return session


@pytest.fixture
def session() -> MapSession:
    return offered_first(MapSession(PLACES))


def rules(**changes):
    return SearchConfig(
        stop_at_small, ZoomPolicy(max_steps=3, min_window_px=4), INPUT_HW, **changes
    )


def run(session, *texts, starts=None, deadline=None, **changes):
    return search(session, None, FRAME_WH, texts, rules(**changes), starts, deadline)


def final(outcome):
    return pytest.approx(tuple(outcome.zooms[-1].xyxy), abs=1.0)


def test_several_are_found_side_by_side(session):
    left, right, nothing = run(session, "left", "right", "nothing")
    assert final(left) == SMALL_LEFT
    assert final(right) == SMALL_RIGHT
    assert nothing.zooms == ()
    assert nothing.fault is not None
    assert session.windows.count(WHOLE) == 1
    assert session.rounds == [3, 2]


def test_together_as_alone(session):
    texts = ["left", "right", "either", "left", "nothing"]
    together = run(session, *texts)
    for text, outcome in zip(texts, together, strict=True):
        (alone,) = run(session, text)
        assert outcome.fault == alone.fault
        assert [z.xyxy.tolist() for z in outcome.zooms] == [z.xyxy.tolist() for z in alone.zooms]


def test_no_texts(session):
    assert run(session) == []
    assert session.windows == []


def test_more_looks_than_fit_at_once(session):
    texts = ["left", "right"] * MAX_LOOKS
    outcomes = run(session, *texts)
    assert max(session.rounds) == MAX_LOOKS
    assert len(session.windows) == 3  # the frame and two places, whoever looks at them
    assert all(final(outcome) == SMALL_LEFT for outcome in outcomes[::2])
    assert all(final(outcome) == SMALL_RIGHT for outcome in outcomes[1::2])


def test_a_beam_ends_with_the_best(session):
    (narrow,) = run(session, "either")
    assert final(narrow) == SMALL_LEFT
    (wide,) = run(session, "either", beam=2)
    assert final(wide) == SMALL_RIGHT
    assert [zoom.raw_score for zoom in wide.zooms] == pytest.approx([0.45, 0.9])


def test_a_beam_follows_places_not_copies():
    copies = [place(20, 40, 160, 0.5), place(22, 42, 160, 0.49), place(60, 70, 20, 0.4)]
    session = offered_first(MapSession({"x": copies}))
    run(session, "x", beam=4)
    assert session.rounds == [1, 1]


def test_a_beam_wider_than_what_is_offered(session):
    (outcome,) = run(session, "right", beam=16)
    assert final(outcome) == SMALL_RIGHT


def test_a_start_saves_the_first_step(session):
    (outcome,) = run(session, "left", starts=[Start((20, 40, 180, 160), 0.5)])
    assert final(outcome) == SMALL_LEFT
    assert len(outcome.zooms) == 1
    assert WHOLE not in session.windows


def test_a_start_that_leads_nowhere_begins_again(session):
    for start in (Start((200, 150, 400, 300)), Start((20, 40, 180, 160), 0.95)):
        (outcome,) = run(session, "left", starts=[start])
        assert final(outcome) == SMALL_LEFT
        assert len(outcome.zooms) == 2
    assert len(outcome.abandoned) == 1  # of the second: a score below 0.95
    assert outcome.complete


@pytest.mark.parametrize("window", [(-50, -50, 30, 30), (395, 295, 900, 900), (500, 500, 600, 600)])
def test_a_start_is_clipped_to_the_frame(session, window):
    run(session, "left", starts=[Start(window, 0.5)])
    x1, y1, x2, y2 = session.windows[0]
    assert 0 <= x1 < x2 <= 400
    assert 0 <= y1 < y2 <= 300


def test_warm_and_cold_searches_share_rounds(session):
    warm, cold = run(session, "left", "right", starts=[Start((20, 40, 180, 160)), None])
    assert final(warm) == SMALL_LEFT
    assert final(cold) == SMALL_RIGHT
    assert session.rounds == [2, 1]


def timed(session, limit_ms):
    return Deadline(LatencyEstimator(lambda: session.now), limit_ms)


def taught(session):
    """A pace that knows what steps cost."""
    pace = LatencyEstimator(lambda: session.now)
    for _ in range(20):
        run(session, "left", deadline=Deadline(pace, None))
    session.windows.clear()
    session.rounds.clear()
    return pace


def test_a_deadline_stops_before_the_step_that_would_overrun(session):
    pace = taught(session)
    (outcome,) = run(session, "left", deadline=Deadline(pace, 20))  # a step takes 15 ms
    assert len(outcome.zooms) == 1
    assert not outcome.complete
    assert outcome.fault is None
    (outcome,) = run(session, "left", deadline=Deadline(pace, 35))
    assert outcome.complete
    assert final(outcome) == SMALL_LEFT


def test_a_deadline_too_short_for_any_step(session):
    pace = taught(session)
    (outcome,) = run(session, "left", deadline=Deadline(pace, 8))
    assert outcome.zooms == ()
    assert not outcome.complete
    assert session.windows == []


def test_those_that_fit_are_answered(session):
    pace = taught(session)
    outcomes = run(session, *["left", "right"] * 3, deadline=Deadline(pace, 31))  # 10 + 4 * 5
    assert [len(outcome.zooms) for outcome in outcomes] == [1, 1, 1, 1, 0, 0]
    assert not any(outcome.complete for outcome in outcomes)


def test_a_deadline_keeps_what_a_start_led_to(session):
    pace = taught(session)
    start = Start((20, 40, 180, 160), 0.95)
    (outcome,) = run(session, "left", starts=[start], deadline=Deadline(pace, 20))
    assert len(outcome.zooms) == 1
    assert outcome.abandoned == ()
    assert not outcome.complete


def test_a_beam_cut_short_is_not_complete(session):
    pace = taught(session)
    # 15 ms for the first step and 15 for one of the two places.
    (outcome,) = run(session, "either", beam=2, deadline=Deadline(pace, 32))
    assert len(outcome.zooms) == 2
    assert not outcome.complete


def test_what_is_late_already_is_not_begun(session):
    deadline = timed(session, 5)
    session.now += 1.0
    (outcome,) = run(session, "left", deadline=deadline)
    assert outcome.zooms == ()
    assert session.windows == []


def closer(session, *texts, looks, starts=None, deadline=None):
    """As a model searches that was not taught to."""
    two = SearchConfig(lambda _: (0.0, 0.0), ZoomPolicy(2), INPUT_HW, closer=Closer(looks))
    return search(session, None, FRAME_WH, texts, two, starts, deadline)


def test_closer_looks_are_told_apart_by_both_scores(session):
    (one,) = closer(session, "either", looks=1)
    assert [zoom.raw_score for zoom in one.zooms] == pytest.approx([0.5, 0.4])
    assert session.windows == [WHOLE, pytest.approx((20, 40, 180, 160))]
    (two,) = closer(session, "either", looks=2)  # or 0.45 and 0.9
    assert final(two) == SMALL_RIGHT
    assert two.zooms[0].window_xyxy.tolist() == list(WHOLE)
    session.places = {"far": [place(20, 40, 160, 0.9), place(60, 70, 20, 0.4), *PLACES["right"]]}
    (far,) = closer(session, "far", looks=2)  # 0.9 and 0.4 against 0.5 and 0.8
    assert final(far) == SMALL_RIGHT
    session.places["far"][3] = place(300, 70, 20, 0.7)
    (near,) = closer(session, "far", looks=2)
    assert final(near) == SMALL_LEFT


def test_a_closer_look_keeps_what_stands_beside():
    session = MapSession({"x": [place(60, 70, 20, 0.5), place(370, 280, 20, 0.4)]})
    (outcome,) = closer(session, "x", looks=5)
    third = (400 / 3, 100)
    near = (70 - third[0] / 2, 77.5 - third[1] / 2, 70 + third[0] / 2, 77.5 + third[1] / 2)
    corner = (400 - third[0], 300 - third[1], 400, 300)
    assert session.windows == [WHOLE, pytest.approx(near, abs=0.1), pytest.approx(corner, abs=0.1)]
    assert final(outcome) == SMALL_LEFT


def test_neighbours_share_a_closer_look():
    some = [place(60, 70, 20, 0.5), place(90, 80, 20, 0.45), place(300, 70, 20, 0.4)]
    session = MapSession({"x": some})
    closer(session, "x", looks=2)
    assert session.rounds == [1, 2]
    assert session.windows[2] == pytest.approx((310 - 400 / 6, 27.5, 310 + 400 / 6, 127.5), abs=0.1)


def test_closer_looks_share_their_rounds(session):
    right, nothing, either = closer(session, "right", "nothing", "either", looks=2)
    assert final(right) == SMALL_RIGHT
    assert final(either) == SMALL_RIGHT
    assert nothing.fault is not None
    assert session.rounds == [3, 3]


def test_a_start_takes_the_place_of_closer_looks(session):
    (warm,) = closer(session, "either", looks=2, starts=[Start((220, 40, 380, 160))])
    assert (len(warm.zooms), final(warm)) == (1, SMALL_RIGHT)
    lost = Start((20, 40, 180, 160), restart_below=0.6)
    (again,) = closer(session, "either", looks=2, starts=[lost])
    assert final(again) == SMALL_RIGHT
    assert len(again.abandoned) == 1


def test_closer_looks_that_the_deadline_leaves_out(session):
    pace = taught(session)
    (outcome,) = closer(session, "either", looks=2, deadline=Deadline(pace, 20))
    assert [zoom.raw_score for zoom in outcome.zooms] == [0.5]
    assert not outcome.complete
    (outcome,) = closer(session, "either", looks=2, deadline=Deadline(pace, 60))
    assert final(outcome) == SMALL_RIGHT
    assert outcome.complete
