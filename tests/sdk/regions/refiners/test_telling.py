"""What several boxes have in common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import contains, iou
from sdk.regions.refiners.telling import with_mean

corner = st.tuples(*[st.floats(0, 50)] * 2, *[st.floats(1, 50)] * 2)


@given(st.lists(corner, min_size=1, max_size=6))
def test_the_mean_comes_first_and_then_who_is_near_it(sides):
    found = np.array(sides, np.float64)
    boxes = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
    mean, *others = with_mean(boxes)
    assert mean == pytest.approx(boxes.mean(0))
    hull = np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])
    assert contains(hull, mean, 1e-6)
    assert sorted(map(tuple, others)) == sorted(map(tuple, boxes))
    assert (np.diff(iou(mean, np.array(others))) <= 0).all()
