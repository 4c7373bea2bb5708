"""COCO's scores of base and novel classes, against a second way to count them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.geometry import iou
from sdk.regions.proposals import Proposals
from train.evaluation.detection import Truth
from train.evaluation.few_shot import OVERLAPS, few_shot_scores

LABELS, NOVEL = ("car", "sign", "scooter"), ("scooter",)


def as_coco_counts(found, truths, label: int, least: float) -> float:
    """Written out: boxes of all images by score, each takes the best object that is left."""
    taken: set[tuple[int, int]] = set()
    rows = [
        (score, k, box)
        for k, each in enumerate(found)
        for box, score, own in zip(each.xyxy, each.scores, each.labels, strict=True)
        if own == label
    ]
    right = []
    for _, k, box in sorted(rows, key=lambda row: -row[0]):
        best, chosen = least, None
        for number, (other, own) in enumerate(zip(truths[k].xyxy, truths[k].labels, strict=True)):
            overlap = float(iou(box, other))
            if own == label and (k, number) not in taken and overlap >= best:
                best, chosen = overlap, (k, number)
        right.append(chosen is not None)
        if chosen is not None:
            taken.add(chosen)
    count = sum(int((truth.labels == label).sum()) for truth in truths)
    hits = np.cumsum(right)
    points = [(hit / count, hit / (k + 1)) for k, hit in enumerate(hits)]
    return float(
        np.mean(
            [
                max((p for r, p in points if r >= recall), default=0.0)
                for recall in np.linspace(0, 1, 101)
            ]
        )
    )


@st.composite
def answers(draw: st.DrawFn):
    """What is there in two images, and what was found there."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    truths, found = [], []
    for _ in range(2):
        count = draw(st.integers(0, 3))
        low = rng.uniform(0, 50, (count, 2))
        boxes = np.concatenate([low, low + rng.uniform(5, 30, (count, 2))], axis=1)
        labels = rng.integers(0, 3, count)
        truths.append(Truth(boxes, labels))
        near = np.repeat(boxes, 2, axis=0) + rng.normal(0, 2, (2 * count, 4))
        near[:, 2:] = np.maximum(near[:, :2], near[:, 2:])
        scores = np.sort(rng.random(2 * count))[::-1]
        strange = rng.random(2 * count) < 0.2
        kinds = np.where(strange, rng.integers(0, 3, 2 * count), np.repeat(labels, 2))
        found.append(Proposals(near, scores, kinds, LABELS))
    return found, truths


@settings(max_examples=30, deadline=None)
@given(answers())
def test_scores_are_what_is_counted_by_hand(drawn) -> None:
    found, truths = drawn
    scores = few_shot_scores(found, truths, LABELS, NOVEL)
    occurring = sorted({int(label) for truth in truths for label in truth.labels})
    groups = {
        "": occurring,
        "base_": [k for k in occurring if k < 2],
        "novel_": [k for k in occurring if k == 2],
    }
    assert {name for name in scores if name.endswith("ap50")} == {
        f"{group}ap50" for group, members in groups.items() if members
    }
    for group, members in groups.items():
        if members:
            by_overlap = [
                np.mean([as_coco_counts(found, truths, k, least) for k in members])
                for least in OVERLAPS
            ]
            assert scores[f"{group}ap"] == pytest.approx(np.mean(by_overlap), abs=1e-9)
            assert scores[f"{group}ap50"] == pytest.approx(by_overlap[0], abs=1e-9)
            assert scores[f"{group}ap75"] == pytest.approx(by_overlap[5], abs=1e-9)


def test_nothing_found_and_nothing_there() -> None:
    nothing = Proposals.empty(LABELS)
    car = Truth(np.array([[0.0, 0.0, 9.0, 9.0]]), np.array([0]))
    scores = few_shot_scores([nothing], [car], LABELS, NOVEL)
    assert scores == dict.fromkeys(scores, 0.0)
    assert "novel_ap" not in scores
    assert (
        few_shot_scores([nothing], [Truth(np.empty((0, 4)), np.empty(0, int))], LABELS, NOVEL) == {}
    )
