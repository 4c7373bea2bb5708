"""Tiles cover the frame, share what they are meant to share, and the best score wins."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.baselines.slicing import OVERLAP, Grid, Slicer, best_box, tiles
from sdk.results.grounding import Candidates
from sdk.zoom.search import MAX_LOOKS, GroundInput

COUNTS = st.integers(1, 8)
SIDES = st.integers(1, 8000)


def test_two_by_two() -> None:
    """A frame of 180x90: tiles of 100x50, a fifth of which is shared."""
    found = tiles((180, 90), Grid(2, 2))
    expected = [[0, 0, 100, 50], [80, 0, 180, 50], [0, 40, 100, 90], [80, 40, 180, 90]]
    assert found == pytest.approx(np.array(expected, np.float64))


def test_the_whole_frame_comes_last() -> None:
    assert tiles((60, 40), Grid(1, 1, whole=True)).tolist() == [[0, 0, 60, 40]] * 2
    assert len(tiles((60, 40), Grid(3, 2, whole=True))) == Grid(3, 2, whole=True).windows == 7


@given(columns=COUNTS, rows=COUNTS, width=SIDES, height=SIDES, overlap=st.floats(0, 0.9))
def test_tiles_cover_the_frame_and_share_the_overlap(
    columns: int, rows: int, width: int, height: int, overlap: float
) -> None:
    found = tiles((width, height), Grid(columns, rows), overlap)
    assert len(found) == columns * rows
    assert found.min(axis=0)[:2].tolist() == [0, 0]
    assert found.max(axis=0)[2:] == pytest.approx([width, height])
    assert (found[:, 2:] <= [width, height]).all()
    sizes = found[:, 2:] - found[:, :2]
    assert sizes == pytest.approx(np.broadcast_to(sizes[0], sizes.shape))
    if columns > 1:
        assert found[0, 2] - found[1, 0] == pytest.approx(overlap * sizes[0, 0], abs=1e-6)
    if rows > 1:
        assert found[0, 3] - found[columns, 1] == pytest.approx(overlap * sizes[0, 1], abs=1e-6)


def offers(*boxes_and_scores: tuple[Sequence[float], float]) -> Candidates:
    boxes, scores = zip(*boxes_and_scores, strict=True)
    return Candidates(np.array(boxes, np.float32), np.array(scores, np.float32))


WINDOWS = np.array([[0.0, 0, 100, 50], [100, 0, 200, 50]])
NAN, INF = float("nan"), float("inf")


def test_the_best_score_of_all_tiles_wins() -> None:
    some = [offers(([0, 0, 0.5, 1], 0.4)), offers(([0.5, 0, 1, 0.5], 0.6), ([0, 0, 1, 1], 0.1))]
    assert best_box(WINDOWS, some, (50, 100)) == pytest.approx(np.array([150, 0, 200, 25]))


@pytest.mark.parametrize(
    "bad",
    [
        ([0, 0, 1, 1], NAN),
        ([0, 0, NAN, 1], 0.9),
        ([0, 0, INF, 1], 0.9),
        ([0.5, 0, 0.5, 1], 0.9),  # no area
        ([0.7, 0, 0.2, 1], 0.9),
        ([1.2, 0, 1.5, 1], 0.9),  # outside of its tile
    ],
)
def test_what_is_no_box_does_not_count(bad: tuple[Sequence[float], float]) -> None:
    good = offers(([0, 0, 0.5, 1], 0.2))
    assert best_box(WINDOWS, [offers(bad), good], (50, 100)) == pytest.approx([100, 0, 150, 50])
    assert best_box(WINDOWS, [offers(bad), offers(bad)], (50, 100)) is None


class Networks:
    """Sees the left half of every window; the further right a window begins, the surer."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.told: set[float] = set()
        self.runtime = SimpleNamespace(upload=lambda frame: frame)

    def encode_text(self, tokens: str) -> str:
        return tokens

    def encode_images(self, frame: np.ndarray, windows: np.ndarray) -> list[np.ndarray]:
        self.batches.append(len(windows))
        return list(windows)

    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        self.told |= {look.progress for look in looks}
        return [offers(([0, 0, 0.5, 1], float(look.image[0] / 1000))) for look in looks]


@pytest.mark.parametrize(
    ("grid", "batches"),
    [(Grid(1, 1), [1]), (Grid(6, 4), [MAX_LOOKS, 8]), (Grid(4, 4, whole=True), [MAX_LOOKS, 1])],
)
def test_slicing_asks_several_tiles_at_once(grid: Grid, batches: list[int]) -> None:
    networks: Any = Networks()
    manifest: Any = SimpleNamespace(input_hw=(50, 100))
    tokenizer: Any = SimpleNamespace(encode=lambda ref: ref)
    slicer = Slicer(networks, manifest, tokenizer, 0.4, "w")
    reply = slicer.peer("some tiles", "slicing", grid).ask(np.zeros((100, 200, 3), np.uint8), "car")
    assert networks.batches == batches
    assert networks.told == {0.4}
    assert reply.looks == grid.windows
    length = 200 / (grid.columns - (grid.columns - 1) * OVERLAP)
    assert reply.xyxy is not None
    assert reply.xyxy[0] == pytest.approx(200 - length, abs=1e-3)


@pytest.mark.parametrize(("grid", "every"), [(Grid(2, 2), 1), (Grid(4, 3), 2), (Grid(6, 4), 4)])
def test_many_tiles_are_asked_fewer_scenes(grid: Grid, every: int) -> None:
    anything: Any = SimpleNamespace(input_hw=(50, 100))
    peer = Slicer(anything, anything, anything, 0.4, "w").peer("tiles", "slicing", grid)
    assert peer.survey_every == every
    assert peer.every == 1
    assert peer.input_wh == (100, 50)
