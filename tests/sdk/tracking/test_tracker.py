"""``Tracker`` on the small engine: warm where it can be, cold where it must be."""

from __future__ import annotations

import numpy as np
import pytest

from sdk.errors import EngineError, InputError
from sdk.geometry import iou
from sdk.tracking.motion import TrackPolicy
from sdk.tracking.tracker import Tracker, difference, thumbnail

RED, BLUE = "the red square", "the blue square"
SIZE = 26


class Spy:
    """A grounder that notes what it is asked."""

    def __init__(self, grounder):
        self._grounder = grounder
        self.calls = []

    def locate(self, frame, ref, color="bgr", *, deadline_ms=None, start=None):
        self.calls.append((ref, start, deadline_ms, color))
        return self._grounder.locate(frame, ref, color, deadline_ms=deadline_ms, start=start)

    @property
    def warm(self):
        return [start is not None for _, starts, _, _ in self.calls for start in starts]


@pytest.fixture
def spy(grounder):
    return Spy(grounder)


@pytest.fixture
def scene(make_frame):
    """``scene(red_x, blue_x, wh)``: the small squares at these columns (None: absent)."""

    def make(red=300, blue=None, wh=(640, 480)):
        squares = {"red": red, "blue": blue}
        return make_frame(
            wh,
            {c: (x, 200, x + SIZE, 200 + SIZE) for c, x in squares.items() if x is not None},
        )

    return make


def box(x):
    return (x, 200, x + SIZE, 200 + SIZE)


def steps(answer):
    return len(answer.zooms) + len(answer.abandoned)


def test_one_picture_has_one_verdict():
    """Of the bundled engine: warm searches of a picture that stands still are the cold one's."""
    from evaluation.questions import questions
    from sdk import Grounder

    with Grounder() as grounder:
        found = []
        for question in questions(951_000, 6):
            tracker = Tracker(grounder, [question.ref])
            answers = [tracker.update(question.frame, k / 10)[0] for k in range(10)]
            warm = [answer for answer in answers if len(answer.zooms) == 1]
            assert len(warm) >= 8
            assert not any(answer.abandoned for answer in answers)
            for answer in answers:
                assert answer.found == answers[0].found
                assert answer.score == pytest.approx(answers[0].score, abs=2e-3)
                np.testing.assert_allclose(answer.xyxy, answers[0].xyxy, atol=0.5)
            found.append(answers[0].found)
    assert any(found)
    assert not all(found)


def test_warm_after_the_first_frame(spy, scene):
    tracker = Tracker(spy, [RED])
    answers = [tracker.update(scene(300 + 6 * k), k / 10)[0] for k in range(11)]
    assert spy.warm == [False, *[True] * 4, False, *[True] * 4, False]
    for k, answer in enumerate(answers):
        assert iou(answer.xyxy, box(300 + 6 * k)) >= 0.5
    assert steps(answers[1]) < steps(answers[0])


def test_cold_when_asked_to(spy, scene):
    tracker = Tracker(spy, [RED], warm=False)
    for k in range(3):
        tracker.update(scene(), k / 10)
    assert spy.warm == [False] * 3


def test_an_object_that_jumps_is_found_in_the_same_frame(spy, scene):
    tracker = Tracker(spy, [RED])
    for k in range(3):
        tracker.update(scene(60), k / 10)
    (answer,) = tracker.update(scene(560), 0.3)
    assert spy.warm[-1]
    assert answer.abandoned
    assert iou(answer.xyxy, box(560)) >= 0.5


def test_many_expressions_in_one_call(spy, scene):
    tracker = Tracker(spy, [RED, BLUE, RED])
    for k in range(3):
        first, second, third = tracker.update(scene(100 + k, 400 + k), k / 10)
    assert [refs for refs, *_ in spy.calls] == [[RED, BLUE]] * 3
    assert (first.ref, second.ref) == (RED, BLUE)
    assert third is first
    assert iou(second.xyxy, box(402)) >= 0.5


@pytest.mark.parametrize(
    ("second_frame", "time_s"),
    [
        ({}, 0.05),  # time goes backwards
        ({}, 5.0),  # a long gap
        ({"wh": (800, 480)}, 0.2),  # another size
    ],
)
def test_cold_again(spy, scene, second_frame, time_s):
    tracker = Tracker(spy, [RED])
    tracker.update(scene(), 0.1)
    tracker.update(scene(**second_frame), time_s)
    assert spy.warm == [False, False]


def test_cold_after_a_cut(spy, scene):
    tracker = Tracker(spy, [RED])
    tracker.update(scene(), 0.0)
    night = scene() // 3
    tracker.update(night, 0.1)
    assert spy.warm == [False, False]


def test_the_same_time_is_no_step_back(spy, scene):
    tracker = Tracker(spy, [RED])
    tracker.update(scene(), 0.1)
    tracker.update(scene(), 0.1)
    assert spy.warm == [False, True]


def test_new_expressions_are_cold_and_old_ones_stay_warm(spy, scene):
    tracker = Tracker(spy, [RED])
    tracker.update(scene(100, 400), 0.0)
    tracker.set_refs([BLUE, RED])
    assert tracker.refs == (BLUE, RED)
    blue, red = tracker.update(scene(100, 400), 0.1)
    assert spy.warm == [False, False, True]
    assert (blue.ref, red.ref) == (BLUE, RED)


def test_no_expressions(spy, scene):
    tracker = Tracker(spy, [])
    assert tracker.update(scene(), 0.0) == []
    assert spy.calls == []


def test_options_are_passed_on(spy, scene):
    tracker = Tracker(spy, [BLUE], color="rgb", policy=TrackPolicy(look_every=2))
    for k in range(4):
        tracker.update(scene(), k / 10, deadline_ms=5000.0)
    assert spy.calls[0][2:] == (5000.0, "rgb")
    assert spy.warm == [False, True, False, True]


@pytest.mark.parametrize("refs", ["the red square", None, [1], [["a"]], {"a": 1}])
def test_bad_expressions(grounder, refs):
    with pytest.raises(InputError, match="expected a list of expressions"):
        Tracker(grounder, refs)
    with pytest.raises(InputError, match="expected a list of expressions"):
        Tracker(grounder, []).set_refs(refs)


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), "0", True, None])
def test_bad_time(grounder, scene, time_s):
    with pytest.raises(InputError, match="expected time_s in seconds, got"):
        Tracker(grounder, [RED]).update(scene(), time_s)


def test_bad_frame(grounder):
    with pytest.raises(InputError, match="expected a frame"):
        Tracker(grounder, [RED]).update(np.zeros((4, 4, 5), np.uint8), 0.0)


def test_a_failure_leaves_the_tracker_usable(spy, scene):
    tracker = Tracker(spy, [RED])
    tracker.update(scene(), 0.0)
    works = spy._grounder

    class Broken:
        def locate(self, *_args, **_options):
            raise EngineError("no more networks")

    spy._grounder = Broken()
    with pytest.raises(EngineError):
        tracker.update(scene(), 0.1)
    spy._grounder = works
    (answer,) = tracker.update(scene(306), 0.2)
    assert iou(answer.xyxy, box(306)) >= 0.5


def test_an_object_that_comes_back(spy, scene):
    tracker = Tracker(spy, [RED])
    for k in range(3):
        tracker.update(scene(300), k / 10)
    assert not any(tracker.update(scene(None, 500), 0.3 + k / 10)[0].found for k in range(4))
    answers = [tracker.update(scene(320), 0.7 + k / 10)[0] for k in range(5)]
    assert iou(answers[-1].xyxy, box(320)) >= 0.5


@pytest.mark.parametrize("wh", [(1920, 1080), (640, 480), (33, 20), (1, 1), (5000, 3)])
def test_thumbnails(wh):
    frame = np.full((wh[1], wh[0], 3), 90, np.uint8)
    small = thumbnail(frame)
    assert small.shape == (9, 16)
    np.testing.assert_allclose(small, 90.0, atol=1.0)
    assert difference(small, thumbnail(frame // 2)) == pytest.approx(45.0, abs=1.0)
    assert difference(small, thumbnail(frame[::-1])) == 0.0
