"""What steps cost, learnt from a clock that the tests turn."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.timing import Deadline, LatencyEstimator


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


def learn(pace: LatencyEstimator, clock: Clock, stage: str, count: int, ms: float) -> None:
    with pace.timed(stage, count):
        clock.pass_ms(ms)


def test_what_was_never_done_costs_nothing(clock):
    assert LatencyEstimator(clock).expect_ms(3, 4, cautious=True) == 0.0


def test_a_round_costs_its_windows_and_its_looks(clock):
    pace = LatencyEstimator(clock)
    learn(pace, clock, "windows", 1, 10)
    learn(pace, clock, "looks", 1, 5)
    assert pace.expect_ms(1, 1, cautious=False) == pytest.approx(15)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(5)
    assert pace.expect_ms(1, 1, cautious=True) > 15


def test_several_at_once_have_a_price_of_their_own(clock):
    pace = LatencyEstimator(clock)
    learn(pace, clock, "looks", 1, 10)
    assert pace.expect_ms(0, 4, cautious=False) == pytest.approx(40)  # until it is known
    learn(pace, clock, "looks", 4, 24)
    assert pace.expect_ms(0, 2, cautious=False) == pytest.approx(12)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(10)


def test_several_stand_in_for_one_that_was_never_alone(clock):
    pace = LatencyEstimator(clock)
    learn(pace, clock, "looks", 4, 24)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(6)


def test_nothing_teaches_nothing(clock):
    pace = LatencyEstimator(clock)
    learn(pace, clock, "windows", 0, 50)
    assert pace.expect_ms(1, 0, cautious=False) == 0.0


def test_what_fails_teaches_nothing(clock):
    pace = LatencyEstimator(clock)

    def fail() -> None:
        with pace.timed("looks", 1):
            clock.pass_ms(500)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert pace.expect_ms(0, 1, cautious=False) == 0.0


def test_it_follows_a_machine_that_gets_slower(clock):
    pace = LatencyEstimator(clock)
    for ms in [10] * 30 + [20] * 30:
        learn(pace, clock, "looks", 1, ms)
    assert pace.expect_ms(0, 1, cautious=False) == pytest.approx(20, rel=0.05)


def test_a_steady_machine_needs_little_caution(clock):
    pace = LatencyEstimator(clock)
    for _ in range(50):
        learn(pace, clock, "looks", 1, 10)
    assert pace.expect_ms(0, 1, cautious=True) == pytest.approx(10, rel=0.01)


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=40))
def test_the_expectation_lies_within_what_was_seen(times_ms):
    clock = Clock()
    pace = LatencyEstimator(clock)
    for ms in times_ms:
        learn(pace, clock, "looks", 1, ms)
    expected = pace.expect_ms(0, 1, cautious=False)
    assert min(times_ms) * 0.999 <= expected <= max(times_ms) * 1.001
    assert pace.expect_ms(0, 1, cautious=True) >= expected


def calls(pace, clock, cost_ms, seconds, limit_ms=40.0, period_s=1 / 30):
    """A call every ``period_s``: for each its first step's time, None where it was refused."""
    spent_ms: list[float | None] = []
    end = clock.now + seconds
    while clock.now < end:
        due = clock.now + period_s
        if Deadline(pace, limit_ms).affords(1, 1, first=True):
            learn(pace, clock, "windows", 1, cost_ms * 0.8)
            learn(pace, clock, "looks", 1, cost_ms * 0.2)
            spent_ms.append(cost_ms)
        else:
            spent_ms.append(None)
        clock.now = max(clock.now, due)
    return spent_ms


def test_an_answer_is_back_half_a_second_after_a_busy_spell(clock):
    pace = LatencyEstimator(clock)
    assert None not in calls(pace, clock, 20, 1)
    calls(pace, clock, 460, 138)  # 300 such steps
    free_s = clock.now
    first_s = None
    for _ in range(30):
        spent = calls(pace, clock, 20, 0.01)
        if spent[0] is not None and first_s is None:
            first_s = clock.now
    assert first_s - free_s <= 0.5
    assert None not in calls(pace, clock, 20, 1)  # and every one from then on


@pytest.mark.parametrize("spell_s", [0.1, 5, 600])
@pytest.mark.parametrize("busy_ms", [60, 460, 5000])
def test_recovery_knows_no_length_of_a_spell(clock, spell_s, busy_ms):
    pace = LatencyEstimator(clock)
    calls(pace, clock, 20, 1)
    calls(pace, clock, busy_ms, spell_s)
    assert calls(pace, clock, 20, 0.5).count(20) >= 1


def test_the_later_steps_are_back_as_well(clock):
    pace = LatencyEstimator(clock)
    for ms in [10] * 30 + [500] * 30:
        learn(pace, clock, "windows", 3, 3 * ms)
        learn(pace, clock, "windows", 1, ms)
    clock.pass_ms(500)
    learn(pace, clock, "windows", 1, 10)  # the first step, of one window
    assert Deadline(pace, 70).affords(3, 0, first=False)
    assert Deadline(pace, 70).affords(1, 0, first=False)


def test_while_the_machine_is_busy_few_calls_are_late(clock):
    pace = LatencyEstimator(clock)
    calls(pace, clock, 20, 1)
    calls(pace, clock, 460, 5)  # the average has followed
    late = [each for each in calls(pace, clock, 460, 60) if each is not None]
    assert len(late) <= 60 / (0.4 + 0.46) + 1


def test_what_no_step_was_ever_quick_enough_for_is_not_tried(clock):
    pace = LatencyEstimator(clock)
    for ms in (30, 20, 40) * 30:
        learn(pace, clock, "looks", 1, ms)
    began_s = clock.now
    while clock.now < began_s + 9.9:  # after ten seconds nothing is known any more
        assert not Deadline(pace, 19.9).affords(0, 1, first=True)
        clock.pass_ms(100)


def test_a_machine_that_was_busy_from_the_start_is_not_refused_for_good(clock):
    pace = LatencyEstimator(clock)
    calls(pace, clock, 460, 30)
    spent = calls(pace, clock, 20, 10.5)
    assert spent.count(20) >= 1
    assert None not in calls(pace, clock, 20, 1)


def test_a_slow_rhythm_keeps_its_averages(clock):
    """Long pauses between calls do not make one sample the average of them all."""
    pace = LatencyEstimator(clock)
    for ms in (10, 14) * 20:
        learn(pace, clock, "looks", 1, ms)
        clock.pass_ms(1000)
    learn(pace, clock, "looks", 1, 14)
    assert pace.expect_ms(0, 1, cautious=False) < 13
    assert pace.expect_ms(0, 1, cautious=True) < 20


def test_a_deadline_says_why_it_left_no_time(clock):
    pace = LatencyEstimator(clock)
    assert "other calls had the networks" in Deadline(pace, 20).why_no_step()
    late = Deadline(pace, 20)
    clock.pass_ms(30)
    assert not late.affords(0, 1, first=True)
    assert "over before one could begin" in late.why_no_step()
    learn(pace, clock, "looks", 1, 30)
    short = Deadline(pace, 20)
    clock.pass_ms(5)
    assert not short.affords(0, 1, first=True)
    assert short.why_no_step() == "15 ms were left, and one is expected to take 30 ms"


def test_without_a_limit_everything_is_in_time(clock):
    pace = LatencyEstimator(clock)
    learn(pace, clock, "looks", 1, 1e9)
    deadline = Deadline(pace, None)
    assert deadline.left_ms == math.inf
    assert deadline.affords(5, 5, first=False)


def test_the_deadline_counts_from_its_beginning(clock):
    pace = LatencyEstimator(clock)
    begin = clock.now
    clock.pass_ms(30)
    deadline = Deadline(pace, 50, begin)
    assert deadline.left_ms == pytest.approx(20)
    clock.pass_ms(20.5)
    assert deadline.left_ms < 0
    assert not deadline.affords(1, 1, first=True)  # even what would cost nothing


def test_a_first_step_may_be_close_a_later_one_not(clock):
    pace = LatencyEstimator(clock)
    for ms in (8, 12) * 20:
        learn(pace, clock, "looks", 1, ms)
    deadline = Deadline(pace, 11)
    assert deadline.affords(0, 1, first=True)
    assert not deadline.affords(0, 1, first=False)
