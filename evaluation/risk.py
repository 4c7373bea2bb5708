"""The threshold that keeps a stated risk, whatever the scores are distributed like."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sdk.errors import InputError

_STEPS = 10_000  # thresholds are multiples of 1 / _STEPS


def threshold_for(bad_scores: ArrayLike, total: int, risk: float, confidence: float) -> float:
    """The lowest threshold of which the calibration proves that it keeps ``risk``.

    The risk of a threshold is the probability that a new question ends badly: that something which
    must not be found reaches it. It falls as the threshold rises, so that thresholds can be tested
    from the top down with the exact binomial test until one fails: Learn then Test (Angelopoulos
    et al. 2021, arXiv 2110.01052, fixed sequence testing), for such a loss also the upper bound of
    Bates et al., "Distribution-Free, Risk-Controlling Prediction Sets", J. ACM 2021. With
    ``confidence`` the calibration's questions are such that the risk of the result is at most
    ``risk``; they must be drawn independently of each other, as the new ones are, and have served
    for nothing else. (Plain split conformal prediction, Vovk et al. 2005, gives a lower threshold,
    which keeps the risk in the mean over calibrations only.)

    Args:
        bad_scores: scores, in 0..1, of those questions that must not be found.
        total: how many questions they are taken from.
        risk: in (0, 1).
        confidence: in (0, 1).

    Returns:
        In 0..1, rounded up to four decimals.

    Raises:
        InputError: no risk or confidence in (0, 1), or too few questions for them.
    """
    allowed = tolerated(total, risk, confidence)
    scores = np.sort(np.asarray(bad_scores, dtype=np.float64))[::-1]
    if allowed >= len(scores):
        return 0.0
    # scores[allowed] is the best that must stay below
    return min((math.floor(float(scores[allowed]) * _STEPS) + 1) / _STEPS, 1.0)


def tolerated(total: int, risk: float, confidence: float) -> int:
    """How many questions may end badly: the most for which the exact binomial test still rejects
    that the risk is larger than ``risk``.

    Args:
        total: how many questions there are.
        risk: in (0, 1), the largest probability of ending badly.
        confidence: in (0, 1); 1 - ``confidence`` is the level of the test.

    Returns:
        A number of questions, 0 or more.

    Raises:
        InputError: no risk or confidence in (0, 1), or too few questions for them.
    """
    from scipy.stats import binom

    for name, value in (("risk", risk), ("confidence", confidence)):
        if not 0 < value < 1:
            raise InputError(f"expected a {name} between 0 and 1, got {value:g}")
    doubt = 1 - confidence
    most = int(binom.ppf(doubt, total, risk))  # the least count that is seen so often
    allowed = most if binom.cdf(most, total, risk) <= doubt else most - 1
    if allowed < 0:
        least = math.ceil(math.log(doubt) / math.log1p(-risk) - 1e-9)
        raise InputError(
            f"expected at least {least} questions to choose a threshold for a risk of {risk:g} with"
            f" a confidence of {confidence:g}, got {total} (two thirds of all; of absent objects"
            " one third): search more"
        )
    return allowed
