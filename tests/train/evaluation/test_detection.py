"""Average precision and recall of detections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.regions.proposals import Proposals
from train.evaluation.detection import PROPOSED, Truth, detection_scores

NAMES = ("car", "sign")
CAR, SIGN, FAR = (0, 0, 10, 10), (50, 50, 60, 60), (200, 200, 220, 220)


def found(*rows: tuple) -> Proposals:
    """Rows of a box, a score and a label."""
    ordered = sorted(rows, key=lambda row: -row[1])
    boxes = np.array([row[0] for row in ordered]).reshape(-1, 4)
    scores = [row[1] for row in ordered]
    labels = np.array([row[2] for row in ordered], np.int64)
    return Proposals(boxes, np.array(scores, np.float32), labels, NAMES)


def truth(*rows: tuple) -> Truth:
    boxes = np.array([row[0] for row in rows], np.float64).reshape(-1, 4)
    return Truth(boxes, np.array([row[1] for row in rows], np.int64))


BOTH = truth((CAR, 0), (SIGN, 1))


@pytest.mark.parametrize(
    ("rows", "ap50", "recall"),
    [
        ([(CAR, 0.9, 0), (SIGN, 0.8, 1)], 1.0, 1.0),
        ([(CAR, 0.9, 1), (SIGN, 0.8, 0)], 0.0, 1.0),  # taken for something else
        ([(CAR, 0.9, 0)], 0.5, 0.5),
        ([(CAR, 0.9, 0), (CAR, 0.8, 0), (SIGN, 0.8, 1)], 1.0, 1.0),  # twice: after the right one
        ([(FAR, 0.95, 0), (CAR, 0.9, 0), (SIGN, 0.8, 1)], 0.75, 1.0),  # wrong: before it
        ([], 0.0, 0.0),
    ],
)
def test_scores_by_hand(rows, ap50, recall) -> None:
    scores = detection_scores([found(*rows)], [BOTH])
    assert scores == pytest.approx({"ap50": ap50, "recall": recall})


def test_precision_over_several_images() -> None:
    """One class, three objects; right, wrong, right in the order of scores: 1/3 + 2/3 / 3."""
    shown = [found((CAR, 0.9, 0)), found((FAR, 0.8, 0)), found((CAR, 0.7, 0))]
    scores = detection_scores(shown, [truth((CAR, 0))] * 3)
    assert scores["ap50"] == pytest.approx(1 / 3 + 2 / 9)


def test_recall_looks_at_the_best_few() -> None:
    rows = [(FAR, 0.9 - k / 1000, 0) for k in range(PROPOSED - 1)]
    assert detection_scores([found(*rows, (CAR, 0.5, 0))], [truth((CAR, 0))])["recall"] == 1.0
    rows.append((FAR, 0.8, 0))
    assert detection_scores([found(*rows, (CAR, 0.5, 0))], [truth((CAR, 0))])["recall"] == 0.0


def test_nothing_to_find() -> None:
    assert detection_scores([found((CAR, 0.9, 0))], [truth()]) == {"ap50": 0.0, "recall": 0.0}


ROW = st.tuples(
    st.sampled_from([CAR, SIGN, FAR]), st.floats(1 / 64, 1, width=32), st.integers(0, 1)
)
TRUTH = st.lists(
    st.tuples(st.sampled_from([CAR, SIGN, FAR]), st.integers(0, 1)), max_size=4, unique=True
)
IMAGES = st.lists(st.tuples(st.lists(ROW, max_size=5), TRUTH), min_size=1, max_size=3)


@given(IMAGES)
def test_bounds_perfection_and_what_scores_may_be(images) -> None:
    shown = [found(*rows) for rows, _ in images]
    truths = [truth(*rows) for _, rows in images]
    scores = detection_scores(shown, truths)
    assert all(0.0 <= value <= 1.0 for value in scores.values())
    halved = [Proposals(each.xyxy, each.scores / 2, each.labels, NAMES) for each in shown]
    assert detection_scores(halved, truths) == scores  # the order alone counts
    perfect = [found(*((box, 0.9, label) for box, label in rows)) for _, rows in images]
    something = any(rows for _, rows in images)
    assert detection_scores(perfect, truths)["recall"] == something
    assert detection_scores(perfect, truths)["ap50"] == pytest.approx(float(something))
