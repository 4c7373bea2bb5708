"""Options that cannot be used are refused, each with a word about what was expected."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdk import InputError, Start
from sdk.checks import check_beam, check_deadline, check_refs, check_starts, check_unit

WINDOW = (0, 0, 10, 10)


@pytest.mark.parametrize("beam", [0, -1, 17, 1.0, True, "2", None])
def test_beams(beam):
    assert check_beam(16) == 16
    with pytest.raises(InputError, match="expected a beam of 1 to 16"):
        check_beam(beam)


@pytest.mark.parametrize("deadline", [0, -5, math.nan, math.inf, 10**400, True, "50", [50]])
def test_deadlines(deadline):
    assert check_deadline(None) is None
    assert check_deadline(50) == 50.0
    with pytest.raises(InputError, match="expected a deadline above 0 ms"):
        check_deadline(deadline)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, True, "0.5", None])
def test_units(value):
    assert check_unit(1, "a threshold") == 1.0
    with pytest.raises(InputError, match=r"expected a threshold in 0\.\.1"):
        check_unit(value, "a threshold")


def test_refs():
    assert check_refs("a car") == ["a car"]
    assert check_refs(("a car", "a bus")) == ["a car", "a bus"]
    for bad in (None, 3, {"a car"}, b"a car", (each for each in ["a car"])):
        with pytest.raises(InputError, match="expected an expression or a list of them"):
            check_refs(bad)


def test_starts():
    one = Start(WINDOW)
    assert check_starts(None, 2) == [None, None]
    assert check_starts(one, 2) == [one, one]
    assert check_starts([one, None], 2) == [one, None]
    assert check_starts([], 0) == []


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ([Start(WINDOW)], "expected 2 starts"),
        (WINDOW, "expected 2 starts"),
        ([WINDOW, None], "expected a sdk.Start or None, got tuple"),
        (Start(WINDOW, restart_below=1.5), "expected restart_below in 0..1"),
        (Start((0, 0, 10)), "expected a window"),
        (Start((0, 0, 0, 10)), "expected a window"),
        (Start((10, 10, 0, 0)), "expected a window"),
        (Start((0, 0, math.nan, 10)), "expected a window"),
        (Start((0, 0, math.inf, 10)), "expected a window"),
        (Start("a window"), "expected a window"),
        (Start(None), "expected a window"),
        (Start(np.zeros((2, 4))), "expected a window"),
    ],
)
def test_bad_starts(start, message):
    with pytest.raises(InputError, match=message):
        check_starts(start, 2)
