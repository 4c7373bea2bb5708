"""From what two stages say to proposals, and to boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import EngineError
from sdk.json_reader import JsonReader
from sdk.regions.heads import Wanted
from sdk.regions.region_proposals import (
    ALIKE,
    AnchorGrid,
    RegionHead,
    propose,
    read_anchors,
)

GRID = AnchorGrid((32, 64), 16, (8.0, 16.0))


def test_anchors_stand_in_the_middle_of_their_cells() -> None:
    boxes = GRID.boxes * np.array([64, 32, 64, 32])
    assert boxes.shape == (2 * 4 * 6, 4) == (8 * GRID.of_a_cell, 4)
    np.testing.assert_allclose(boxes[:6, :2], np.full((6, 2), 8.0))
    np.testing.assert_allclose(boxes[6, :2], (24.0, 8.0))
    np.testing.assert_allclose(boxes[:, 2] * boxes[:, 3], np.tile([64.0] * 3 + [256.0] * 3, 8))
    np.testing.assert_allclose(boxes[:3, 2] / boxes[:3, 3], GRID.ratios)


@given(st.integers(0, 2**31), st.integers(1, 20))
def test_proposals_are_the_best_that_differ(seed, count) -> None:
    rng = np.random.default_rng(seed)
    logits, offsets = rng.normal(size=48), rng.normal(size=(48, 4))
    found = propose(logits, offsets, GRID, count)
    assert found.shape == (count, 4)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()
    real = found[(found[:, 2:] > found[:, :2]).all(axis=1)]
    np.testing.assert_array_equal(found[len(real) :], 0)  # what is missing comes last
    low = np.maximum(real[:, None, :2], real[None, :, :2])
    high = np.minimum(real[:, None, 2:], real[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    areas = np.prod(real[:, 2:] - real[:, :2], axis=-1)
    overlaps = shared / (areas[:, None] + areas - shared) - np.eye(len(real))
    assert overlaps.max(initial=0) <= ALIKE + 1e-4


def test_an_anchor_that_is_sure_is_the_first_proposal() -> None:
    logits = np.zeros(48)
    logits[7] = 5.0
    found = propose(logits, np.zeros((48, 4)), GRID, 3)
    anchor = GRID.boxes[7]
    expected = np.concatenate([anchor[:2] - anchor[2:] / 2, anchor[:2] + anchor[2:] / 2])
    np.testing.assert_allclose(found[0], np.clip(expected, 0, 1), atol=1e-6)


def test_what_is_not_a_number_is_no_proposal() -> None:
    offsets = np.full((48, 4), np.nan)
    assert not propose(np.zeros(48), offsets, GRID, 5).any()


def said(proposals, logits, moves=None) -> dict[str, np.ndarray]:
    boxes = np.array([proposals], np.float32)
    return {
        "proposals": boxes,
        "classes": np.array([logits], np.float32),
        "moves": np.zeros_like(boxes) if moves is None else np.array([moves], np.float32),
    }


def test_boxes_by_hand() -> None:
    """Moved by a tenth of its width in a tenth; background and nothing are no boxes."""
    boxes = [(0.2, 0.2, 0.4, 0.6), (0.5, 0.5, 0.6, 0.6), (0.0, 0.0, 0.0, 0.0)]
    logits = [(9.0, 0.0, 0.0), (0.0, 0.0, 9.0), (9.0, 0.0, 0.0)]
    moves = [(1.0, 0.0, 0.0, 0.0), (0.0,) * 4, (0.0,) * 4]
    found = RegionHead(2).decode(said(boxes, logits, moves), Wanted())
    np.testing.assert_allclose(found.unit, [(0.22, 0.2, 0.42, 0.6)], atol=1e-6)
    assert found.labels.tolist() == [0]
    assert found.scores[0] == pytest.approx(1 / (1 + 2 * np.exp(-9)), rel=1e-6)


def test_a_box_may_be_of_two_classes() -> None:
    found = RegionHead(2).decode(said([(0.1, 0.1, 0.5, 0.5)], [(1.0, 1.0, 0.0)]), Wanted())
    assert sorted(found.labels.tolist()) == [0, 1]


def test_anchors_come_back_from_a_manifest() -> None:
    reader = JsonReader(GRID.to_mapping(), "block", EngineError)
    assert read_anchors(reader, (32, 64)) == GRID
    for changes in ({"sides": []}, {"sides": 8}, {"ratios": [0]}, {"stride": 0}):
        with pytest.raises(EngineError, match=next(iter(changes))):
            read_anchors(JsonReader(GRID.to_mapping() | changes, "block", EngineError), (32, 64))
