"""Thresholds that keep a stated risk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from evaluation.risk import threshold_for, tolerated
from sdk.errors import InputError


def test_of_100_scores() -> None:
    """At most one in a hundred: seen so rarely, with a risk of 0.05, once in 27 times."""
    assert binom.cdf(1, 100, 0.05) < 0.05 < binom.cdf(2, 100, 0.05)
    assert tolerated(100, 0.05, 0.95) == 1
    assert threshold_for(np.arange(1, 101) / 101, 100, 0.05, 0.95) == pytest.approx(0.9802)


def test_what_may_happen_more_often_than_it_does() -> None:
    assert threshold_for([0.9], 100, 0.05, 0.95) == 0.0
    assert threshold_for([], 100, 0.05, 0.95) == 0.0


@given(st.integers(1, 2000), st.floats(0.01, 0.9), st.floats(0.5, 0.99))
def test_counts_are_the_largest_that_prove_it(total: int, risk: float, confidence: float) -> None:
    try:
        allowed = tolerated(total, risk, confidence)
    except InputError:
        assert binom.cdf(0, total, risk) > 1 - confidence - 1e-12
        return
    assert binom.cdf(allowed, total, risk) <= 1 - confidence < binom.cdf(allowed + 1, total, risk)
    assert allowed < risk * total


@given(st.lists(st.floats(0, 1), max_size=60), st.integers(0, 60), st.floats(0.1, 0.9))
def test_no_more_than_is_tolerated_reach_the_threshold(bad, others: int, risk: float) -> None:
    total = max(len(bad) + others, 30)
    allowed = tolerated(total, risk, 0.9)
    threshold = threshold_for(bad, total, risk, 0.9)
    scores = np.minimum(bad, 1 - 1e-6)  # as calibrated ones are
    assert 0 <= threshold <= 1
    assert (scores >= threshold).sum() <= allowed
    # and no lower threshold would do
    assert threshold <= 0.0001 or (scores >= threshold - 0.0002).sum() > allowed


def test_the_risk_is_kept_as_often_as_promised() -> None:
    """The risk of a threshold t on uniform scores is 1 - t."""
    rng = np.random.default_rng(0)
    risks = [1 - threshold_for(rng.random(300), 300, 0.1, 0.9) for _ in range(2000)]
    kept = np.mean(np.array(risks) <= 0.1)
    assert 0.88 < kept < 0.96
    assert np.mean(risks) > 0.06  # not more careful than need be


@pytest.mark.parametrize(("total", "risk"), [(58, 0.05), (0, 0.5), (297, 0.01)])
def test_too_few_questions(total: int, risk: float) -> None:
    least = {0.05: 59, 0.5: 5, 0.01: 299}[risk]
    with pytest.raises(InputError, match=f"at least {least} .* got {total}"):
        threshold_for([0.5] * total, total, risk, 0.95)
    assert threshold_for([], least, risk, 0.95) == 0.0


@pytest.mark.parametrize("risk", [0.0, 1.0, -1.0, float("nan")])
def test_a_risk_is_a_probability(risk: float) -> None:
    with pytest.raises(InputError, match="risk between 0 and 1"):
        threshold_for([0.5] * 50, 50, risk, 0.9)
    with pytest.raises(InputError, match="confidence between 0 and 1"):
        threshold_for([0.5] * 50, 50, 0.1, risk)
