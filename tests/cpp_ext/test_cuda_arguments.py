"""Wrong arguments of cpp_ext.cuda.crop_resize, with pretended device arrays: no GPU is needed.

Nothing here may reach the device: the addresses lead nowhere.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpp_ext import cuda

pytestmark = pytest.mark.skipif(not cuda.built(), reason="built without CUDA")


class Pretended:
    """Anything with an interface of these entries."""

    def __init__(self, shape: Any, typestr: Any, address: Any = 0x10000, **more: Any) -> None:
        self.__cuda_array_interface__ = {
            "shape": shape,
            "typestr": typestr,
            "data": (address, False),
            "version": 3,
            **more,
        }


FRAME = Pretended((30, 40, 3), "|u1", 0x100000)
WINDOWS = Pretended((2, 4), "<f4", 0x200000)
OUT = Pretended((2, 3, 8, 12), "<f2", 0x300000)
GOOD: dict[str, Any] = {
    "frame": FRAME,
    "windows": WINDOWS,
    "size": (8, 12),
    "mean": (0, 0, 0),
    "std": (1, 1, 1),
    "out": OUT,
}
LUMA = Pretended((30, 40), "|u1", 0x100000, strides=(64, 1))
CHROMA = Pretended((15, 20, 2), "|u1", 0x110000, strides=(64, 2, 1))
PAIRS = Pretended((15, 1, 2), "|u1", 0x110000, strides=(2, 7, 1))  # a side of 1 takes no steps


def frame(shape: Any = (30, 40, 3), typestr: Any = "|u1", **more: Any) -> Pretended:
    return Pretended(shape, typestr, **{"address": 0x100000, **more})


def windows(shape: Any = (2, 4), typestr: Any = "<f4", **more: Any) -> Pretended:
    return Pretended(shape, typestr, **{"address": 0x200000, **more})


def out(shape: Any = (2, 3, 8, 12), typestr: Any = "<f2", **more: Any) -> Pretended:
    return Pretended(shape, typestr, **{"address": 0x300000, **more})


class Stream:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


CASES = [
    # name, value, exception, what was expected, what was found
    ("frame", None, TypeError, "__cuda_array_interface__", "NoneType"),
    ("frame", b"abc", TypeError, "uint8 array of shape (h, w, 3)", "bytes"),
    ("frame", frame(typestr="<f4"), TypeError, "uint8", "<f4 array of shape (30, 40, 3)"),
    ("frame", frame((30, 40)), ValueError, "(h, w, 3)", "(30, 40)"),
    ("frame", frame((30, 40, 4)), ValueError, "(h, w, 3)", "(30, 40, 4)"),
    ("frame", frame((0, 40, 3)), ValueError, "at least 1", "(0, 40, 3)"),
    ("frame", frame((2**25, 1, 3)), ValueError, "at most", "33554432"),
    ("frame", frame((30, -1, 3)), ValueError, "valid", "-1"),
    ("frame", frame((2**40, 2**40, 3)), ValueError, "valid", "too many bytes"),
    ("frame", frame((30, 40, 2**80)), ValueError, "valid", "1208925819614629174706176"),
    ("frame", frame([30, 40, 3]), ValueError, "valid", "[30, 40, 3]"),
    ("frame", frame((30.0, 40, 3)), ValueError, "valid", "30.0"),
    ("frame", frame(typestr="|u"), ValueError, "valid", "'|u'"),
    ("frame", frame(typestr=7), ValueError, "valid", "7"),
    ("frame", frame(address=0), ValueError, "valid", "null pointer"),
    ("frame", frame(address=-5), ValueError, "valid", "-5"),
    ("frame", frame(address=2**70), ValueError, "valid", str(2**70)),
    ("frame", frame(address="a"), ValueError, "valid", "'a'"),
    ("frame", frame(address=2**64 - 8), ValueError, "valid", "wrap around"),
    ("frame", frame(address=8, strides=(-120, 3, 1)), ValueError, "valid", "wrap around"),
    ("frame", frame(data=None), ValueError, "valid", "None"),
    ("frame", frame(data=(1,)), ValueError, "valid", "(1,)"),
    ("frame", frame(strides=(120, 3)), ValueError, "valid", "strides beside the shape"),
    ("frame", frame(strides=(2**62, 3, 1)), ValueError, "valid", str(2**62)),
    ("frame", frame(strides="abc"), ValueError, "valid", "'abc'"),
    ("frame", frame(version=1), ValueError, "valid", "version 1"),
    ("frame", frame(version="3"), ValueError, "valid", "'3'"),
    ("frame", frame(mask=OUT), ValueError, "valid", "a mask"),
    ("frame", frame(stream=0), ValueError, "valid", "stream 0"),
    ("frame", frame(stream=-3), ValueError, "valid", "stream -3"),
    ("frame", frame(stream="x"), ValueError, "valid", "'x'"),
    ("windows", None, TypeError, "float32", "NoneType"),
    ("windows", windows(typestr="<f8"), TypeError, "float32", "<f8"),
    ("windows", windows(typestr=">f4"), TypeError, "float32", ">f4"),
    ("windows", windows((4,)), ValueError, "(n, 4)", "(4,)"),
    ("windows", windows((2, 5)), ValueError, "(n, 4)", "(2, 5)"),
    ("windows", windows(strides=(32, 4)), ValueError, "C-contiguous", "(32, 4)"),
    ("windows", windows(address=0x200002), ValueError, "aligned", "(2, 4)"),
    ("size", (8, 0), ValueError, "1 to 16384", "(8, 0)"),
    ("mean", (0, 0), ValueError, "three finite numbers", "(0, 0)"),
    ("std", (1, 1, 0), ValueError, "positive", "(1, 1, 0)"),
    ("color", "RGB", ValueError, "'nv12'", "'RGB'"),
    ("out", None, TypeError, "(2, 3, 8, 12)", "NoneType"),
    ("out", out(typestr="<f8"), TypeError, "float32 or float16", "<f8"),
    ("out", out((1, 3, 8, 12)), ValueError, "(2, 3, 8, 12)", "(1, 3, 8, 12)"),
    ("out", out((3, 8, 12)), ValueError, "(2, 3, 8, 12)", "(3, 8, 12)"),
    ("out", out(strides=(576, 192, 2, 16)), ValueError, "C-contiguous", "(576, 192, 2, 16)"),
    ("out", out(data=(0x300000, True)), ValueError, "writeable", "read-only"),
    ("out", out(address=0x300001), ValueError, "aligned", "<f2"),
    ("out", out(address=0x100000 + 3598), ValueError, "no memory with frame", "one that does"),
    ("out", out(address=0x200000 - 1150), ValueError, "no memory with windows", "one that does"),
    ("stream", None, TypeError, "handle", "None"),
    ("stream", "1", TypeError, "handle", "'1'"),
    ("stream", True, TypeError, "handle", "True"),
    ("stream", 1.0, TypeError, "handle", "1.0"),
    ("stream", -1, ValueError, "at least 0", "-1"),
    ("stream", 2**64, ValueError, "at least 0", str(2**64)),
    ("stream", Stream(handle="x"), TypeError, ".cuda_stream", "Stream"),
]


@pytest.mark.parametrize(("name", "value", "error", "expected", "found"), CASES)
def test_wrong_argument(
    name: str, value: object, error: type[Exception], expected: str, found: str
) -> None:
    with pytest.raises(error) as caught:
        cuda.crop_resize(**{**GOOD, name: value})
    message = str(caught.value)
    assert message.startswith(name), message
    before, separator, after = message.partition(", found ")
    assert separator, message
    assert expected in before
    assert found in after


NV12_CASES = [
    (frame((46, 40)), "(46, 40)"),
    (frame((45, 41)), "(45, 41)"),
    (frame((45, 40), strides=(80, 2)), "(80, 2)"),
    (frame(), "(30, 40, 3)"),
    ((LUMA,), "a tuple of 1"),
    ((LUMA, LUMA), "(30, 40)"),
    ((LUMA, frame((14, 20, 2))), "(14, 20, 2)"),
    ((LUMA, frame((15, 20, 2), strides=(64, 3, 1))), "(64, 3, 1)"),
    ((frame((30, 40), strides=(80, 2)), CHROMA), "(80, 2)"),
]


@pytest.mark.parametrize(("value", "found"), NV12_CASES)
def test_wrong_nv12(value: object, found: str) -> None:
    with pytest.raises(ValueError, match="'nv12'") as caught:
        cuda.crop_resize(**{**GOOD, "frame": value, "color": "nv12"})
    assert found in str(caught.value).partition(", found ")[2]


VALID: list[dict[str, Any]] = [
    {},
    {"frame": frame(strides=None, version=2)},
    {"frame": frame(strides=(-120, 3, 1), address=0x180000)},
    {"frame": frame((30, 40)), "color": "gray"},
    {"frame": frame((45, 40)), "color": "nv12"},
    {"frame": (LUMA, CHROMA), "color": "nv12"},
    {"frame": (frame((30, 2)), PAIRS), "color": "nv12"},
    {"out": out(typestr="<f4")},
    {"out": out(strides=(576, 192, 24, 2))},
    {"windows": windows((0, 4), address=0), "out": out((0, 3, 8, 12), address=0)},
    {"windows": windows(stream=1)},
    {"stream": 2},
    {"stream": Stream(handle=5)},
    {"stream": Stream(cuda_stream=0)},
    {"stream": Stream(ptr=7)},
]


@pytest.mark.skipif(cuda.available(), reason="the addresses lead nowhere")
@pytest.mark.parametrize("change", VALID)
def test_valid_arguments_need_a_device(change: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match="no CUDA device"):
        cuda.crop_resize(**{**GOOD, **change})


junk = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.text(max_size=3),
    st.tuples(),
    st.tuples(st.integers(-5, 2**66), st.booleans()),
    st.lists(st.integers(), max_size=3).map(tuple),
    st.floats(),
)


@pytest.mark.skipif(cuda.available(), reason="the addresses lead nowhere")
@settings(max_examples=1500, deadline=None)
@given(data=st.data())
def test_no_interface_crashes(data: st.DataObject) -> None:
    arguments = dict(GOOD)
    for name in ("frame", "windows", "out"):
        array = copy.deepcopy(GOOD[name])
        keys = [*array.__cuda_array_interface__, "strides", "stream", "mask"]
        for key in data.draw(st.lists(st.sampled_from(keys), max_size=2)):
            array.__cuda_array_interface__[key] = data.draw(junk)
        arguments[name] = array
    arguments["color"] = data.draw(st.sampled_from(["bgr", "rgb", "gray", "nv12"]))
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        cuda.crop_resize(**arguments)
