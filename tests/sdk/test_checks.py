"""Options that cannot be used are refused, each with a word about what was expected."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sdk import InputError, Start, TrackPolicy
from sdk.checks import (
    check_beam,
    check_deadline,
    check_flag,
    check_number,
    check_path,
    check_refs,
    check_starts,
    check_threads,
    check_timeout,
    check_unit,
    check_whole,
)

WINDOW = (0, 0, 10, 10)
FRAME_WH = (640, 480)

NUMBERS = [1, 1.0, np.int64(1), np.uint8(1), np.float32(1), np.float16(1), np.float64(1)]
NUMBERS += [np.longdouble(1), Fraction(1)]
NO_NUMBERS = [True, np.True_, "1", np.str_("1"), b"1", None, [1], np.array([1]), np.array(1.0)]
NO_NUMBERS += [1 + 0j, Decimal(1), math.nan, np.float32("nan"), object()]
INFINITE = [math.inf, -math.inf, np.float32("inf"), 10**400, Fraction(10**400)]


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_are_numbers_whoever_made_them(value):
    for checked in (
        check_number(value, "it"),
        check_unit(value, "it"),
        check_deadline(value),
        check_timeout(value),
    ):
        assert checked == 1.0
        assert type(checked) is float


@pytest.mark.parametrize("value", [*NO_NUMBERS, *INFINITE])
def test_everything_else_is_not(value):
    for check in (check_number, check_unit):
        with pytest.raises(InputError, match="expected a share"):
            check(value, "a share")
    if value is not None:
        with pytest.raises(InputError, match="expected a deadline_ms above 0 or None, got"):
            check_deadline(value)
        with pytest.raises(InputError, match="expected a timeout_s above 0"):
            check_timeout(value)


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2), np.int8(2)])
def test_whole_numbers_are(value):
    for checked in (check_whole(value, "it", 0), check_beam(value), check_threads(value)):
        assert checked == 2
        assert type(checked) is int


@pytest.mark.parametrize("value", [*NO_NUMBERS, math.inf, 2.0, np.float32(2), Fraction(2), "2", -1])
def test_other_numbers_are_no_whole_ones(value):
    with pytest.raises(InputError, match="expected it, a whole number of at least 0, got"):
        check_whole(value, "it", 0)


def test_ranges():
    assert check_number(-5, "it") == -5.0
    assert check_number(0, "it", 0.0) == 0.0
    assert check_number(math.inf, "it", 0.0, infinite=True) == math.inf
    for value, options, expected in [
        (-1, {"low": 0.0}, "it of at least 0, got -1"),
        (0, {"low": 0.0, "above": True}, "it above 0, got 0"),
        (3, {"low": 0.0, "high": 2.0}, "it of 0 to 2, got 3"),
        (math.inf, {}, "it that is finite, got inf"),
        (math.nan, {"infinite": True}, "it that is finite, got nan"),
    ]:
        with pytest.raises(InputError, match=f"expected {expected}"):
            check_number(value, "it", **options)


def test_a_value_in_a_message_is_short_and_on_one_line():
    for value in ("x" * 999, np.zeros((30, 30)), "two\nlines" * 50):
        with pytest.raises(InputError) as caught:
            check_unit(value, "a share")
        assert len(str(caught.value)) < 150
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("beam", [0, -1, 17, 10**30])
def test_beams(beam):
    assert check_beam(16) == 16
    with pytest.raises(InputError, match="expected a beam, a whole number of 1 to 16"):
        check_beam(beam)


@pytest.mark.parametrize("threads", [0, -1, 257, 100_000])
def test_threads(threads):
    assert check_threads(256) == 256
    with pytest.raises(InputError, match="expected threads, a whole number of 1 to 256, got"):
        check_threads(threads)


@pytest.mark.parametrize("deadline", [0, -5, np.int64(0)])
def test_deadlines(deadline):
    assert check_deadline(None) is None
    assert check_deadline(50) == 50.0
    with pytest.raises(InputError, match="expected a deadline_ms above 0"):
        check_deadline(deadline)


@pytest.mark.parametrize("timeout", [0, -5, 1e7])
def test_timeouts(timeout):
    assert check_timeout(None) is None
    with pytest.raises(InputError, match="expected a timeout_s above 0, up to 1e\\+06, or None"):
        check_timeout(timeout)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.float32(1.5)])
def test_units(value):
    with pytest.raises(InputError, match=r"expected a threshold in 0\.\.1"):
        check_unit(value, "a threshold")


def test_flags():
    assert check_flag(np.True_, "warm") is True
    assert check_flag(False, "warm") is False
    for bad in (0, 1, "no", None):
        with pytest.raises(InputError, match="expected warm to be True or False"):
            check_flag(bad, "warm")


def test_paths():
    assert check_path("a/b", "it") == check_path(Path("a/b"), "it") == Path("a/b")
    for bad in (5, b"a/b", None, ["a"]):
        with pytest.raises(InputError, match="expected the path of an engine"):
            check_path(bad, "an engine")


def test_refs():
    assert check_refs("a car") == ["a car"]
    assert check_refs(("a car", "a bus")) == ["a car", "a bus"]
    for bad in (None, 3, {"a car"}, b"a car", (each for each in ["a car"])):
        with pytest.raises(InputError, match="expected an expression or a list of them"):
            check_refs(bad)


def windows(starts):
    return [None if each is None else tuple(each.window_xyxy) for each in starts]


def test_starts():
    one = Start(WINDOW, np.float32(0.5), np.float64(0.25))
    assert check_starts(None, 2, FRAME_WH) == [None, None]
    assert windows(check_starts(one, 2, FRAME_WH)) == [WINDOW, WINDOW]
    assert windows(check_starts([one, None], 2, FRAME_WH)) == [WINDOW, None]
    assert check_starts([], 0, FRAME_WH) == []
    (checked,) = check_starts(one, 1, FRAME_WH)
    assert (type(checked.restart_below), type(checked.first_score)) == (float, float)


def test_a_start_without_a_window_is_the_whole_frame():
    """So that Start(answer.xyxy) goes on from any answer."""
    assert check_starts(Start(None, 0.5), 1, FRAME_WH) == [None]
    assert windows(check_starts([Start(None), Start(WINDOW)], 2, FRAME_WH)) == [None, WINDOW]


@pytest.mark.parametrize(
    "window",
    [(640, 0, 700, 480), (0, 480, 10, 490), (-9, 0, 0, 9), (0, -9, 9, 0), (1e9, 1e9, 2e9, 2e9)],
)
def test_a_start_outside_of_the_frame_is_refused(window):
    with pytest.raises(InputError, match=r"some of the 640x480 frame, got \[.*all of it outside"):
        check_starts(Start(window), 1, FRAME_WH)


@pytest.mark.parametrize("window", [(639, 479, 9e9, 9e9), (-9, -9, 1e-3, 1e-3)])
def test_a_start_that_shows_some_of_the_frame_is_taken(window):
    assert windows(check_starts(Start(window), 1, FRAME_WH)) == [window]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ([Start(WINDOW)], "expected 2 starts"),
        (WINDOW, "expected 2 starts"),
        ([WINDOW, None], "expected a sdk.Start or None, got tuple"),
        (Start(WINDOW, restart_below=1.5), "expected restart_below in 0..1"),
        (Start(None, restart_below=1.5), "expected restart_below in 0..1"),
        (Start(WINDOW, restart_below="0.5"), "expected restart_below in 0..1"),
        (Start(WINDOW, first_score=True), "expected first_score in 0..1"),
        (Start((0, 0, 10)), "expected a window"),
        (Start((0, 0, 0, 10)), "expected a window"),
        (Start((10, 10, 0, 0)), "expected a window"),
        (Start((0, 0, math.nan, 10)), "expected a window"),
        (Start((0, 0, math.inf, 10)), "expected a window"),
        (Start("a window"), "expected a window"),
        (Start(np.zeros((2, 4))), "expected a window"),
    ],
)
def test_bad_starts(start, message):
    with pytest.raises(InputError, match=message):
        check_starts(start, 2, FRAME_WH)


FIELDS = [
    "restart_share",
    "look_every",
    "level_weight",
    "agree_iou",
    "hold_s",
    "lead",
    "max_gap_s",
    "cut_difference",
]


@pytest.mark.parametrize("name", FIELDS)
def test_the_figures_of_a_track_policy(name):
    policy = TrackPolicy(**{name: np.int64(1)})
    assert getattr(policy, name) == 1
    assert type(getattr(policy, name)) in (int, float)
    for bad in (True, "1", math.nan, -1, None):
        with pytest.raises(InputError, match=f"expected {name}"):
            TrackPolicy(**{name: bad})


def test_a_track_policy_may_never_do_a_thing():
    policy = TrackPolicy(hold_s=math.inf, max_gap_s=math.inf, cut_difference=math.inf)
    assert policy.hold_s == math.inf
    with pytest.raises(InputError, match="expected lead"):
        TrackPolicy(lead=math.inf)
