"""Numbers beside a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.digits import apart


@pytest.mark.parametrize(
    ("value", "bound", "texts"),
    [
        (0.7953, 0.8, ("0.795", "0.800")),
        (0.79996, 0.8, ("0.79996", "0.80000")),
        (0.8, 0.8, ("0.800", "0.800")),
        (0.8004, 0.8, ("0.800", "0.800")),  # it is not below, and does not read so
        (0.1, 0.9, ("0.100", "0.900")),
    ],
)
def test_by_hand(value, bound, texts):
    assert apart(value, bound) == texts


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_printed_says_what_is_true(value, bound):
    shown, limit = map(float, apart(value, bound))
    assert (shown < limit) == (value < bound) or bound - value < 1e-16


def test_the_end_of_digits():
    assert len(apart(0.0, 5e-324)[0]) == len("0.") + 17
