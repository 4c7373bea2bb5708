"""Do scores say how often answers are right, and how well do they tell right ones from wrong?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15
CONFIDENCE = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Answers with scores of ``from_score`` up to ``to_score``: how many, their mean score, and
    the share of them that is right; NaN where there are none."""

    from_score: float
    to_score: float
    n: int
    score: float
    right: float


def reliability_bins(scores: ArrayLike, right: ArrayLike, count: int = BINS) -> list[Bin]:
    """``count`` bins of equal width over 0..1; a border belongs to the bin above it.

    Args:
        scores: ``(n,)`` in 0..1.
        right: ``(n,)``, whether each answer is right.
        count: how many bins.

    Returns:
        The bins, from score 0 on.

    Raises:
        ValueError: different numbers of scores and outcomes, or a score outside of 0..1.
    """
    p, y = _pair(scores, right)
    place = np.minimum((p * count).astype(np.int64), count - 1)
    return [
        Bin(
            k / count,
            (k + 1) / count,
            int((place == k).sum()),
            _mean(p[place == k]),
            _mean(y[place == k]),
        )
        for k in range(count)
    ]


def calibration_error(bins: list[Bin]) -> float:
    """Expected calibration error: ``sum_k n_k / n * |right_k - score_k|``.

    Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015;
    Guo et al., ICML 2017, equation 3 (15 bins of equal width). NaN without answers. A perfectly
    calibrated score has an error above 0 as well, since shares of few answers scatter.
    """
    filled = [each for each in bins if each.n]
    if not filled:
        return float("nan")
    weighted = sum(each.n * abs(each.right - each.score) for each in filled)
    return weighted / sum(each.n for each in filled)


def chance_error(scores: ArrayLike, count: int = BINS, draws: int = 200, seed: int = 0) -> float:
    """The calibration error that these scores would have in the mean if each were exactly the
    probability of being right: what comes of having no more answers.

    Args:
        scores: ``(n,)`` in 0..1.
        count: how many bins the error is taken over.
        draws: how many sets of outcomes are drawn; the result is the mean of their errors.
        seed: of the draws.

    Returns:
        A ``calibration_error``; NaN without answers.

    Raises:
        ValueError: a score outside of 0..1.
    """
    p = np.asarray(scores, dtype=np.float64)
    rng = np.random.default_rng(seed)
    errors = [
        calibration_error(reliability_bins(p, rng.random(len(p)) < p, count)) for _ in range(draws)
    ]
    return float(np.mean(errors))


def brier(scores: ArrayLike, right: ArrayLike) -> float:
    """Mean squared difference of score and outcome (Brier 1950).

    Args:
        scores: ``(n,)`` in 0..1.
        right: ``(n,)``, whether each answer is right.

    Returns:
        In 0..1, 0 for the best; NaN without answers.

    Raises:
        ValueError: different numbers of scores and outcomes, or a score outside of 0..1.
    """
    p, y = _pair(scores, right)
    return _mean((p - y) ** 2)


def auc(scores: ArrayLike, right: ArrayLike) -> float:
    """How often a right answer scores above a wrong one, ties counting half.

    The area under the ROC curve, by ranks (Mann and Whitney 1947).

    Args:
        scores: ``(n,)`` in 0..1.
        right: ``(n,)``, whether each answer is right.

    Returns:
        In 0..1, 1 for the best; NaN unless there are both right and wrong answers.

    Raises:
        ValueError: different numbers of scores and outcomes, or a score outside of 0..1.
    """
    from scipy.stats import rankdata

    p, y = _pair(scores, right)
    good = int(y.sum())
    bad = len(y) - good
    if not good or not bad:
        return float("nan")
    above = rankdata(p)[y > 0].sum() - good * (good + 1) / 2
    return float(above / (good * bad))


def risk_coverage(scores: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    """Share of questions answered and share of wrong ones among these, as the threshold falls.

    El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 2010.

    Args:
        scores: ``(n,)`` in 0..1.
        right: ``(n,)``, whether each answer is right.

    Returns:
        ``(coverage, risk)``, each ``(k,)`` in 0..1: a point for each of the k distinct scores, from
        the best on.

    Raises:
        ValueError: different numbers of scores and outcomes, or a score outside of 0..1.
    """
    p, y = _pair(scores, right)
    order = np.argsort(-p, kind="stable")
    last = np.flatnonzero(np.diff(p[order], append=-np.inf))  # of each run of equal scores
    answered = np.arange(1, len(p) + 1)
    return (answered / max(len(p), 1))[last], (np.cumsum(1 - y[order]) / answered)[last]


def exact_interval(hits: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Clopper and Pearson's interval (1934) of a share ``hits / n``.

    Args:
        hits: how many of the answers count.
        n: how many answers there are.
        confidence: of the interval, in 0..1.

    Returns:
        The lower and the upper end; 0 and 1 when ``n`` is 0.

    Raises:
        ValueError: ``hits`` is not in 0..n, or ``confidence`` not in 0..1.
    """
    from scipy.stats import binomtest

    if n == 0:
        return 0.0, 1.0
    found = binomtest(hits, n).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def _pair(scores: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape:
        raise ValueError(f"expected as many scores as outcomes, got {p.shape} and {y.shape}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("expected scores in 0..1")
    return p, y


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else float("nan")
