"""Calibration from searches."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.questions import Question
from sdk.errors import InputError
from sdk.results.grounding import Zoom
from sdk.zoom.calibration import Calibration, logit, probability
from sdk.zoom.search import Search
from train.evaluation.calibrate import (
    Trial,
    by_size,
    calibrate,
    fit_evidence,
    fit_weights,
    run_trials,
    tie_margin,
)

ENDED = 0.95
REGION, TARGET, BESIDE = (
    (0, 0, 300, 300),
    (100.0, 100.0, 130.0, 130.0),
    (200.0, 200.0, 230.0, 230.0),
)


def zoom(box, score: float, stop: float, rival: float = 0.0) -> Zoom:
    """A step that chose ``box``; another place, far away, has the score ``rival``."""
    return Zoom(
        window_xyxy=np.array((0, 0, 1920, 1080), np.float32),
        xyxy=np.array(box, np.float32),
        raw_score=score,
        candidates_xyxy=np.array([box, (900, 500, 1200, 800)], np.float32),
        candidates_scores=np.array([score, rival], np.float32),
        progress=0.0,
        stop_probability=stop,
    )


def trial(first: float, last: float, right: bool, absent: bool = False, rival: float = 0.01):
    zooms = (zoom(REGION, first, 0.0, rival), zoom(TARGET if right else BESIDE, last, 0.999))
    return Trial(zooms, None if absent else TARGET)


def simulated(count: int, seed: int = 0) -> list[Trial]:
    """Right with a probability of sigmoid(-0.5 + 2 first + last); half of the wrong are absent."""
    rng = np.random.default_rng(seed)
    first, last = rng.normal(0, 1.2, (2, count))
    trials = []
    for f, x in zip(first, last, strict=True):
        right = rng.random() < probability(-0.5 + 2 * f + x)
        absent = not right and rng.random() < 0.5
        rival = f - abs(rng.normal(0, 2 if right else 0.4))
        scores = (probability(each) for each in (f, x, rival))
        p, q, r = scores
        trials.append(trial(p, q, right, absent, r))
    return trials


def test_weights_are_found_again() -> None:
    trials = simulated(4000)
    weights = fit_evidence(trials, ENDED)
    whole = weights["whole"]
    assert (whole.bias, whole.first, whole.last) == pytest.approx((-0.5, 2.0, 1.0), abs=0.25)
    assert weights["close"].first == 0.0
    assert 0.2 < weights["close"].last < 1.0  # one score says less than two
    # no first step is ever right: what is left is that there were 4000 of them
    assert weights["open"].last == 0.0
    assert probability(weights["open"].bias) == pytest.approx(1 / 4002, rel=0.05)


def test_a_model_of_one_step() -> None:
    """Its history encoder may never say that the search is over."""
    trials = [Trial((zoom(TARGET, p, 0.1),), TARGET) for p in (0.7, 0.8, 0.9)]
    trials += [Trial((zoom(BESIDE, p, 0.1),), TARGET) for p in (0.1, 0.2, 0.3)]
    weights = fit_evidence(trials, ENDED)
    assert weights["open"].last > 0.3
    assert weights["whole"] == weights["close"] == weights["open"]  # the only evidence there is
    assert all(each.first == 0 for each in weights.values())


@given(
    st.lists(
        st.tuples(st.floats(-14, 14), st.floats(-14, 14), st.booleans()), min_size=1, max_size=30
    ),
    st.booleans(),
)
@settings(max_examples=60)
def test_any_samples_give_weights_that_an_engine_accepts(samples, both: bool) -> None:
    weights = vars(fit_weights(np.array(samples, dtype=np.float64), both=both))
    evidence = dict.fromkeys(("whole", "close", "open"), weights)
    Calibration.from_mapping(
        {"threshold": 0.5, "evidence": evidence, "ended": ENDED, "tie_margin": 0.0}
    )


def test_a_calibration_goes_into_a_config() -> None:
    result = calibrate(simulated(1200), 0.05, "absent", ENDED, "a simulation")
    values = json.loads(json.dumps(result.calibration, allow_nan=False))
    made = Calibration.from_mapping(values)
    assert values["risk"] == {
        "stated": 0.05,
        "confidence": 0.95,
        "guard": "absent",
        "n": pytest.approx(200, abs=50),
    }
    assert values["source"] == "a simulation"
    assert 0.3 < result.right_kept < 1
    assert result.absent_found <= 0.05
    fresh = simulated(4000, seed=1)
    scores = np.array([made.score(each.zooms) for each in fresh])
    right = np.array([each.right for each in fresh])
    absent = np.array([each.target_xyxy is None for each in fresh])
    assert scores.mean() == pytest.approx(right.mean(), abs=0.05)
    assert (scores[absent] >= made.threshold).mean() < 0.06
    flagged = np.array([made.rival(each.zooms) is not None for each in fresh])
    assert flagged[right].mean() == pytest.approx(0.1, abs=0.06)
    assert flagged[~right].mean() > 0.3


def test_the_risk_of_any_wrong_answer() -> None:
    trials = simulated(1200)
    wrong = calibrate(trials, 0.02, "wrong", ENDED, "")
    assert (wrong.calibration["risk"]["guard"], wrong.calibration["risk"]["n"]) == ("wrong", 800)
    made = Calibration.from_mapping(wrong.calibration)
    held = trials[400:]
    bad = [each for each in held if made.score(each.zooms) >= made.threshold and not each.right]
    assert len(bad) <= 9  # of 800, which proves 0.02
    looser = calibrate(trials, 0.1, "wrong", ENDED, "")
    assert looser.right_kept > wrong.right_kept
    assert looser.wrong_among_found > wrong.wrong_among_found


def test_no_right_answers_or_too_few_questions() -> None:
    for trials in ([], [trial(0.5, 0.5, False)] * 200, simulated(4)[:1]):
        with pytest.raises(InputError, match="right answers in both parts"):
            calibrate(trials, 0.1, "absent", ENDED, "")
    with pytest.raises(InputError, match="at least 59 questions"):
        calibrate([trial(0.5, 0.5, True)] * 30, 0.05, "absent", ENDED, "")


def test_searches_that_break_off_have_no_answer() -> None:
    frame = np.zeros((4, 4, 3), np.uint8)
    asked = [Question(frame, ref, TARGET) for ref in ("good", "faulty", "unreadable")]

    def search(frame: np.ndarray, ref: str) -> Search:
        if ref == "unreadable":
            raise InputError("too long")
        return Search(trial(0.5, 0.5, True).zooms, "shrank" if ref == "faulty" else None)

    trials = run_trials(search, asked)
    assert [each.right for each in trials] == [True, False, False]
    assert [len(each.zooms) for each in trials] == [2, 0, 0]
    # they count as present objects that are not found
    assert by_size(trials)[0]["acc50"] == pytest.approx(1 / 3, abs=1e-4)


def test_margins() -> None:
    """Twenty right answers are 0.1, 0.2, ... 2.0 logits ahead: two may be flagged."""
    weights = {"bias": 0.0, "first": 1.0, "last": 0.0}
    evidence = dict.fromkeys(("whole", "close", "open"), weights)
    plain = Calibration.from_mapping(
        {"threshold": 0.0, "evidence": evidence, "ended": ENDED, "tie_margin": 0.0}
    )
    trials = [
        trial(0.5, 0.5, True, rival=probability(logit(0.5) - k / 10)) for k in range(20, 0, -1)
    ]
    assert tie_margin(plain, trials) == pytest.approx(0.2, abs=1e-3)
    assert tie_margin(plain, trials[:5]) == 0.0  # a tenth of five is none
    alone = [Trial((zoom(TARGET, 0.5, 1.0),), TARGET)] * 20
    assert tie_margin(plain, alone) == 0.0


def test_groups_of_sizes() -> None:
    sides = np.linspace(10, 90, 400)
    trials = []
    for side in sides:
        target = (0.0, 0.0, float(side), float(side))
        box = target if side >= 50 else (500.0, 500.0, 510.0, 510.0)
        trials.append(Trial((zoom(box, 0.5, 1.0),), target))
    trials.append(trial(0.5, 0.5, False, absent=True))
    groups = by_size(trials)
    assert len(groups) == 8
    assert sum(group["n"] for group in groups) == 400
    assert (groups[0]["from_px"], groups[-1]["to_px"]) == (10.0, 91.0)
    assert all(a["to_px"] == b["from_px"] for a, b in itertools.pairwise(groups))
    assert [group["acc50"] for group in groups] == pytest.approx([0] * 4 + [1] * 4, abs=0.03)


def test_sizes_that_are_all_the_same() -> None:
    [group] = by_size([trial(0.5, 0.5, True)] * 120)
    assert group == {"from_px": 30.0, "to_px": 31.0, "n": 120, "acc50": 1.0}
    assert by_size([]) == []
    assert math.isclose(by_size([trial(0.5, 0.5, False)])[0]["acc50"], 0.0)
