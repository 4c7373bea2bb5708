"""One thread or all, in worlds whose costs are drawn."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.threads import ThreadChoice

Draw = Callable[[random.Random], float]
World = tuple[Draw, Draw]  # what a call costs with one thread, and with all


def about(median: float, spread: float = 0.05) -> Draw:
    return lambda rng: median * math.exp(rng.gauss(0, spread))


def either(share: float, first: Draw, second: Draw) -> Draw:
    return lambda rng: (first if rng.random() < share else second)(rng)


IDLE = about(1.0), about(0.6)
MANY_CORES = about(1.0), about(0.15, 0.1)
SMALL_WORK = about(1.0), about(1.4, 0.1)
EQUAL = about(1.0, 0.1), about(1.0, 0.1)
# Beside busy processes: a share waits for its turn more often than not.
BUSY = either(0.9, about(2.0), about(6.0, 0.4)), either(0.3, about(1.0), about(9.0, 0.4))
# As measured on two cores with sixteen who want them.
CROWDED = either(0.95, about(0.7), about(12.0, 0.4)), about(50.0, 0.3)
UNFAIR = either(0.8, about(1.0), about(12.0, 0.4)), either(0.5, about(0.7), about(16.0, 0.4))


def mean_cost(world: World, choice: int, seed: int = 1) -> float:
    rng = random.Random(seed)
    return fmean(world[choice](rng) for _ in range(20_000))


def calls(choice: ThreadChoice, world: World, count: int, rng: random.Random) -> list[float]:
    costs = []
    for _ in range(count):
        threads = choice.threads()
        costs.append(world[threads > 1](rng))
        choice.learn(threads, costs[-1])
    return costs


@pytest.mark.parametrize("world", [IDLE, MANY_CORES, SMALL_WORK, EQUAL, BUSY, UNFAIR, CROWDED])
def test_never_much_slower_than_the_better_of_one_and_all(world: World) -> None:
    best = min(mean_cost(world, 0), mean_cost(world, 1))
    found = [fmean(calls(ThreadChoice(2), world, 1500, random.Random(seed))) for seed in range(6)]
    assert fmean(found) < 1.06 * best
    assert max(found) < 1.2 * best  # of one run, whose own luck is in it


@pytest.mark.parametrize("other", [BUSY, SMALL_WORK])
def test_follows_a_machine_that_changes(other: World) -> None:
    best = fmean(min(mean_cost(world, 0), mean_cost(world, 1)) for world in (IDLE, other))
    choice, rng = ThreadChoice(8), random.Random(2)
    found = [cost for k in range(6) for cost in calls(choice, (IDLE, other)[k % 2], 1000, rng)]
    assert fmean(found) < 1.1 * best


def test_a_machine_that_becomes_busy_is_seen_at_once() -> None:
    choice, rng = ThreadChoice(2), random.Random(3)
    calls(choice, IDLE, 200, rng)
    assert choice.threads() == 2
    costs = calls(choice, (about(1.0), about(8.0)), 20, rng)
    assert sum(cost > 4 for cost in costs) <= 5


@pytest.mark.parametrize("world", [IDLE, MANY_CORES])
def test_on_an_idle_machine_trials_are_too_rare_for_a_percentile(world: World) -> None:
    choice, rng = ThreadChoice(2), random.Random(5)
    calls(choice, world, 50, rng)
    costs = calls(choice, world, 5000, rng)
    dear = 1.4 * mean_cost(world, 1)
    assert 0 < sum(cost > dear for cost in costs) < 0.005 * len(costs)


def test_one_thread_is_no_choice() -> None:
    choice = ThreadChoice(1)
    calls(choice, IDLE, 5, random.Random(0))
    assert choice.threads() == 1


def test_a_first_trial_that_is_dear_waits_for_a_reason() -> None:
    choice, rng = ThreadChoice(2, eager=False), random.Random(4)
    used = set()
    for _ in range(300):
        used.add(choice.threads())
        choice.learn(choice.threads(), about(0.6)(rng))
    assert used == {2}
    calls(choice, BUSY, 60, rng)
    assert choice.threads() == 1


def test_times_are_those_of_a_unit_of_work() -> None:
    now = iter([0.0, 4.0, 4.0, 8.0, 8.0, 9.0, 9.0, 10.0])  # all: 4 s for 8 units; one: 1 s for 1
    choice = ThreadChoice(2, now=lambda: next(now))
    used = []
    for work in (8.0, 8.0, 1.0, 1.0):
        with choice.timed(work) as threads:
            used.append(threads)
    assert used == [2, 2, 1, 1]
    assert choice.threads() == 2


@settings(max_examples=30)
@given(st.lists(st.floats(0.0, 1e6), max_size=60), st.integers(1, 256))
def test_any_costs(costs: list[float], most: int) -> None:
    choice = ThreadChoice(most)
    for cost in costs:
        assert choice.threads() in (1, most)
        choice.learn(choice.threads(), cost)
