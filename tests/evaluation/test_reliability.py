"""Calibration error, Brier score, AUC, risk and coverage, exact intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.reliability import (
    auc,
    brier,
    calibration_error,
    chance_error,
    exact_interval,
    reliability_bins,
    risk_coverage,
)

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_bins_of_equal_width() -> None:
    bins = reliability_bins([0.0, 0.05, 0.1, 0.95, 1.0], [False, True, True, True, False], 10)
    assert [each.n for each in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (bins[0].score, bins[0].right) == (pytest.approx(0.025), 0.5)
    assert (bins[-1].from_score, bins[-1].to_score) == (0.9, 1.0)
    assert math.isnan(bins[5].right)


def test_the_calibration_error_by_hand() -> None:
    """Three answers of 0.9, two of them right, and one of 0.2 that is wrong."""
    bins = reliability_bins([0.9, 0.9, 0.9, 0.2], [True, True, False, False])
    assert calibration_error(bins) == pytest.approx(3 / 4 * (0.9 - 2 / 3) + 1 / 4 * 0.2)
    assert math.isnan(calibration_error(reliability_bins([], [])))


def test_what_comes_of_chance() -> None:
    few, many = (np.linspace(0.05, 0.95, n) for n in (50, 5000))
    assert chance_error(few) > 3 * chance_error(many) > 0
    assert chance_error([0.0, 1.0]) == 0.0
    rng = np.random.default_rng(1)
    error = calibration_error(reliability_bins(many, rng.random(5000) < many))
    assert error == pytest.approx(chance_error(many), rel=0.6)


def test_brier_and_auc() -> None:
    assert brier([1.0, 0.5], [True, False]) == pytest.approx(0.125)
    assert auc([0.9, 0.8, 0.3, 0.2], [True, False, True, False]) == pytest.approx(0.75)
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert math.isnan(brier([], []))
    assert math.isnan(auc([0.5], [True]))


def test_risk_and_coverage() -> None:
    coverage, risk = risk_coverage([0.9, 0.5, 0.5, 0.1], [True, False, True, False])
    np.testing.assert_allclose(coverage, [0.25, 0.75, 1.0])
    np.testing.assert_allclose(risk, [0.0, 1 / 3, 0.5])
    assert all(len(each) == 0 for each in risk_coverage([], []))


@given(ANSWERS)
def test_figures_of_any_answers(answers) -> None:
    scores, right = zip(*answers, strict=True)
    bins = reliability_bins(scores, right)
    assert sum(each.n for each in bins) == len(answers)
    assert 0 <= calibration_error(bins) <= 1
    assert 0 <= brier(scores, right) <= 1
    coverage, risk = risk_coverage(scores, right)
    assert (np.diff(coverage) > 0).all()
    assert coverage[-1] == 1
    assert risk[-1] == pytest.approx(1 - np.mean(right))
    area = auc(scores, right)
    mirrored = auc(1 - np.array(scores), right)
    if len(set(scores)) == len(set(1 - np.array(scores))):  # no score was rounded to another
        assert math.isnan(area) or area == pytest.approx(1 - mirrored)


@given(st.integers(0, 50).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share(pair: tuple[int, int]) -> None:
    hits, n = pair
    low, high = exact_interval(hits, n)
    assert 0 <= low <= (hits / n if n else 0.5) <= high <= 1


def test_known_intervals() -> None:
    """Of 20 none: 1 - 0.025 ** (1 / 20)."""
    assert exact_interval(0, 20) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))
    assert exact_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("scores", "right"),
    [([0.5], []), ([1.2], [True]), ([-0.1], [True]), ([math.nan], [True]), ([[0.5]], [[True]])],
)
def test_what_are_no_scores(scores, right) -> None:
    with pytest.raises(ValueError, match="expected"):
        reliability_bins(scores, right)
