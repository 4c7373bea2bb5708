"""Where a detector looks, with eyes that see what a detector would."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import contains, pairwise_iou
from sdk.regions.proposals import Proposals
from sdk.regions.proposers import (
    FrameProposer,
    TilesProposer,
    ZoomProposer,
    tile_windows,
    zoom_windows,
)

WH = (1920, 1080)
NAMES = ("car", "person", "sign")


class Street:
    """Objects, and the eyes of a detector of 320 px: unsure of what is small in its input.

    A box that a window cuts is seen as far as it lies inside.
    """

    def __init__(self, boxes, labels, wh=WH) -> None:
        self.boxes, self.labels = np.array(boxes, float).reshape(-1, 4), np.array(labels, int)
        self.wh, self.looks = wh, 0

    def __call__(self, windows) -> list[Proposals]:
        self.looks += len(windows)
        return [self.look(window) for window in windows]

    def look(self, window) -> Proposals:
        low = np.maximum(self.boxes[:, :2], window[:2])
        high = np.minimum(self.boxes[:, 2:], window[2:])
        sides = np.maximum(high - low, 0).min(axis=1) * 320 / max(window[2:] - window[:2])
        scores = np.clip(sides / 20, 0, 0.95)  # 20 px of the input are plain to see
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= 0.05]
        boxes = np.concatenate([low, high], axis=1)[order]
        return Proposals(boxes, scores[order], self.labels[order], NAMES)


CARS = [[1000, 500, 1030, 520], [1060, 505, 1085, 520], [400, 540, 430, 560]]
STREET = [*CARS, [100, 600, 500, 900], [1500, 480, 1510, 505], [960, 200, 976, 216]]
KINDS = [0, 0, 0, 0, 1, 2]


def recall(found: Proposals, least: float = 0.5) -> float:
    sure = found.take(found.scores >= least)
    return float((pairwise_iou(STREET, sure.xyxy).max(axis=1, initial=0) > 0.9).mean())


def test_the_frame_alone_misses_what_is_small() -> None:
    eyes = Street(STREET, KINDS)
    survey = FrameProposer().propose(eyes, WH)
    assert eyes.looks == len(survey.windows) == 1
    assert recall(survey.proposals) == pytest.approx(1 / 6)
    assert (np.diff(survey.proposals.scores) <= 0).all()


def test_tiles_find_all_and_zoom_as_much_with_fewer_looks() -> None:
    tiles, zoom = (
        each.propose(Street(STREET, KINDS), WH) for each in (TilesProposer(6.0), ZoomProposer(6.0))
    )
    assert recall(tiles.proposals) == recall(zoom.proposals) == 1.0
    assert len(zoom.windows) * 2 <= len(tiles.windows)


def test_every_object_is_found_once() -> None:
    """Several looks see it, and some of them not whole."""
    for proposer in (TilesProposer(6.0, overlap=0.5), ZoomProposer(6.0)):
        found = proposer.propose(Street(STREET, KINDS), WH).proposals
        assert len(found) == len(STREET), proposer
        assert (pairwise_iou(STREET, found.xyxy).max(axis=1) > 0.9).all()


def test_a_sentence_says_where_to_look() -> None:
    """Of two places with something in them one is meant, and one window is enough."""
    eyes = Street(STREET, KINDS)
    people = ZoomProposer(6.0).propose(eyes, WH, lambda p: (p.labels == 1).astype(float))
    assert eyes.looks == len(people.windows) == 2
    assert contains(people.windows[1], STREET[4])
    nobody = ZoomProposer(6.0).propose(Street(STREET, KINDS), WH, lambda p: np.zeros(len(p)))
    assert len(nobody.windows) == 1


def test_nothing_in_the_frame() -> None:
    for proposer in (FrameProposer(), TilesProposer(), ZoomProposer()):
        survey = proposer.propose(Street([], []), WH)
        assert len(survey.proposals) == 0
        assert survey.proposals.names == NAMES
    assert len(survey.windows) == 1


def test_time_that_is_short() -> None:
    """No time for all tiles is time for none; the zoom takes what it can have."""
    eyes = Street(STREET, KINDS)
    assert len(TilesProposer().propose(eyes, WH, affords=lambda n: n < 4).windows) == 1
    assert len(ZoomProposer(6.0).propose(eyes, WH, affords=lambda n: n < 3).windows) in (2, 3)
    assert len(ZoomProposer(6.0).propose(eyes, WH, affords=lambda n: False).windows) == 1


def test_a_box_that_a_window_cuts_off_is_left_to_another() -> None:
    """The large car is cut by every tile, and found in the frame alone."""
    found = TilesProposer(6.0).propose(Street(STREET[3:4], [0]), WH).proposals
    assert len(found) == 1
    np.testing.assert_allclose(found.xyxy[0], STREET[3])


def test_a_box_at_the_frame_s_border_is_whole() -> None:
    box = [[1900, 1000, 1920, 1080]]
    found = ZoomProposer(6.0).propose(Street(box, [1]), WH).proposals
    assert found.scores[0] > 0.9


@given(
    st.tuples(st.integers(8, 4000), st.integers(8, 4000)),
    st.floats(0.5, 8),
    st.floats(0, 0.5),
)
def test_tiles_cover_the_frame(wh, across, overlap) -> None:
    windows = tile_windows(wh, across, overlap)
    if not len(windows):
        assert across <= 1 or wh[0] == wh[1] == min(wh) or max(wh) <= min(wh)
        return
    assert contains((0, 0, *wh), windows, 1e-6).all()
    for axis in (0, 1):
        starts = np.unique(windows[:, axis])
        side = windows[0, axis + 2] - windows[0, axis]
        assert starts[0] == 0
        assert starts[-1] + side == pytest.approx(wh[axis])
        assert (np.diff(starts) <= side * (1 - overlap) + 1e-6).all()


@given(st.integers(0, 60), st.integers(0, 2**32 - 1), st.floats(30, 2500), st.integers(0, 9))
def test_zoom_windows(count, seed, side, most) -> None:
    """They lie in the frame, are few, and each shows whole what no earlier one did."""
    random = np.random.default_rng(seed)
    low = random.uniform(0, [1800, 1000], (count, 2))
    boxes = np.minimum(np.concatenate([low, low + random.uniform(1, 200, (count, 2))], 1), WH * 2)
    weights = random.uniform(0, 1, count) * random.integers(0, 2, count)
    windows = zoom_windows(boxes.astype(np.float32), weights, WH, side, most, 0.01)
    assert len(windows) <= most
    assert contains((0, 0, *WH), windows, 1e-6).all()
    seen = contains(windows[:, None], boxes.astype(np.float32)[None])
    gains = [weights[seen[k] & ~seen[:k].any(axis=0)].sum() for k in range(len(windows))]
    assert all(gain > 0 for gain in gains)
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(gains))


def test_five_thousand_proposals() -> None:
    random = np.random.default_rng(0)
    low = random.uniform(0, [1800, 1000], (5000, 2))
    boxes = np.concatenate([low, low + 20], axis=1)
    eyes = Street(boxes, random.integers(0, 3, 5000))
    survey = ZoomProposer(6.0).propose(eyes, WH)
    assert len(survey.proposals) == 300
    assert len(survey.windows) <= 9
