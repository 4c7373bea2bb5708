"""How outputs are compared."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from export.certificate.comparison import End, compare_searches
from export.certificate.criteria import ENORMOUS
from export.families.grounding_dino import ALIKE, CRITERIA, differences

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


HERE = End(True, 3, np.array([10, 10, 20, 20], np.float32), True)
NOWHERE = End(False, 0, None, False)


@pytest.mark.parametrize(
    ("ours", "overlap", "alike"),
    [
        (HERE, 1.0, True),
        (dataclasses.replace(HERE, found=False), 1.0, False),
        (dataclasses.replace(HERE, steps=4), 1.0, False),
        (dataclasses.replace(HERE, xyxy=np.array([10, 10, 20, 15], np.float32)), 0.5, True),
        (NOWHERE, 0.0, False),
    ],
)
def test_where_searches_end(ours: End, overlap: float, alike: bool) -> None:
    report = compare_searches([ours, NOWHERE], [HERE, NOWHERE], CRITERIA["fp32"])
    assert report.lowest_iou == pytest.approx(overlap)
    assert report.same_box == (1.0 if overlap == 1.0 else 0.5)
    assert report.same_decision == (1.0 if alike else 0.5)
    assert report.passed == (alike and overlap == 1.0)
    assert report.acc50 == (0.5 if ours.right else 0.0)


@pytest.mark.parametrize(("lost", "passed"), [(1, True), (2, False)])
def test_one_object_may_be_lost(lost: int, passed: bool) -> None:
    ours = [dataclasses.replace(HERE, right=k >= lost) for k in range(100)]
    report = compare_searches(ours, [HERE] * 100, CRITERIA["fp32"])
    assert (report.acc50, report.reference_acc50) == (1 - lost / 100, 1.0)
    assert report.passed == passed


def test_without_objects_there_is_no_share_of_them() -> None:
    absent = [dataclasses.replace(NOWHERE, right=None)] * 2
    report = compare_searches(absent, absent, CRITERIA["fp32"])
    assert report.acc50 is report.reference_acc50 is None
    assert report.passed
