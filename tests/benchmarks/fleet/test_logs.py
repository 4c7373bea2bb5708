"""Films that are rendered for a batch."""

from __future__ import annotations

from benchmarks.fleet.logs import FILM_WH, frames
from evaluation.seeds import TIMES


def test_frames_differ():
    seen = list(frames(3, TIMES.first))
    assert all(each.shape == (FILM_WH[1], FILM_WH[0], 3) for each in seen)
    assert len({each.tobytes() for each in seen}) == 3
