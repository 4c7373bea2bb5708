"""Calibrated scores and rivals."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sdk import Grounder
from sdk.engine.folder import write_manifest
from sdk.errors import EngineError
from sdk.results.grounding import Zoom
from sdk.zoom.calibration import Calibration, logit, probability

WINDOW, OBJECT = (100.0, 100.0, 400.0, 400.0), (230.0, 240.0, 260.0, 270.0)
BESIDE, OVERLAPPING = (600.0, 100.0, 900.0, 400.0), (110.0, 110.0, 400.0, 400.0)
MAPPING = {
    "threshold": 0.7,
    "evidence": {
        "whole": {"bias": -0.3, "first": 2.0, "last": 1.0},
        "close": {"bias": -0.5, "first": 0.0, "last": 1.5},
        "open": {"bias": -6.0, "first": 0.0, "last": 0.0},
    },
    "ended": 0.95,
    "tie_margin": 0.5,
    "risk": {"stated": 0.04},
}
CALIBRATION = Calibration.from_mapping(MAPPING)
ANY_SCORE = st.one_of(st.floats(0, 1), st.sampled_from([math.nan, math.inf, -math.inf, -1.0, 2.0]))


def zoom(box, score: float, others=(), stop: float = 0.0) -> Zoom:
    """A step that chose ``box``; ``others`` are pairs of box and score."""
    pairs = [(box, score), *others]
    return Zoom(
        window_xyxy=np.array((0, 0, 1920, 1080), np.float32),
        xyxy=np.array(box, np.float32),
        raw_score=score,
        candidates_xyxy=np.array([pair[0] for pair in pairs], np.float32),
        candidates_scores=np.array([pair[1] for pair in pairs], np.float32),
        progress=0.0,
        stop_probability=stop,
    )


def search(first: float, last: float, others=(), late_others=()) -> tuple[Zoom, Zoom]:
    return zoom(WINDOW, first, others), zoom(OBJECT, last, late_others, stop=0.99)


@st.composite
def calibrations(draw) -> Calibration:
    slope, bias = st.floats(0, 100), st.floats(-100, 100)
    weights = st.fixed_dictionaries({"bias": bias, "first": slope, "last": slope})
    evidence = st.fixed_dictionaries({"whole": weights, "close": weights, "open": weights})
    values = {"threshold": 0.5, "ended": draw(st.floats(0, 1)), "tie_margin": draw(slope)}
    return Calibration.from_mapping({**values, "evidence": draw(evidence)})


@given(st.floats(1e-5, 1 - 1e-5))
def test_a_probability_and_its_logit(p: float) -> None:
    assert probability(logit(p)) == pytest.approx(p)


def test_the_score_is_made_of_the_first_and_the_last_step() -> None:
    expected = -0.3 + 2.0 * math.log(0.6 / 0.4) + 1.0 * math.log(0.8 / 0.2)
    middle = zoom(WINDOW, 0.01)
    for steps in (search(0.6, 0.8), (search(0.6, 0.8)[0], middle, search(0.6, 0.8)[1])):
        assert logit(CALIBRATION.score(steps)) == pytest.approx(expected)


def test_a_search_of_one_step() -> None:
    """One that ended is a warm start's; one that did not has no more than a place on the way."""
    assert CALIBRATION.score([zoom(OBJECT, 0.8, stop=0.99)]) == pytest.approx(
        probability(-0.5 + 1.5 * logit(0.8))
    )
    assert CALIBRATION.score([zoom(WINDOW, 0.8, stop=0.2)]) == pytest.approx(probability(-6.0))
    assert CALIBRATION.score([zoom(WINDOW, 0.9), zoom(OBJECT, 0.9, stop=0.2)]) < 0.01


def test_a_warm_start_is_worth_what_both_looks_are_worth():
    first, last = zoom(WINDOW, 0.6), zoom(OBJECT, 0.8, stop=0.99)
    assert CALIBRATION.score([last], 0.6) == CALIBRATION.score([first, last])
    assert CALIBRATION.score([last], 0.6) != CALIBRATION.score([last])
    assert CALIBRATION.score([last], 0.3) < CALIBRATION.score([last], 0.6)
    assert CALIBRATION.score((), 0.6) == 0.0


def test_an_earlier_look_offers_no_rival():
    assert CALIBRATION.runner_up([zoom(OBJECT, 0.8)], 0.6) is None


def test_without_a_step() -> None:
    assert CALIBRATION.score(()) == 0.0
    assert CALIBRATION.rival(()) is None
    assert Calibration(0.5).score(()) == 0.0


def test_an_engine_with_a_threshold_alone() -> None:
    plain = Calibration.from_mapping({"threshold": 0.25, "by_size": []})
    assert plain == Calibration(0.25)
    steps = search(0.1, 0.8, [(BESIDE, 0.1)], [(BESIDE, 0.8)])
    assert plain.score(steps) == 0.8
    assert plain.score(steps[:1]) == 0.1
    assert plain.rival(steps) is None
    assert plain.runner_up(steps) is None


@given(calibrations(), st.lists(st.tuples(ANY_SCORE, st.floats(0, 1)), min_size=1, max_size=4))
def test_scores_are_probabilities(calibration: Calibration, steps) -> None:
    zooms = [zoom(OBJECT, score, stop=stop) for score, stop in steps]
    for made in (calibration, Calibration(0.5)):
        assert 0.0 <= made.score(zooms) <= 1.0


@given(calibrations(), ANY_SCORE, ANY_SCORE, ANY_SCORE, st.booleans(), st.floats(0, 1))
def test_a_better_last_score_never_makes_it_worse(
    calibration: Calibration, first, low, high, alone: bool, stop: float
) -> None:
    assume(low <= high)
    before = [] if alone else [zoom(WINDOW, first)]
    for made in (calibration, Calibration(0.5)):
        worse, better = (made.score([*before, zoom(OBJECT, x, stop=stop)]) for x in (low, high))
        assert worse <= better


def test_a_rival_of_the_first_step() -> None:
    """Its score is what the search would be worth with it; overlapping windows are the same."""
    steps = search(0.6, 0.8, [(OVERLAPPING, 0.59), (BESIDE, 0.56)])
    rival = CALIBRATION.rival(steps)
    assert rival is not None
    np.testing.assert_array_equal(rival.xyxy, BESIDE)
    assert rival.score == pytest.approx(CALIBRATION.score(search(0.56, 0.8)))
    assert rival.score < CALIBRATION.score(steps)


def test_a_rival_of_the_last_step() -> None:
    near = (300.0, 240.0, 330.0, 270.0)
    steps = search(0.6, 0.8, [(BESIDE, 0.3)], [(near, 0.75)])
    rival = CALIBRATION.rival(steps)
    assert rival is not None
    np.testing.assert_array_equal(rival.xyxy, near)
    assert rival.score == pytest.approx(CALIBRATION.score(search(0.6, 0.75)))
    alone = CALIBRATION.rival([zoom(OBJECT, 0.8, [(near, 0.75)], stop=0.99)])
    assert alone is not None
    assert alone.score == pytest.approx(probability(-0.5 + 1.5 * logit(0.75)))


def test_what_is_far_behind_is_no_rival() -> None:
    steps = search(0.6, 0.8, [(BESIDE, 0.5)])
    found = CALIBRATION.runner_up(steps)
    assert found is not None
    assert found[1] == pytest.approx(2.0 * logit(0.6))
    assert CALIBRATION.rival(steps) is None


def test_a_better_candidate_elsewhere_is_a_rival() -> None:
    """A beam may end best where the first step was not at its best."""
    rival = CALIBRATION.rival(search(0.4, 0.8, [(BESIDE, 0.9)]))
    assert rival is not None
    assert rival.score > CALIBRATION.score(search(0.4, 0.8))


def test_candidates_that_are_none() -> None:
    nan, flat = (math.nan, 0.0, 10.0, 10.0), (600.0, 100.0, 600.0, 400.0)
    others = [(nan, 0.6), (flat, 0.6), (BESIDE, math.nan), (BESIDE, math.inf)]
    assert CALIBRATION.runner_up(search(0.6, 0.8, others, others)) is None
    assert CALIBRATION.rival(search(0.6, 0.8)) is None


def test_a_step_whose_score_says_nothing_has_no_rival() -> None:
    assert CALIBRATION.rival([zoom(WINDOW, 0.5, [(BESIDE, 0.5)])]) is None


@given(calibrations(), st.lists(st.tuples(ANY_SCORE, ANY_SCORE), min_size=1, max_size=3))
def test_rivals_of_any_search(calibration: Calibration, scores) -> None:
    zooms = [zoom(OBJECT, own, [(BESIDE, other)], stop=0.5) for own, other in scores]
    rival = calibration.rival(zooms)
    if rival is not None:
        assert 0.0 <= rival.score <= 1.0
        np.testing.assert_array_equal(rival.xyxy, BESIDE)


@pytest.mark.parametrize("key", ["threshold", "evidence.open", "evidence.whole.last", "ended"])
def test_what_is_missing(key: str) -> None:
    values = copy.deepcopy(MAPPING)
    *parents, last = key.split(".")
    place = values
    for name in parents:
        place = place[name]
    del place[last]
    with pytest.raises(EngineError, match=rf"train calibrate.*calibration\.{key}"):
        Calibration.from_mapping(values)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", 1.01),
        ("threshold", math.nan),
        ("threshold", "0.5"),
        ("threshold", True),
        ("threshold", None),
        ("evidence.whole.last", -0.1),
        ("evidence.whole.first", -1e-9),
        ("evidence.close.bias", math.inf),
        ("evidence.close.bias", 10**400),
        ("evidence.open.last", [1.0]),
        ("ended", -1),
        ("tie_margin", math.nan),
    ],
)
def test_nonsense(key: str, value: object) -> None:
    values = copy.deepcopy(MAPPING)
    *parents, last = key.split(".")
    place = values
    for name in parents:
        place = place[name]
    place[last] = value
    with pytest.raises(EngineError, match=rf"calibration\.{key}.* to be a number in"):
        Calibration.from_mapping(values)


@pytest.mark.parametrize("values", [None, [], "0.5", {"threshold": 0.5, "evidence": None}, {}])
def test_no_mapping_at_all(values: object) -> None:
    with pytest.raises(EngineError, match="has no 'calibration"):
        Calibration.from_mapping(values)


def test_scores_are_calibrated(engine, make_manifest, make_frame) -> None:
    weights = {"bias": -1.0, "first": 1.0, "last": 1.0}
    calibration = {
        "threshold": 0.5,
        "evidence": dict.fromkeys(("whole", "close", "open"), weights),
        "ended": 0.0,
        "tie_margin": 100.0,
    }
    write_manifest(engine, make_manifest(calibration=calibration))
    made = Calibration.from_mapping(calibration)
    frame = make_frame()
    with Grounder(engine, threads=1) as calibrated:
        answer = calibrated.locate(frame, "the red square")
    assert len(answer.zooms) > 1
    assert answer.score == made.score(answer.zooms) != answer.zooms[-1].raw_score
    assert answer.found is (answer.score >= 0.5)
    # The second candidate of the small engine is the whole window, wherever it looks; its score
    # is 0, and what is at the floor is nobody's rival, however wide the margin.
    assert made.runner_up(answer.zooms) is not None
    assert answer.rival is None


@pytest.mark.parametrize("floor", [0.0, 1e-9, 1e-3])
def test_where_nothing_is_likely_nothing_is_ambiguous(floor: float) -> None:
    """As on a black frame, where every candidate is as good as none."""
    steps = search(floor, floor, [(BESIDE, floor)])
    runner_up = CALIBRATION.runner_up(steps)
    assert runner_up is not None
    assert runner_up[1] <= CALIBRATION.tie_margin
    assert CALIBRATION.score(steps) < 0.005
    assert CALIBRATION.rival(steps) is None
