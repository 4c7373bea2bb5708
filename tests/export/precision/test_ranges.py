"""Activations near the largest half-precision number keep their nodes in float32."""

from __future__ import annotations

import numpy as np
import pytest

from export.precision.fp16 import to_half
from export.precision.fp16_emulation import rounded_twin
from export.precision.graph import read_graph
from export.precision.ranges import LARGEST_HALF, overflowing, peaks


@pytest.fixture
def growing(build):
    """x -> 1000 x -> 100,000 x -> x: the middle overflows half precision for x of one."""
    return build(
        [
            ("Mul", ["x", "thousand"], "a"),
            ("Mul", ["a", "hundred"], "b"),
            ("Div", ["b", "hundred"], "c"),
            ("Relu", ["c"], "y"),
        ],
        {"x": (2,)},
        {"y": (2,)},
        {"thousand": np.float32(1000), "hundred": np.float32(100)},
    )


def test_peaks_are_over_all_inputs(growing) -> None:
    feeds = [{"x": np.array([0.5, -2], np.float32)}, {"x": np.array([1, 1], np.float32)}]
    found = peaks(growing, feeds)
    assert found["a"] == pytest.approx(2000)
    assert found["b"] == pytest.approx(200_000)
    assert found["c"] == pytest.approx(2000)
    assert "thousand" not in found


def test_overflow_stays_in_float32(growing, run) -> None:
    one = np.ones(2, np.float32)
    graph = read_graph(growing)
    kept = overflowing(graph, peaks(growing, [{"x": one}]))
    assert kept == {"Mul_1", "Div_2"}
    assert not np.isfinite(run(rounded_twin(to_half(growing, set())), x=one)[0]).any()
    assert np.allclose(run(rounded_twin(to_half(growing, kept)), x=one)[0], 1000)


def test_near_is_near_enough(growing) -> None:
    """A quarter of the largest number: other scenes may have larger values."""
    graph = read_graph(growing)
    assert overflowing(graph, {"a": LARGEST_HALF / 4}) == set()
    assert overflowing(graph, {"a": LARGEST_HALF / 4 + 1}) == {"Mul_0", "Mul_1"}
    assert overflowing(graph, {"a": 2.0}, limit=1.0) == {"Mul_0", "Mul_1"}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_overflows(growing, value: float) -> None:
    found = peaks(growing, [{"x": np.array([value, 0], np.float32)}])
    assert "Mul_0" in overflowing(read_graph(growing), found)


def test_constants_that_half_cannot_hold(build) -> None:
    model = build([("Add", ["x", "c"], "y")], {"x": (1,)}, {"y": (1,)}, {"c": np.float32([65504])})
    assert overflowing(read_graph(model), {}) == set()
    model = build([("Add", ["x", "c"], "y")], {"x": (1,)}, {"y": (1,)}, {"c": np.float32([-7e4])})
    assert overflowing(read_graph(model), {}) == {"Add_0"}
