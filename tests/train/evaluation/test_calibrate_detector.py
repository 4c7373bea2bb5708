"""What a detector's scores are worth, from boxes that turned out right or wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from sdk.results.detections import Detections
from sdk.zoom.calibration import Calibration, logit, probability
from train.evaluation.calibrate_detector import (
    Judged,
    calibrate_detector,
    calibration_error,
    judged,
)
from train.evaluation.detection import Truth

CAR, FAR = (10.0, 10.0, 50.0, 50.0), (200.0, 200.0, 240.0, 240.0)


def found(*rows: tuple[tuple[float, ...], float, int]) -> Detections:
    return Detections(
        xyxy=np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        scores=np.array([row[1] for row in rows], np.float32),
        labels=np.array([row[2] for row in rows], np.int64),
        names=("car", "bus"),
        own_scores=np.array([row[1] for row in rows], np.float32),
        frame_wh=(320, 240),
        engine="made@up",
        timing_ms={},
    )


def test_an_object_is_right_once_and_for_its_class() -> None:
    truth = Truth(np.array([CAR], np.float64), np.array([0]))
    rows = ((CAR, 0.9, 0), (CAR, 0.8, 1), (CAR, 0.7, 0), (FAR, 0.6, 0))
    [made] = judged([found(*rows)], [truth])
    assert made.right.tolist() == [True, False, False, False]
    assert made.scores == pytest.approx([0.9, 0.8, 0.7, 0.6])
    [nothing] = judged([found()], [truth])
    assert len(nothing.right) == 0


def simulated(count: int, slope: float, bias: float) -> list[Judged]:
    """Images of four boxes, right with a probability of sigmoid(bias + slope logit(score))."""
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.05, 0.95, (count, 4))
    worth = [[probability(bias + slope * logit(each)) for each in row] for row in scores]
    right = rng.random((count, 4)) < np.array(worth)
    return [Judged(*each) for each in zip(scores, right, strict=True)]


def test_what_scores_are_worth_is_found_again() -> None:
    made = calibrate_detector(simulated(4000, 2.0, 1.0), "made up")
    weights = made.calibration["evidence"]["close"]
    assert weights["last"] == pytest.approx(2.0, abs=0.15)
    assert weights["bias"] == pytest.approx(1.0, abs=0.15)
    assert made.error < 0.02 < made.error_before
    assert made.boxes == 8000
    assert made.right_among_sure > 0.5
    read = Calibration.from_mapping(made.calibration)
    assert read.threshold == 0.5
    assert read.evidence is not None


def test_nothing_right_is_nothing_to_fit() -> None:
    wrong = [Judged(np.array([0.5]), np.array([False]))] * 4
    with pytest.raises(InputError, match="right boxes in both halves of 4 images"):
        calibrate_detector(wrong, "made up")
    with pytest.raises(InputError, match="of 0 images"):
        calibrate_detector([], "made up")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_the_error_is_a_share(rows) -> None:
    scores, right = (np.array(each) for each in zip(*rows, strict=True))
    error = calibration_error(scores, right)
    assert 0 <= error <= 1
    assert calibration_error(right.astype(float), right) == 0
