"""Who is asked what, and when the clock runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.baselines.baseline import Contestant, Reply
from benchmarks.baselines.timing import distinct_cases, race, warm_up
from evaluation.questions import Case, make_case


class Stand:
    """A case without a picture."""

    def __init__(self, number: int) -> None:
        self.ref, self.target_xyxy = f"thing {number}", (0.0, 0.0, 10.0, 10.0)

    def frame(self) -> np.ndarray:
        return np.zeros((2, 2, 3), np.uint8)


def stands(count: int) -> list[Any]:
    return [Stand(k) for k in range(count)]


@pytest.fixture
def log() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def asked(contestant: Callable[..., Contestant], log: list[tuple[str, str]]) -> Callable[..., Any]:
    """A contestant that writes down what it is asked."""

    def make(name: str, box: Any = (0, 0, 10, 10), **changes: Any) -> Contestant:
        def ask(frame: np.ndarray, ref: str) -> Reply:
            log.append((name, ref))
            return Reply(None if box is None else np.array(box, np.float32), 1)

        return contestant(name, ask=ask, **changes)

    return make


def test_each_question_goes_round_before_the_next(asked, log) -> None:
    race([asked("a"), asked("b"), asked("c")], stands(12), 12, pause_s=0)
    assert {name for name, _ in log[:3]} == {"a", "b", "c"}
    rounds = [log[k : k + 6] for k in range(3, 3 + 6 * 11, 6)]
    for number, each in enumerate(rounds, start=1):
        assert {name for name, _ in each} == {"a", "b", "c"}
        for (name, before), (same, ref) in zip(each[::2], each[1::2], strict=True):
            assert name == same
            # Its caches are its own when the clock starts.
            assert (before, ref) == (f"thing {number - 1}", f"thing {number}")
    assert len({tuple(name for name, _ in each) for each in rounds}) > 2  # in changing orders


def test_slow_ones_are_asked_less_and_only_some_beyond_the_clock(asked) -> None:
    field = [asked("a", survey_every=1), asked("slow", every=2), asked("few", survey_every=3)]
    turns = race(field, stands(10), 4, pause_s=0)
    assert [[turn.question for turn in each] for each in turns] == [
        list(range(10)),
        [0, 2],
        [0, 1, 2, 3, 6, 9],
    ]
    assert [math.isnan(turn.wall_ms) for turn in turns[0]] == [False] * 4 + [True] * 6
    assert all(turn.wall_ms >= 0 for turn in turns[1])


def test_boxes_are_judged(asked) -> None:
    field = [asked("right"), asked("half", box=(0, 0, 5, 10)), asked("none", box=None)]
    turns = race(field, stands(1), 1, pause_s=0)
    assert [each[0].iou for each in turns] == [1.0, 0.5, 0.0]


def test_what_comes_before_the_clock(asked, log) -> None:
    told: list[str] = []
    race([asked("a", before=told.append, survey_every=1)], stands(3), 2, pause_s=0)
    assert told == ["thing 0", "thing 1"]
    refs = [ref for _, ref in log]
    assert refs == ["thing 0", "thing 0", "thing 1", "thing 2"]  # the second is not timed


def test_warm_up(asked, log) -> None:
    took_s = warm_up([asked("a"), asked("b")], stands(2))
    assert log == [("a", "thing 0"), ("a", "thing 1"), ("b", "thing 0"), ("b", "thing 1")]
    assert len(took_s) == 2
    assert min(took_s) >= 0


def test_no_expression_comes_twice(monkeypatch) -> None:
    refs = ["a", "a", "b", "a", "c"]
    monkeypatch.setattr("benchmarks.baselines.timing.make_case", lambda seed: named(refs[seed]))
    assert [case.ref for case in distinct_cases(3, 0)] == ["a", "b", "c"]


def named(ref: str) -> Case:
    made = make_case(0)
    return Case(made.scene, ref, made.target_xyxy, made.needs_relation, made.absent_ref)
