"""What steps cost, learnt from a clock that the tests turn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.pace import Deadline, Pace


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_ms(self, ms: float) -> None:
        self.now += ms / 1e3


@pytest.fixture
def clock() -> Clock:
    return Clock()


def learn(pace: Pace, clock: Clock, stage: str, count: int, ms: float) -> None:
    with pace.timed(stage, count):
        clock.pass_ms(ms)


def test_what_was_never_done_costs_nothing(clock):
    assert Pace(clock).expect_ms(3, 4, cautious=True) == 0.0


def test_a_round_costs_its_windows_and_its_looks(clock):
    pace = Pace(clock)
    learn(pace, clock, "windows", 1, 10)
    learn(pace, clock, "looks", 1, 5)
    assert pace.expect_ms(1, 1, cautious=False) == pytest.approx(15)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(5)
    assert pace.expect_ms(1, 1, cautious=True) > 15


def test_several_at_once_have_a_price_of_their_own(clock):
    pace = Pace(clock)
    learn(pace, clock, "looks", 1, 10)
    assert pace.expect_ms(0, 4, cautious=False) == pytest.approx(40)  # until it is known
    learn(pace, clock, "looks", 4, 24)
    assert pace.expect_ms(0, 2, cautious=False) == pytest.approx(12)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(10)


def test_several_stand_in_for_one_that_was_never_alone(clock):
    pace = Pace(clock)
    learn(pace, clock, "looks", 4, 24)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(6)


def test_nothing_teaches_nothing(clock):
    pace = Pace(clock)
    learn(pace, clock, "windows", 0, 50)
    assert pace.expect_ms(1, 0, cautious=False) == 0.0


def test_what_fails_teaches_nothing(clock):
    pace = Pace(clock)

    def fail() -> None:
        with pace.timed("looks", 1):
            clock.pass_ms(500)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert pace.expect_ms(0, 1, cautious=False) == 0.0


def test_it_follows_a_machine_that_gets_slower(clock):
    pace = Pace(clock)
    for ms in [10] * 30 + [20] * 30:
        learn(pace, clock, "looks", 1, ms)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(20, rel=0.05)


def test_a_steady_machine_needs_little_caution(clock):
    pace = Pace(clock)
    for _ in range(50):
        learn(pace, clock, "looks", 1, 10)
    assert pace.expect_ms(0, 1, cautious=True) == pytest.approx(10, rel=0.01)


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=40))
def test_the_expectation_lies_within_what_was_seen(times_ms):
    clock = Clock()
    pace = Pace(clock)
    for ms in times_ms:
        learn(pace, clock, "looks", 1, ms)
    expected = pace.expect_ms(0, 1, cautious=False)
    assert min(times_ms) * 0.999 <= expected <= max(times_ms) * 1.001
    assert pace.expect_ms(0, 1, cautious=True) >= expected


def tries(pace, clock, cost_ms, calls):
    """For each of some calls with a deadline of 20 ms: whether its refused step was tried."""
    found = []
    for _ in range(calls):
        deadline = Deadline(pace, 20)
        found.append(deadline.tries())
        clock.pass_ms(cost_ms if found[-1] else 0)
        deadline.settle()
    return found


def test_one_slow_moment_does_not_refuse_for_good(clock):
    pace = Pace(clock)
    learn(pace, clock, "looks", 1, 1000)
    assert not Deadline(pace, 20).affords(0, 1, first=True)
    assert tries(pace, clock, 10, 8) == [False, False, False, True] * 2


def test_what_is_tried_in_vain_is_tried_less_and_less(clock):
    found = tries(Pace(clock), clock, 30, 2000)
    assert sum(found) / len(found) < 0.01
    assert any(found[-256:])


def test_nothing_is_tried_after_the_deadline(clock):
    pace = Pace(clock)
    deadline = Deadline(pace, 20)
    clock.pass_ms(30)
    assert not any(deadline.tries() for _ in range(100))


def test_without_a_limit_everything_is_in_time(clock):
    pace = Pace(clock)
    learn(pace, clock, "looks", 1, 1e9)
    deadline = Deadline(pace, None)
    assert deadline.left_ms == math.inf
    assert deadline.affords(5, 5, first=False)


def test_the_deadline_counts_from_its_beginning(clock):
    pace = Pace(clock)
    begin = clock.now
    clock.pass_ms(30)
    deadline = Deadline(pace, 50, begin)
    assert deadline.left_ms == pytest.approx(20)
    clock.pass_ms(20.5)
    assert deadline.left_ms < 0
    assert not deadline.affords(1, 1, first=True)  # even what would cost nothing


def test_a_first_step_may_be_close_a_later_one_not(clock):
    pace = Pace(clock)
    for ms in (8, 12) * 20:
        learn(pace, clock, "looks", 1, ms)
    deadline = Deadline(pace, 11)
    assert deadline.affords(0, 1, first=True)
    assert not deadline.affords(0, 1, first=False)
