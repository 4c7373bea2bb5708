"""What may be asked of a Grounder, and what is refused with a word about it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdk import Grounder, InputError, Start
from sdk.geometry import iou

TARGET = (400, 100, 430, 128)


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("", "at least one word"),
        (" \n. .", "at least one word"),
        (None, "NoneType"),
        (7, "int"),
        (b"the red square", "bytes"),
        (["the red square", ""], "at least one word"),
        (["the red square", None], "NoneType"),
        ("the red square " * 10, "at most 12 tokens, got 33"),
    ],
)
def test_bad_expressions(grounder, make_frame, ref, message):
    with pytest.raises(InputError, match=message):
        grounder.locate(make_frame(), ref)


def test_bad_colour_order(grounder, make_frame):
    with pytest.raises(InputError, match="bgr"):
        grounder.locate(make_frame(), "the red square", color="BGR")


def test_threshold(engine, make_frame):
    with Grounder(engine, threshold=1.0) as grounder:
        answer = grounder.locate(make_frame(), "the red square")
        assert not answer.found
        assert iou(answer.xyxy, TARGET) > 0.85  # the box is still given
    with Grounder(engine, threshold=0) as grounder:
        assert grounder.locate(make_frame(), "the green square").found


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), "0.5", True])
def test_bad_threshold(engine, threshold):
    with pytest.raises(InputError, match="threshold"):
        Grounder(engine, threshold=threshold)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        *[({"threads": value}, "threads") for value in (0, "2", True, 1.5, 100_000)],
        *[({"allow_unproven": value}, "allow_unproven") for value in (1, "no", None)],
        ({"engine": 5}, "an engine folder"),
    ],
)
def test_bad_options_of_a_grounder(engine, options, named):
    with pytest.raises(InputError, match=f"expected .*{named}"):
        Grounder(**{"engine": engine, **options})


def test_numbers_of_numpy_are_numbers(engine, make_frame):
    frame, options = make_frame(), {"threshold": np.float32(0.25), "threads": np.int64(1)}
    with Grounder(engine, **options, allow_unproven=np.False_) as grounder:
        asked = {"beam": np.int64(2), "deadline_ms": np.float32(1e6)}
        assert grounder.threshold == 0.25
        assert grounder.locate(frame, "the red square", **asked).found
        assert grounder.locate(frame, "the red square", deadline_ms=np.int64(10**6)).found
        options = {"deadline_ms": np.int64(10**6), "timeout_s": np.float32(5)}
        options |= {"reconnects": np.int8(0), "max_bundles": np.int64(3), "warm": np.True_}
        with grounder.stream([(np.float32(1), frame)], "red", "all", **options) as stream:
            assert [frame.time_s for frame in stream] == [1.0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"timeout_s": "5"}, "timeout_s"),
        ({"timeout_s": math.inf}, "timeout_s"),
        ({"reconnects": -1}, "reconnects"),
        ({"reconnects": 1.5}, "reconnects"),
        ({"max_bundles": -1}, "max_bundles"),
        ({"max_bundles": True}, "max_bundles"),
        ({"deadline_ms": "50"}, "deadline_ms"),
        ({"warm": "no"}, "warm"),
        ({"policy": ["latest"]}, "policy"),
        ({"bundles": 5}, "a folder of bundles"),
        ({"source": True}, "a camera number"),
    ],
)
def test_bad_options_of_a_stream(grounder, make_frame, options, named):
    with pytest.raises(InputError, match=f"expected .*{named}"):
        grounder.stream(**{"source": [make_frame()], "refs": "red", **options})


@pytest.mark.parametrize(
    "options",
    [
        {"beam": 0},
        {"deadline_ms": -1},
        {"start": (0, 0, 5, 5)},
        {"start": Start((640, 0, 700, 50))},
        {"color": "yuv"},
        {"color": ["bgr", "rgb"]},
        {"color": np.array(["bgr", "rgb"])},
    ],
)
def test_bad_options(grounder, make_frame, options):
    with pytest.raises(InputError, match="expected"):
        grounder.locate(make_frame(), "the red square", **options)
