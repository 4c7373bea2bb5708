"""Places in the picture, ranks and sizes among those that count."""

from __future__ import annotations

import numpy as np
import pytest

from sdk.regions.words import standing
from sdk.regions.words.layout import Boxes
from sdk.regions.words.lexicon.phrases import PLACES, RANKS

WIDTH, HEIGHT = 900, 600


def at(*centres, sides=(30,), mounted=False, depth=np.nan):
    centres = np.array(centres, np.float64).reshape(-1, 2)
    half = np.resize(np.array(sides, np.float64), len(centres))[:, None] / 2
    return Boxes(
        np.concatenate([centres - half, centres + half], axis=1),
        np.resize(np.array(depth, np.float64), len(centres)),
        np.full(len(centres), mounted),
        (WIDTH, HEIGHT),
    )


CORNERS = at((60, 60), (840, 60), (60, 540), (840, 540), (450, 300))
BEST = {
    "left": {0, 2}, "right": {1, 3}, "left edge": {0, 2}, "right edge": {1, 3}, "top": {0, 1},
    "bottom": {2, 3}, "middle": {4}, "edge": {0, 1, 2, 3}, "corner": {0, 1, 2, 3},
    "foreground": {2, 3}, "background": {0, 1, 4}, "top left": {0}, "top right": {1},
    "bottom left": {2}, "bottom right": {3},
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_places(name):
    values = standing.place(name, CORNERS)
    assert ((values >= 0) & (values <= 1)).all()
    best = BEST[name]
    others = set(range(5)) - best
    assert min(values[list(best)]) > 0.6
    assert max(values[list(others)]) < min(values[list(best)])
    assert standing.place(name, at()).shape == (0,)


ROW = at((100, 500), (400, 400), (700, 300), (800, 200), sides=(40, 30, 20, 60))
FIRST = {"leftmost": 0, "rightmost": 3, "topmost": 3, "lowest": 0, "nearest": 0, "farthest": 3,
         "largest": 3, "smallest": 2}  # fmt: skip


@pytest.mark.parametrize("name", RANKS)
def test_ranks(name):
    values = standing.rank(name, 1, ROW, np.ones(4))
    assert values.argmax() == FIRST[name]
    assert values[FIRST[name]] == 1.0
    assert sorted(values)[-2] < 0.5
    assert standing.rank(name, 1, at(), np.ones(0)).shape == (0,)


def test_the_second_from_a_side():
    values = standing.rank("leftmost", 2, ROW, np.ones(4))
    assert values.argmax() == 1
    assert values[0] == values[2]


def test_what_does_not_count_is_not_counted():
    weights = np.array([0.0, 1.0, 1.0, 1.0])
    assert standing.rank("leftmost", 1, ROW, weights)[1] == 1.0
    half = standing.rank("leftmost", 1, ROW, np.array([0.5, 1.0, 1.0, 1.0]))
    assert 0.5 < half[1] < 1.0


def test_of_what_hangs_the_larger_is_nearer():
    lights = at((100, 100), (500, 50), mounted=True, depth=(0.05, 0.01))
    assert standing.rank("nearest", 1, lights, np.ones(2)).argmax() == 1


def test_sizes():
    boxes = at((100, 100), (300, 100), (500, 100), sides=(20, 40, 80))
    small, large = (standing.size(name, boxes, np.ones(3)) for name in ("small", "large"))
    assert (np.diff(small) < 0).all()
    assert (np.diff(large) > 0).all()
    assert small == pytest.approx(large[::-1])
    alone = standing.size("large", at((100, 100)), np.ones(1))
    assert 0.7 < alone[0] < 0.9
    assert standing.size("small", boxes, np.zeros(3)).tolist() == [1, 1, 1]
