"""Learning rates, and what the two recipes stand for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.trainer.recipe import Recipe, published, scratch


def test_from_scratch_the_rate_rises_then_falls() -> None:
    recipe = scratch(100, lr=0.5, warmup=10)
    rates = [recipe.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert rates[9] == rates[10] == pytest.approx(0.5) == max(rates)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert recipe.rate(100) == recipe.rate(1000) == pytest.approx(0.01)
    assert scratch(5, warmup=200).rate(4) > 0  # shorter than the warm-up


def test_as_published_the_rate_falls_after_three_of_five_epochs() -> None:
    recipe = published(50)  # ten steps an epoch
    assert [recipe.rate(step) for step in range(30)] == [2e-4] * 30
    assert [recipe.rate(step) for step in range(30, 50)] == pytest.approx([2e-5] * 20)


def test_the_published_numbers() -> None:
    recipe = published(1)
    assert (recipe.backbones, recipe.weight_decay, recipe.clip) == (0.1, 1e-4, 0.1)
    assert recipe.pretrained
    assert not scratch(1).pretrained


@given(
    st.integers(1, 10_000), st.integers(0, 20_000), st.integers(0, 300), st.sampled_from(range(2))
)
def test_rates_are_positive_and_never_above_the_highest(
    steps: int, step: int, warmup: int, which: int
) -> None:
    make = (scratch, published)[which]
    recipe = make(steps, warmup=warmup)
    assert 0 < recipe.rate(step) <= recipe.lr * (1 + 1e-12)


def test_a_recipe_may_go_by_the_clock() -> None:
    """Whichever comes first, steps or time: the rate has come down by then."""
    timed, plain = scratch(1000, warmup=10, minutes=2.0), scratch(1000, warmup=10)
    for step in (0, 5, 10, 400, 999):
        assert timed.rate(step, 0.0) == plain.rate(step) == plain.rate(step, 1e9)
    assert timed.rate(10, 60.0) == pytest.approx(plain.lr * (0.02 + 0.98 / 2))
    assert timed.rate(10, 120.0) == timed.rate(10, 500.0) == pytest.approx(0.02 * plain.lr)
    assert timed.rate(999, 1.0) == plain.rate(999)
    rates = [timed.rate(10 + k, 12.0 * k) for k in range(11)]
    assert rates == sorted(rates, reverse=True)
    assert [timed.time_share(s) for s in (0.0, 30.0, 120.0, 130.0)] == [0.0, 0.25, 1.0, 1.0]
    assert plain.time_share(1e9) == 0.0


def test_slow_machines_warm_up_by_the_clock() -> None:
    """Where few steps fit into the time, warming up must not take all of it."""
    slow = scratch(1000, warmup=200, minutes=1.0)
    rates = [slow.rate(step, 6.0 * step) for step in range(11)]  # ten steps in all
    assert rates[0] == pytest.approx(slow.lr / 200)
    assert rates[1] > 0.9 * slow.lr
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0.02 * slow.lr)


def test_settings_can_be_changed_but_not_invented() -> None:
    assert published(3, lr=1.0).lr == 1.0
    assert published(3, lr=1.0) != published(3)
    with pytest.raises(TypeError):
        scratch(3, learning_rate=1.0)


def test_a_record_is_plain() -> None:
    record = scratch(3).to_dict()
    assert Recipe(**record) == scratch(3)
    assert record.pop("minutes") is None
    assert all(isinstance(value, (int, float, str)) for value in record.values())
    assert all(math.isfinite(v) for v in record.values() if isinstance(v, float))
