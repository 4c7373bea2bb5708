"""How outputs are compared."""

from __future__ import annotations

import numpy as np
import pytest

from export.comparison import ALIKE, ENORMOUS, differences

BOXES = np.array([[[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]], np.float32)
SCORES = np.array([[0.9, 0.5, 0.1]], np.float32)


def candidates(boxes: np.ndarray = BOXES, scores: np.ndarray = SCORES) -> dict[str, np.ndarray]:
    return {"boxes": boxes, "scores": scores}


def test_equal_outputs() -> None:
    assert differences(candidates(), candidates()) == {"boxes": 0.0, "scores": 0.0}
    features = {"text_features": np.ones((1, 2, 3), np.float32)}
    assert differences(features, features) == {"text_features": 0.0}


def test_the_largest_difference_counts() -> None:
    moved, doubted = BOXES.copy(), SCORES.copy()
    moved[0, 2, 1] += 0.25
    doubted[0, 1] -= 0.0005
    found = differences(candidates(moved, doubted), candidates())
    assert found["boxes"] == pytest.approx(0.25)
    assert found["scores"] == pytest.approx(0.0005, rel=1e-3)


def test_candidates_of_equal_scores_may_change_places() -> None:
    scores = np.array([[0.9, 0.5, 0.4999]], np.float32)
    found = differences(candidates(BOXES[:, [0, 2, 1]], scores), candidates(scores=scores))
    assert found == {"boxes": 0.0, "scores": 0.0}
    clear = np.array([[0.9, 0.5, 0.4]], np.float32)
    found = differences(candidates(BOXES[:, [0, 2, 1]], clear), candidates(scores=clear))
    assert found["boxes"] == 0.5


def test_boxes_without_a_counterpart() -> None:
    found = differences(candidates(scores=SCORES + 0.05), candidates())
    assert found["boxes"] == pytest.approx(ENORMOUS)
    assert found["scores"] > ALIKE


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_enormous(value: float) -> None:
    """max() of Python would pass over NaN."""
    boxes, scores = BOXES.copy(), SCORES.copy()
    boxes[0, 1, 1] = value
    assert differences(candidates(boxes), candidates())["boxes"] > 1e29
    scores[0, 2] = value
    assert differences(candidates(scores=scores), candidates())["scores"] > 1e29
    features = np.array([[value, 0]], np.float32)
    assert differences({"f": features}, {"f": np.zeros_like(features)})["f"] > 1e29
    assert differences({"f": features}, {"f": features})["f"] > 1e29
