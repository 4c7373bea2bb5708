"""One question, timed and judged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from benchmarks.asking import Call, judge_call, mean, percentiles, timed
from sdk.results.grounding import Grounding, Rival

TARGET = (100.0, 100.0, 140.0, 130.0)
AROUND = (0.0, 0.0, 300.0, 300.0)


def test_a_right_answer(answer: Callable[..., Grounding]) -> None:
    call = judge_call(answer("the car", [AROUND, TARGET]), TARGET, 12.0)
    assert (call.iou, call.right, call.place, call.found, call.absent) == (1, True, True, True, 0)
    assert (call.steps, call.first_window, call.complete, call.wall_ms) == (2, True, True, 12.0)
    assert call.score == call.last_score == 0.75


def test_a_place_that_is_no_object(answer: Callable[..., Grounding]) -> None:
    stopped = dataclasses.replace(answer("the car", [AROUND], found=False), complete=False)
    call = judge_call(stopped, TARGET)
    assert (call.place, call.right, call.complete, call.found) == (True, False, False, False)
    assert math.isnan(call.wall_ms)
    beside = judge_call(answer("the car", [(101.5, 100.0, 300.0, 300.0)]), TARGET)
    assert (beside.place, beside.right) == (False, False)
    part = judge_call(answer("the car", [(105.0, 100.0, 140.0, 130.0)]), TARGET)
    assert (part.place, part.right) == (True, True)  # no room for all of it, but it is the object


def test_an_absent_object(answer: Callable[..., Grounding]) -> None:
    call = judge_call(answer("the car", [TARGET]), None)
    assert (call.absent, call.found, call.right, call.place, call.iou) == (1, 1, 0, 0, 0.0)


def test_no_answer(answer: Callable[..., Grounding]) -> None:
    call = judge_call(answer("the car", [], found=False), TARGET)
    assert call.record("iou", "found", "steps", "place", "last_score") == (
        Call().record("iou", "found", "steps", "place", "last_score")
    )


def test_runner_up_and_abandoned_steps_count(answer: Callable[..., Grounding]) -> None:
    made = answer("the car", [AROUND, TARGET])
    rival = Rival(np.array(TARGET, np.float32), 0.5)
    call = judge_call(dataclasses.replace(made, abandoned=made.zooms[:1], rival=rival), TARGET)
    assert (call.steps, call.rival) == (3, True)


def test_percentiles_and_means() -> None:
    figures = percentiles([float(k) for k in range(1, 102)])
    assert [figures[f"{name}_ms"] for name in ("p50", "p90", "p99", "min", "max")] == [
        *(51.0, 91.0, 100.0, 1.0, 101.0)
    ]
    assert mean([1, 2]) == 1.5
    assert math.isnan(mean([]))


def test_the_clock_runs_while_it_is_called() -> None:
    given, wall_ms = timed(lambda: sum(range(1000)))
    assert given == 499500
    assert wall_ms > 0
