"""Wrong arguments of cpp_ext.crop_resize: an exception that says what was expected and found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpp_ext import crop_resize

FRAME = np.zeros((30, 40, 3), np.uint8)
GOOD: dict[str, Any] = {
    "frame": FRAME,
    "windows": np.array([[0.0, 0.0, 40.0, 30.0]]),
    "size": (8, 12),
    "mean": (0, 0, 0),
    "std": (1, 1, 1),
}


def window(*xyxy: float) -> np.ndarray:
    return np.array([xyxy], dtype=np.float64)


def read_only() -> np.ndarray:
    out = np.zeros((1, 3, 8, 12), np.float32)
    out.flags.writeable = False
    return out


def unaligned() -> np.ndarray:
    return np.zeros(1 * 3 * 8 * 12 * 4 + 1, np.uint8)[1:].view(np.float32).reshape(1, 3, 8, 12)


CASES = [
    # name, value, exception, what was expected, what was found
    ("frame", None, TypeError, "uint8 array of shape (h, w, 3)", "NoneType"),
    ("frame", [[1]], TypeError, "uint8 array", "list"),
    ("frame", FRAME.astype(np.float32), TypeError, "uint8", "float32 array of shape (30, 40, 3)"),
    ("frame", FRAME.astype(np.int8), TypeError, "uint8", "int8"),
    ("frame", FRAME[..., 0], ValueError, "(h, w, 3)", "(30, 40)"),
    ("frame", FRAME[..., :1], ValueError, "(h, w, 3)", "(30, 40, 1)"),
    ("frame", np.zeros((30, 40, 4), np.uint8), ValueError, "(h, w, 3)", "(30, 40, 4)"),
    ("frame", FRAME[None], ValueError, "(h, w, 3)", "(1, 30, 40, 3)"),
    ("frame", FRAME[:0], ValueError, "at least 1", "(0, 40, 3)"),
    ("frame", FRAME[:, :0], ValueError, "at least 1", "(30, 0, 3)"),
    ("windows", None, TypeError, "shape (n, 4)", "NoneType"),
    ("windows", [(0, 0, 1, 1)], TypeError, "float32 or float64", "list"),
    ("windows", np.zeros((1, 4), np.int64), TypeError, "float32 or float64", "int64"),
    ("windows", np.zeros((1, 4), ">f4"), TypeError, "float32 or float64", ">f4"),
    ("windows", np.zeros(4), ValueError, "(n, 4)", "(4,)"),
    ("windows", np.zeros((1, 5)), ValueError, "(n, 4)", "(1, 5)"),
    ("windows", np.zeros((4, 0)), ValueError, "(n, 4)", "(4, 0)"),
    ("windows", window(np.nan, 0, 1, 1), ValueError, "finite", "nan"),
    ("windows", window(0, 0, np.inf, 1), ValueError, "finite", "inf"),
    ("windows", window(5, 5, 5, 6), ValueError, "x1 < x2", "(5, 5, 5, 6)"),
    ("windows", window(5, 6, 6, 5), ValueError, "y1 < y2", "(5, 6, 6, 5)"),
    ("windows", window(-0.5, 0, 6, 5), ValueError, "0 <= x1", "-0.5"),
    ("windows", window(0, 0, 40.1, 5), ValueError, "<= 40", "40.1"),
    ("windows", window(0, 0, 40, 30.1), ValueError, "<= 30", "30.1"),
    ("windows", window(0, -1e300, 40, 30), ValueError, "0 <= y1", "-1e+300"),
    ("size", None, TypeError, "two integers (H, W)", "NoneType"),
    ("size", 8, TypeError, "two integers", "int"),
    ("size", "88", TypeError, "two integers", "str"),
    ("size", (8.0, 12.0), TypeError, "two integers", "(8.0, 12.0)"),
    ("size", (True, 12), TypeError, "two integers", "(True, 12)"),
    ("size", (8, 12, 3), ValueError, "two integers", "(8, 12, 3)"),
    ("size", (0, 12), ValueError, "1 to 16384", "(0, 12)"),
    ("size", (8, -1), ValueError, "1 to 16384", "(8, -1)"),
    ("size", (8, 10**30), ValueError, "1 to 16384", "(8, 1000000000000000000000000000000)"),
    ("mean", None, TypeError, "three finite numbers", "NoneType"),
    ("mean", "abc", TypeError, "three finite numbers", "str"),
    ("mean", (0, 0), ValueError, "three finite numbers", "(0, 0)"),
    ("mean", (0, 0, "x"), TypeError, "three finite numbers", "'x'"),
    ("mean", (0, 0, np.nan), ValueError, "three finite numbers", "nan"),
    ("mean", {1, 2}, ValueError, "three finite numbers", "{1, 2}"),
    ("std", (1, 1, 0), ValueError, "three finite positive numbers", "(1, 1, 0)"),
    ("std", (1, 1, -1), ValueError, "three finite positive numbers", "(1, 1, -1)"),
    ("std", (1, 1, np.inf), ValueError, "three finite positive numbers", "inf"),
    ("std", np.ones((3, 3)), TypeError, "three finite positive numbers", "[1., 1., 1.]"),
    ("color", "RGB", ValueError, "'bgr', 'rgb', 'gray' or 'nv12'", "'RGB'"),
    ("color", "\ud800", ValueError, "'bgr', 'rgb', 'gray' or 'nv12'", "ud800"),
    ("mean", (10**400, 0, 0), ValueError, "finite", "1000"),
    ("color", None, ValueError, "'bgr', 'rgb', 'gray' or 'nv12'", "None"),
    ("color", b"rgb", ValueError, "'bgr', 'rgb', 'gray' or 'nv12'", "b'rgb'"),
    ("out", [], TypeError, "float32 or float16 array of shape (1, 3, 8, 12)", "list"),
    ("out", np.zeros((1, 3, 8, 12)), TypeError, "float32", "float64"),
    ("out", np.zeros((1, 3, 8, 12), ">f4"), TypeError, "float32", ">f4"),
    ("out", np.zeros((2, 3, 8, 12), np.float32), ValueError, "(1, 3, 8, 12)", "(2, 3, 8, 12)"),
    ("out", np.zeros((3, 8, 12), np.float32), ValueError, "(1, 3, 8, 12)", "(3, 8, 12)"),
    ("out", np.zeros((1, 3, 8, 24), np.float32)[..., ::2], ValueError, "C-contiguous", "strides"),
    ("out", read_only(), ValueError, "writeable", "read-only"),
    ("out", unaligned(), ValueError, "C-contiguous", "strides"),
]


@pytest.mark.parametrize(("name", "value", "error", "expected", "found"), CASES)
def test_wrong_argument(
    name: str, value: object, error: type[Exception], expected: str, found: str
) -> None:
    with pytest.raises(error) as caught:
        crop_resize(**{**GOOD, name: value})
    message = str(caught.value)
    assert message.startswith(name), message
    before, separator, after = message.partition(", found ")
    assert separator, message
    assert expected in before
    assert found in after


GRAY = np.zeros((30, 40), np.uint8)
CHROMA = np.zeros((15, 20, 2), np.uint8)

FRAMES = [
    # color, frame, exception, what was found
    ("gray", FRAME, ValueError, "(30, 40, 3)"),
    ("gray", GRAY[:, :0], ValueError, "(30, 0)"),
    ("gray", GRAY.astype(np.uint16), TypeError, "uint16"),
    ("nv12", FRAME, ValueError, "(30, 40, 3)"),
    ("nv12", np.zeros((31, 40), np.uint8), ValueError, "(31, 40)"),
    ("nv12", np.zeros((30, 41), np.uint8), ValueError, "(30, 41)"),
    ("nv12", np.zeros((30, 80), np.uint8)[:, ::2], ValueError, "(80, 2)"),
    ("nv12", (GRAY,), ValueError, "a tuple of 1"),
    ("nv12", (GRAY, CHROMA, CHROMA), ValueError, "a tuple of 3"),
    ("nv12", [GRAY, CHROMA], TypeError, "list"),
    ("nv12", (GRAY, None), TypeError, "NoneType"),
    ("nv12", (GRAY[:29], CHROMA), ValueError, "(29, 40)"),
    ("nv12", (GRAY, CHROMA[:14]), ValueError, "(14, 20, 2)"),
    ("nv12", (GRAY, CHROMA[:, ::-1]), ValueError, "(15, 20, 2)"),
    ("nv12", (GRAY, CHROMA[..., ::-1]), ValueError, "(15, 20, 2)"),
    ("nv12", (GRAY, CHROMA[..., 0]), ValueError, "(15, 20)"),
    ("nv12", (GRAY.T, CHROMA), ValueError, "(40, 30)"),
    ("bgr", (GRAY, CHROMA), TypeError, "tuple"),
]


@pytest.mark.parametrize(("color", "frame", "error", "found"), FRAMES)
def test_wrong_frame_of_a_color(
    color: str, frame: object, error: type[Exception], found: str
) -> None:
    with pytest.raises(error) as caught:
        crop_resize(**{**GOOD, "frame": frame, "color": color})
    before, separator, after = str(caught.value).partition(", found ")
    assert before.startswith("frame: expected")
    assert separator
    assert found in after


@pytest.mark.parametrize(
    ("threads", "error"),
    [
        (-1, ValueError),
        (1025, ValueError),
        (2**80, ValueError),
        (1.0, TypeError),
        (True, TypeError),
    ],
)
def test_wrong_number_of_threads(threads: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^threads: expected an integer of 0 .* found "):
        crop_resize(**{**GOOD, "threads": threads})


def test_a_frame_may_not_be_longer_than_an_integer_counts() -> None:
    endless = np.broadcast_to(FRAME[:1], (2**20 + 1, 40, 3))
    with pytest.raises(ValueError, match="at most 1048576"):
        crop_resize(**{**GOOD, "frame": endless})


def test_out_may_not_overlap_the_chroma() -> None:
    memory = np.zeros(4 * 3 * 8 * 12, np.uint8)
    out = memory.view(np.float32).reshape(1, 3, 8, 12)
    with pytest.raises(ValueError, match="shares no memory with the frame"):
        crop_resize(
            **{**GOOD, "frame": (GRAY, memory[:600].reshape(15, 20, 2)), "color": "nv12"}, out=out
        )


def test_out_may_not_overlap_the_frame() -> None:
    memory = np.zeros(4 * 3 * 8 * 12, np.uint8)
    out = memory.view(np.float32).reshape(1, 3, 8, 12)
    frame = memory[: 10 * 12 * 3].reshape(10, 12, 3)
    for view in (frame, frame[::-1], frame[:, ::-1, ::-1]):
        with pytest.raises(ValueError, match="shares no memory with the frame"):
            crop_resize(view, window(0, 0, 12, 10), (8, 12), (0, 0, 0), (1, 1, 1), out=out)


def test_the_message_names_the_window() -> None:
    windows = np.array([[0, 0, 9, 9], [3, 3, 9, 9], [3, 3, 2, 9]], np.float32)
    with pytest.raises(ValueError, match=r"^windows\[2\]: .* found \(3, 3, 2, 9\)$"):
        crop_resize(**{**GOOD, "windows": windows})


def test_a_sequence_may_change_while_it_is_read() -> None:
    size: list[object] = []

    class Clearing:
        def __index__(self) -> int:
            size.clear()
            return 8

    size += [Clearing(), 8]
    assert crop_resize(**{**GOOD, "size": size}).shape == (1, 3, 8, 8)


def test_errors_of_a_sequence_pass_through() -> None:
    class Broken:
        def __index__(self) -> int:
            raise RuntimeError("no number today")

    with pytest.raises(RuntimeError, match="no number today"):
        crop_resize(**{**GOOD, "size": (Broken(), 8)})


junk = st.one_of(
    st.none(),
    st.sampled_from(["gray", "nv12", (GRAY, CHROMA), GRAY]),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.one_of(st.integers(-5, 50), st.floats(), st.none()), max_size=5),
    st.builds(
        lambda shape, dtype: np.zeros(shape, dtype),
        st.lists(st.integers(0, 5), max_size=5),
        st.sampled_from(["u1", "i8", "f2", "f4", "f8", ">f4", "c8", "?", "O", "S3"]),
    ),
    st.builds(
        lambda rows: np.array(rows, np.float64).reshape(-1, 4),
        st.lists(st.tuples(*[st.floats(width=32)] * 4), max_size=4),
    ),
)


@settings(max_examples=300)
@given(wrong=st.dictionaries(st.sampled_from([*GOOD, "color", "out", "threads"]), junk, min_size=1))
def test_junk_never_crashes(wrong: dict[str, object]) -> None:
    try:
        result = crop_resize(**{**GOOD, **wrong})
    except (TypeError, ValueError):
        return
    assert result.dtype in (np.float32, np.float16)
