"""What scores mean and from which one on an object counts as found, learnt from searches.

The first third of the questions fits the probability of ``sdk.zoom.calibration``, a handful of
numbers. The rest chooses what is to hold on new questions: the threshold that keeps the
stated risk, and when a rival is near.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics import RIGHT_IOU
from evaluation.questions import Question
from evaluation.risk import threshold_for
from sdk.errors import InputError
from sdk.geometry import area, iou
from sdk.results.grounding import Zoom
from sdk.zoom.calibration import KINDS, Calibration, Weights, logit
from sdk.zoom.search import Search
from train.data.entries import Rect

# What a stated risk is the risk of: that an expression true of nothing is found; or that an answer
# is found and wrong (also because there is no right one), as a share of all that is asked.
GUARDS = ("absent", "wrong")
CONFIDENCE = 0.95  # that the stated risk is kept (see evaluation.risk)
FITTED = 1 / 3  # share of the questions that the probability is fitted on
FLAGGED = 0.1  # share of right answers that may be called ambiguous, our choice
_OF_A_SIZE = 50  # targets in a group of by_size, at least; their Acc50 is good to 7 points
_SIZES = 8  # groups at most
_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class Trial:
    """A question and its search. ``zooms``: empty when the search broke off, without an answer.
    ``target_xyxy``: None when the expression is true of nothing."""

    zooms: tuple[Zoom, ...]
    target_xyxy: Rect | None

    @property
    def right(self) -> bool:
        """Whether the last box is."""
        return _right(self.zooms, self.target_xyxy)


@dataclass(frozen=True)
class Outcome:
    """``calibration`` is for the config. Shares of the questions that chose the threshold: right
    answers that are found, absent objects that are, wrong answers among all found (NaN without
    any)."""

    calibration: dict[str, Any]
    right_kept: float
    absent_found: float
    wrong_among_found: float


def run_trials(
    search: Callable[[NDArray[np.uint8], str], Search], questions: Iterable[Question]
) -> list[Trial]:
    """Searches for every question; an expression that cannot be read is not answered."""
    trials = []
    for question in questions:
        try:
            found = search(question.frame, question.ref)
        except InputError:
            found = Search(())
        zooms = found.zooms if found.fault is None else ()
        trials.append(Trial(zooms, question.target_xyxy))
    return trials


def calibrate(
    trials: Sequence[Trial], risk: float, guard: str, ended: float, source: str
) -> Outcome:
    """Fits on the first third of the trials, chooses on the others.

    Args:
        trials: in random order, so that both parts are alike.
        risk: what is promised, in (0, 1).
        guard: of what, one of ``GUARDS``.
        ended: end-of-search probability from which a box is the answer (the zoom policy's).
        source: what was asked, for the reader.

    Raises:
        InputError: too few questions for the risk, or no right answers.
    """
    fitted, held = trials[: for_fitting(len(trials))], trials[for_fitting(len(trials)) :]
    right = np.array([trial.right for trial in held], dtype=bool)
    absent = np.array([trial.target_xyxy is None for trial in held], dtype=bool)
    if not right.any() or not any(trial.right for trial in fitted):
        raise InputError(
            f"expected right answers in both parts of {len(trials)} searches, found none in one:"
            " search more, or train for longer"
        )
    evidence = fit_evidence(fitted, ended)
    plain = Calibration(0.0, evidence, ended)
    scores = np.array([plain.score(trial.zooms) for trial in held])
    bad, total = (scores[absent], int(absent.sum())) if guard == "absent" else _wrong(scores, right)
    threshold = threshold_for(bad, total, risk, CONFIDENCE)
    found = scores >= threshold
    outcome = {
        "right_kept": float(found[right].mean()),
        "absent_found": float(found[absent].mean()) if absent.any() else math.nan,
        "wrong_among_found": float((~right)[found].mean()) if found.any() else math.nan,
    }
    calibration = {
        "threshold": threshold,
        "evidence": {kind: vars(weights) for kind, weights in evidence.items()},
        "ended": ended,
        "tie_margin": tie_margin(plain, [trial for trial in held if trial.right]),
        "risk": {"stated": risk, "confidence": CONFIDENCE, "guard": guard, "n": total},
        "by_size": by_size(trials),
        "source": source,
    }
    return Outcome(calibration, **outcome)


def for_fitting(count: int) -> int:
    """How many of ``count`` questions the probability is fitted on."""
    return int(count * FITTED)


def fit_evidence(trials: Sequence[Trial], ended: float) -> dict[str, Weights]:
    """Weights for each kind of search.

    Searches of several steps count three times: as they are; without what came before the last
    step, as a warm start sees it; and without what came after the first, as a deadline leaves it.
    """
    kind = Calibration(0.0, None, ended).kind
    seen: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in KINDS}
    for trial in trials:
        zooms = trial.zooms
        parts = (zooms, zooms[:1], zooms[-1:]) if len(zooms) > 1 else (zooms,)
        for part in filter(None, parts):
            right = _right(part, trial.target_xyxy)
            seen[kind(part)].append((logit(part[0].raw_score), logit(part[-1].raw_score), right))
    everything = [sample for samples in seen.values() for sample in samples]
    return {
        name: fit_weights(np.array(seen[name] or everything), both=name == "whole" and seen[name])
        for name in KINDS
    }


def fit_weights(samples: NDArray[np.float64], *, both: bool) -> Weights:
    """Logistic regression with slopes of at least 0, by maximum likelihood.

    The targets are Platt's, (right + 1) / (right + 2) and 1 / (wrong + 2) ("Probabilistic Outputs
    for Support Vector Machines", 1999): with few samples, or with right or wrong ones alone, the
    fit stays finite.

    Args:
        samples: ``(n, 3)``, n >= 1: logit of the first score, of the last one, right (0 or 1).
        both: use the first score as well as the last.
    """
    from scipy.optimize import minimize

    used = [0, 1] if both else [1]
    features = np.column_stack([np.ones(len(samples)), samples[:, used]])
    good = samples[:, 2] > 0
    count = int(good.sum())
    target = np.where(good, (count + 1) / (count + 2), 1 / (len(good) - count + 2))

    if count in (0, len(good)):  # nothing to tell apart
        return Weights(round(math.log(target[0] / (1 - target[0])), _DECIMALS), 0.0, 0.0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value = features @ weights
        fit = np.logaddexp(0, value) - target * value
        slope = (0.5 * (1 + np.tanh(value / 2)) - target) @ features
        return float(fit.mean()), slope / len(good)

    bounds = [(-50.0, 50.0)] + [(0.0, 50.0)] * len(used)
    begin = np.zeros(len(bounds))
    weights = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds).x
    bias, *slopes = (round(float(each), _DECIMALS) for each in weights)
    return Weights(bias, slopes[0] if both else 0.0, slopes[-1])


def tie_margin(calibration: Calibration, right: Sequence[Trial]) -> float:
    """The margin at which a share of ``FLAGGED`` of the right answers has a rival."""
    ahead = sorted(
        found[1] if (found := calibration.runner_up(trial.zooms)) else math.inf for trial in right
    )
    most = ahead[math.floor(FLAGGED * len(ahead))]  # the first that must have none
    below = [each for each in ahead if each < most]
    return math.floor(max(below[-1], 0.0) * 10**_DECIMALS) / 10**_DECIMALS if below else 0.0


def by_size(trials: Sequence[Trial]) -> list[dict[str, float]]:
    """Share of right answers by the size of the target, in groups of about the same number.

    Size is the square root of the box's area in frame pixels; ``from_px`` is in, ``to_px`` is not.
    ``acc50`` counts answers that are not found as well.
    """
    present = [trial for trial in trials if trial.target_xyxy is not None]
    if not present:
        return []
    sides = np.sqrt([float(area(trial.target_xyxy or ())) for trial in present])
    right = np.array([trial.right for trial in present], dtype=bool)
    groups = min(max(len(present) // _OF_A_SIZE, 1), _SIZES)
    low, high = math.floor(sides.min()), math.floor(sides.max()) + 1
    inner = np.round(np.quantile(sides, np.arange(1, groups) / groups), 1)
    borders = np.unique([low, *inner, high])
    place = np.searchsorted(borders, sides, side="right") - 1
    return [
        {
            "from_px": float(borders[k]),
            "to_px": float(borders[k + 1]),
            "n": int((place == k).sum()),
            "acc50": round(float(right[place == k].mean()), _DECIMALS),
        }
        for k in range(len(borders) - 1)
        if (place == k).any()
    ]


def _wrong(
    scores: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], int]:
    return scores[~right], len(scores)


def _right(zooms: Sequence[Zoom], target_xyxy: Rect | None) -> bool:
    if target_xyxy is None or not zooms:
        return False
    return float(iou(zooms[-1].xyxy, target_xyxy)) >= RIGHT_IOU
