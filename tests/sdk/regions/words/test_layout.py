"""Relations between boxes: what mirrors, what turns round, what lies between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.regions.words import layout
from sdk.regions.words.layout import RELATIONS, Boxes

WIDTH, HEIGHT = 1000, 800
MIRRORED = {"left of": "right of", "right of": "left of"}
CONVERSE = {
    "left of": "right of",
    "above": "below",
    "in front of": "behind",
    "nearer": "farther",
    "near": "near",
}


def boxes(*xyxy, mounted=None, depth=None):
    array = np.array(xyxy, np.float64).reshape(-1, 4)
    return Boxes(
        array,
        np.full(len(array), np.nan) if depth is None else np.array(depth, np.float64),
        np.zeros(len(array), bool) if mounted is None else np.array(mounted),
        (WIDTH, HEIGHT),
    )


@st.composite
def some(draw, least=1):
    count = draw(st.integers(least, 5))
    corner = st.tuples(st.integers(0, 900), st.integers(0, 700), st.integers(1, 99))
    made = [draw(corner) for _ in range(count)]
    mounted = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    depth = draw(st.lists(st.floats(0.001, 9), min_size=count, max_size=count))
    return boxes(*((x, y, x + s, y + s) for x, y, s in made), mounted=mounted, depth=depth)


def mirror(of):
    x1, y1, x2, y2 = of.xyxy.T
    turned = np.stack([WIDTH - x2, y1, WIDTH - x1, y2], axis=1)
    return Boxes(turned, of.depth, of.mounted, of.frame_wh)


@pytest.mark.parametrize("name", RELATIONS)
@given(a=some(), b=some())
def test_values_and_mirror_images(name, a, b):
    found = RELATIONS[name](a, b)
    assert found.shape == (len(a), len(b))
    assert ((found >= 0) & (found <= 1)).all()
    turned = RELATIONS[MIRRORED.get(name, name)](mirror(a), mirror(b))
    assert found == pytest.approx(turned)


@pytest.mark.parametrize(("name", "other"), CONVERSE.items())
@given(a=some(), b=some())
def test_converses(name, other, a, b):
    assert RELATIONS[name](a, b) == pytest.approx(RELATIONS[other](b, a).T)


@given(a=some(), b=some(), c=some())
def test_between(a, b, c):
    found = layout.between(a, b, c)
    assert found.shape == (len(a), len(b), len(c))
    assert ((found >= 0) & (found <= 1)).all()
    assert found == pytest.approx(np.swapaxes(layout.between(a, c, b), 1, 2))
    assert found == pytest.approx(layout.between(mirror(a), mirror(b), mirror(c)))


@pytest.mark.parametrize("name", RELATIONS)
def test_none_at_all(name):
    none, one = boxes(), boxes((0, 0, 9, 9))
    assert RELATIONS[name](none, one).shape == (0, 1)
    assert RELATIONS[name](one, none).shape == (1, 0)
    assert layout.between(none, one, one).shape == (0, 1, 1)


MIDDLE = boxes((480, 380, 520, 420))
AT = {
    "left": boxes((400, 380, 440, 420)),
    "right": boxes((560, 380, 600, 420)),
    "top": boxes((480, 300, 520, 340)),
    "bottom": boxes((480, 460, 520, 500)),
    "far": boxes((40, 380, 80, 420)),
    "upon": boxes((485, 345, 515, 381)),
    "same": MIDDLE,
}


@pytest.mark.parametrize(
    ("name", "holds", "fails"),
    [
        ("left of", {"left"}, {"right", "top", "bottom", "same"}),
        ("right of", {"right"}, {"left", "far", "top", "bottom", "same"}),
        ("above", {"top"}, {"bottom", "left", "right", "far", "same"}),
        ("below", {"bottom"}, {"top", "left", "right", "far", "same"}),
        ("near", {"left", "right", "top", "bottom"}, {"far"}),
        ("beside", {"left", "right"}, {"far", "same", "top", "bottom"}),
        ("in front of", {"bottom"}, {"top", "far", "left", "same"}),
        ("behind", {"top"}, {"bottom", "far", "right", "same"}),
        ("ahead of", {"top", "bottom"}, {"far"}),
        ("on", {"upon", "same"}, {"left", "bottom", "far"}),
    ],
)
def test_what_holds(name, holds, fails):
    value = {place: float(RELATIONS[name](of, MIDDLE)[0, 0]) for place, of in AT.items()}
    assert min(value[place] for place in holds) > 0.5
    assert max(value[place] for place in fails) <= 0.5


def test_nearer_things_count_more():
    near, far = boxes((400, 380, 440, 420)), boxes((40, 380, 80, 420))
    assert layout.left_of(near, MIDDLE) > layout.left_of(far, MIDDLE)


def test_what_hangs_is_as_far_as_it_looks():
    """Its lower edge says nothing; what is large for its kind is near."""
    near = boxes((0, 0, 20, 60), mounted=[True], depth=[0.02])
    far = boxes((100, 200, 110, 230), mounted=[True], depth=[0.04])
    assert layout.nearer(near, far)[0, 0] > 0.9
    unknown = boxes((100, 200, 110, 230), mounted=[True])
    assert layout.nearer(near, unknown)[0, 0] == 0.5


def test_between_is_near_the_line_and_inside_it():
    left, right = boxes((100, 380, 140, 420)), boxes((860, 380, 900, 420))
    inside = layout.between(MIDDLE, left, right)[0, 0, 0]
    beside = layout.between(boxes((480, 700, 520, 740)), left, right)[0, 0, 0]
    outside = layout.between(boxes((950, 380, 990, 420)), left, right)[0, 0, 0]
    assert inside > 0.2
    assert beside < 0.2 * inside
    assert outside == 0.0
