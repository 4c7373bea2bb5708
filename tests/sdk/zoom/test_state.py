"""Which of a step's candidates can be used, and where they lie."""

from __future__ import annotations

import numpy as np
import pytest

from sdk.letterbox import Letterbox
from sdk.results.grounding import Candidates
from sdk.zoom.state import in_window, usable

FITTED = Letterbox((100.0, 50.0, 200.0, 100.0), (50, 100))
NAN, INF = float("nan"), float("inf")


def offered(box, score):
    return Candidates(np.array([box], np.float32), np.array([score], np.float32))


def test_boxes_are_cut_at_the_window():
    boxes, scores = in_window(offered([0.5, -1.0, 2.0, 0.5], 0.25), FITTED)
    assert boxes.tolist() == [[150, 50, 200, 75]]
    assert scores.tolist() == [0.25]
    assert usable(boxes, scores).tolist() == [True]


@pytest.mark.parametrize(
    ("box", "score"),
    [
        ([0, 0, 1, 1], NAN),
        ([0, 0, 1, 1], INF),
        ([0, 0, NAN, 1], 0.9),
        ([0, 0, INF, 1], 0.9),  # cut at the window it would look like a box
        ([0.5, 0, 0.5, 1], 0.9),
        ([0.7, 0, 0.2, 1], 0.9),
        ([1.2, 0, 1.5, 1], 0.9),  # outside of the window
    ],
)
def test_what_is_no_box_cannot_be_used(box, score):
    assert not usable(*in_window(offered(box, score), FITTED)).any()


def test_no_candidates():
    boxes, scores = in_window(Candidates(np.zeros((0, 4)), np.zeros(0)), FITTED)
    assert usable(boxes, scores).shape == (0,)
