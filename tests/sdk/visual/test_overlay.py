"""The light picture of a stream, at the edges."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sdk.visual.canvas import Canvas, chip_size
from sdk.visual.overlay import draw_answers


@pytest.mark.parametrize(
    "wh", [(1, 1), (39, 900), (45, 45), (60, 4000), (600, 4000), (4000, 600), (8000, 60)]
)
def test_labels_lie_inside(grounder, make_frame, monkeypatch, wh):
    frame = make_frame(wh, {"red": (0, 0, max(wh[0] // 9, 1), max(wh[1] // 9, 1))})
    answer = grounder.locate(frame, "the red square")
    lost = dataclasses.replace(answer, ref="the square " * 20, found=False, complete=False)
    drawn = []

    def chip(canvas, x, y, text, fill, ink, size, weight=600):
        width, height = chip_size(text, size, weight)
        assert x >= 0
        assert x + width <= wh[0] + 0.1 * size  # letters are measured a little lighter
        assert y + height <= wh[1]
        drawn.append(text)
        return width, height

    monkeypatch.setattr(Canvas, "chip", chip)
    assert draw_answers(frame, [answer, lost]).shape == (wh[1], wh[0], 3)
    assert bool(drawn) == (min(wh) >= 40)
    assert not np.may_share_memory(draw_answers(frame, [answer]), frame)
