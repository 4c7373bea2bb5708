"""How outputs are compared."""

from __future__ import annotations

import numpy as np
import pytest

from export.certificate.comparison import ALIKE, differences
from export.certificate.criteria import ENORMOUS

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


def many(changed: dict[int, float] | None = None, bad: float = 0.0) -> dict[str, np.ndarray]:
    """300 candidates, far apart; ``changed``: what is added to boxes, by rank."""
    boxes = np.linspace(0, 1, 300, dtype=np.float32)[None, :, None].repeat(4, -1)
    scores = np.linspace(0.9, 0.1, 300, dtype=np.float32)[None]
    for rank, amount in (changed or {}).items():
        boxes[0, rank] += amount
    boxes[0, 150, 0] += bad
    return {"boxes": boxes, "scores": scores}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({7: 0.5, 8: 0.5, 299: 0.5}, 0.0),  # a hundredth
        ({7: 0.5, 8: 0.5, 9: 0.5, 299: 0.5}, 0.5),
        ({0: 0.5}, 0.5),  # the best one is never among them
    ],
)
def test_some_of_very_many_candidates_may_have_swapped_places(changed, expected: float) -> None:
    assert differences(many(changed), many())["boxes"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_of_very_many_candidates_none_may_be_no_number(bad: float) -> None:
    assert differences(many(bad=bad), many())["boxes"] > 1e29
