"""Suppression against the plain double loop, and its bounds."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import iou
from sdk.regions.suppression import MOST_COMPARED, suppress


def plainly(xyxy, scores, labels, most, overlap):
    """The rule as it is usually written."""
    kept: list[int] = []
    for k in sorted(range(len(scores)), key=lambda k: -scores[k]):
        rivals = [j for j in kept if labels[j] == labels[k]]
        if all(iou(xyxy[k], xyxy[j]) <= overlap for j in rivals):
            kept.append(k)
    return kept[:most]


@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.6]))
def test_the_greedy_rule(count, seed, overlap) -> None:
    random = np.random.default_rng(seed)
    low = random.integers(0, 8, (count, 2))
    boxes = np.concatenate([low, low + random.integers(0, 6, (count, 2))], axis=1).astype(float)
    scores, labels = random.permutation(count) / 40, random.integers(0, 2, count)
    kept = suppress(boxes, scores, labels, 30, overlap)
    assert kept.tolist() == plainly(boxes, scores, labels, 30, overlap)


def test_nothing() -> None:
    assert suppress([], [], [], 10).shape == (0,)


def test_equal_scores_stay_in_order_and_empty_boxes_stay() -> None:
    boxes = [[0, 0, 4, 4], [0, 0, 4, 4], [5, 5, 5, 5], [5, 5, 5, 5]]
    assert suppress(boxes, [0.5] * 4, [0, 0, 1, 1], 10).tolist() == [0, 2, 3]


@pytest.mark.parametrize("classes", [1, 80])
def test_five_thousand_boxes_are_bounded(classes) -> None:
    """Boxes apart from each other are the slowest: none takes another away."""
    random = np.random.default_rng(0)

    def timed(count: int) -> tuple[float, int]:
        low = random.uniform(0, 4000, (count, 2))
        boxes, labels = np.concatenate([low, low + 3], axis=1), np.arange(count) % classes
        scores, took = random.uniform(0, 1, count), []
        for _ in range(3):
            begin = time.thread_time()  # whatever else the machine does
            kept = suppress(boxes, scores, labels, count)
            took.append(time.thread_time() - begin)
        return min(took), len(kept)

    few, many = timed(500), timed(5000)
    assert few[1] >= 490
    assert many[1] <= MOST_COMPARED
    assert many[0] < 10 * few[0] + 0.02
