"""IoU and accuracy of answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.metrics import THRESHOLDS, accuracy, answer_ious

BOX = (10.0, 10.0, 30.0, 20.0)


def test_ious_of_answers() -> None:
    answers = [BOX, (10.0, 10.0, 20.0, 20.0), (40.0, 40.0, 50.0, 50.0), (30.0, 20.0, 10.0, 10.0)]
    np.testing.assert_allclose(answer_ious(answers, [BOX] * 4), [1.0, 0.5, 0.0, 0.0])


def test_no_answer_is_a_wrong_answer() -> None:
    answers = [None, (math.nan, 0.0, 1.0, 1.0), (0.0, 0.0, math.inf, math.inf), BOX]
    np.testing.assert_array_equal(answer_ious(answers, [BOX] * 4), [0.0, 0.0, 0.0, 1.0])


def test_no_answers_at_all() -> None:
    assert answer_ious([], []).shape == (0,)


def test_as_many_answers_as_targets() -> None:
    with pytest.raises(ValueError, match="got 1, 2"):
        answer_ious([BOX], [BOX, BOX])


def test_thresholds() -> None:
    np.testing.assert_allclose(THRESHOLDS, np.linspace(0.5, 0.95, 10))


def test_accuracy() -> None:
    found = accuracy([0.0, 0.49, 0.5, 0.75, 1.0])  # borders count
    assert (found.acc50, found.acc75, found.count) == (0.6, 0.4, 5)
    shares = [3, 2, 2, 2, 2, 2, 1, 1, 1, 1]  # at 0.50, 0.55 .. 0.75, 0.80 ..
    assert found.macc == pytest.approx(np.mean(shares) / 5)
    assert found.to_dict() == {"acc50": 0.6, "acc75": 0.4, "macc": found.macc, "n": 5}


def test_accuracy_of_nothing_is_no_number() -> None:
    found = accuracy([])
    assert found.count == 0
    assert math.isnan(found.acc50)
    assert math.isnan(found.macc)
