"""Sizes of targets beside their frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from train.models.piza.fit_history import simulate
from train.models.piza.target_sizes import SMOOTHING, anything, observed

SIDES = st.integers(2, 5000)
PAIRS = st.lists(st.tuples(SIDES, SIDES, SIDES, SIDES), min_size=1, max_size=8)


@given(PAIRS, st.integers(0, 1000))
def test_drawn_targets_fit_into_frames_that_were_seen(pairs, seed: int) -> None:
    frames, targets = [p[:2] for p in pairs], [p[2:] for p in pairs]
    frame_wh, size = observed(frames, targets)(np.random.default_rng(seed))
    assert frame_wh in frames
    assert (size >= 1).all()
    assert (size <= np.array(frame_wh) / 2).all()


def test_ratios_are_distributed_as_those_that_were_seen() -> None:
    """Two sorts of targets, a hundred times apart in area: half of each, spread a little."""
    draw = observed([[1000, 1000]] * 2, [[10, 10], [100, 100]])
    rng = np.random.default_rng(0)
    areas = np.log(np.array([np.prod(draw(rng)[1]) for _ in range(2000)]))
    small = areas < np.log(1000)
    assert small.mean() == pytest.approx(0.5, abs=0.05)
    assert areas[small].mean() == pytest.approx(np.log(100), abs=0.05)
    assert areas[small].std() == pytest.approx(SMOOTHING * 2**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("frames", "targets"),
    [([], []), ([[10, 10]], []), ([[10, 10]], [[0, 5]]), ([[10, np.inf]], [[5, 5]])],
)
def test_nothing_can_be_drawn_from_nothing(frames, targets) -> None:
    with pytest.raises(InputError, match="positive sizes"):
        observed(frames, targets)


@pytest.mark.parametrize("draw", [anything, observed([[640, 480]], [[12, 30]])])
def test_histories_start_with_the_frame_that_was_drawn(draw) -> None:
    for seed in range(30):
        frame_wh, _ = draw(np.random.default_rng(seed))
        boxes, ends, done = simulate(np.random.default_rng(seed), draw)
        assert boxes[0].tolist() == [0, 0, *frame_wh]
        assert (done == 1) == ends
