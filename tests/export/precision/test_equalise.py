"""Equal channels: the same values, less rounding, and nothing that factors cannot go through."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from export.precision import int8
from export.precision.equalise import channel_groups, equalise
from export.precision.graph import read_graph
from export.precision.int8 import to_int8


def uneven(rng: np.random.Generator, inputs: int, spread: float) -> np.ndarray:
    """Kernels (8, inputs, 3, 3) whose output channels differ by up to ``spread`` squared."""
    values = rng.normal(size=(8, inputs, 3, 3)) / np.sqrt(9 * inputs)
    return (values * np.geomspace(1 / spread, spread, 8)[:, None, None, None]).astype(np.float32)


@pytest.fixture
def residual(build) -> Any:
    """A convolution, a residual block whose channels have very different ranges, another."""
    rng = np.random.default_rng(0)
    pads = {"pads": [1, 1, 1, 1]}
    small = np.geomspace(8, 1 / 8, 8)[None, :, None, None].astype(np.float32)
    return build(
        [
            ("Conv", ["x", "k0", "b"], "a", pads),
            ("Relu", ["a"], "r"),
            ("Conv", ["r", "k1"], "c", pads),
            ("Add", ["r", "c"], "s"),
            ("Relu", ["s"], "t"),
            ("Conv", ["t", "k2"], "y", pads),
        ],
        {"x": (1, 3, 12, 16)},
        {"y": (1, 8, 12, 16)},
        {
            "k0": uneven(rng, 3, 8),
            "b": np.linspace(-1, 1, 8, dtype=np.float32) * small.ravel() ** -1,
            "k1": uneven(rng, 8, 8) * small,
            "k2": uneven(rng, 8, 1) * small,
        },
    )


def feeds(count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [{"x": rng.normal(size=(1, 3, 12, 16)).astype(np.float32)} for _ in range(count)]


def test_the_values_stay_and_the_channels_are_nearer(residual, run) -> None:
    graph = read_graph(residual)
    assert channel_groups(graph) == [{"a", "r", "c", "s", "t"}]
    equal = equalise(graph, feeds(4))
    [feed] = feeds(1)
    np.testing.assert_allclose(
        run(equal, **feed)[0], run(residual, **feed)[0], rtol=1e-4, atol=1e-4
    )
    before, after = (_ranges(model, run, feed) for model in (residual, equal))
    assert before.max() / before.min() > 4 * after.max() / after.min()
    again = equalise(graph, feeds(4))
    assert again.SerializeToString() == equal.SerializeToString()


def _ranges(model: Any, run, feed: dict[str, np.ndarray]) -> np.ndarray:
    """Largest value of each channel of ``t``."""
    probed = onnx.ModelProto()
    probed.CopyFrom(model)
    probed.graph.output.append(
        onnx.helper.make_tensor_value_info("t", onnx.TensorProto.FLOAT, (1, 8, 12, 16))
    )
    return np.abs(run(probed, **feed)[1]).max(axis=(0, 2, 3))


def test_eight_bits_round_less(residual, run, run_eight_bits, monkeypatch) -> None:
    [feed] = feeds(1)
    (expected,) = run(residual, **feed)

    def error() -> float:
        (found,) = run_eight_bits(to_int8(residual, set(), feeds(4)), **feed)
        return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))

    with_equal_channels = error()
    monkeypatch.setattr(int8, "equalise", lambda graph, _: graph.model)
    assert with_equal_channels < 0.7 * error()


def test_channels_that_are_never_anything(residual, run) -> None:
    zero = onnx.ModelProto()
    zero.CopyFrom(residual)
    for tensor in zero.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).copy()
        values[3] = 0
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    [feed] = feeds(1)
    equal = equalise(read_graph(zero), feeds(2))
    np.testing.assert_allclose(run(equal, **feed)[0], run(zero, **feed)[0], rtol=1e-4, atol=1e-4)


KERNELS = {"k": np.ones((4, 4, 1, 1), np.float32), "m": np.ones((4, 4, 1, 1), np.float32)}


@pytest.mark.parametrize(
    ("between", "constants"),
    [
        ([("Sigmoid", ["a"], "s")], {}),
        ([("Add", ["a", "one"], "s")], {"one": np.ones(1, np.float32)}),
        ([("Add", ["a", "x"], "s")], {}),  # the input's channels are what they are
        ([("Relu", ["a"], "s"), ("Softplus", ["a"], "other")], {}),  # another reads it
        ([("Mul", ["a", "a"], "s")], {}),
    ],
)
def test_what_factors_do_not_go_through(build, between: list, constants: dict) -> None:
    model = build(
        [("Conv", ["x", "k"], "a"), *between, ("Conv", ["s", "m"], "y")],
        {"x": (1, 4, 3, 5)},
        {"y": (1, 4, 3, 5)},
        {**KERNELS, **constants},
    )
    assert channel_groups(read_graph(model)) == []


@pytest.mark.parametrize(
    ("first", "second", "outputs"),
    [
        (("Conv", ["x", "k"], "a"), ("Conv", ["a", "k"], "y"), ("y",)),  # shared weights
        (("Conv", ["x", "k"], "a"), ("Conv", ["a", "m"], "y"), ("y", "a")),  # a result
        (("Conv", ["x", "k"], "a"), ("Conv", ["a", "g"], "y", {"group": 4}), ("y",)),
    ],
)
def test_convolutions_that_cannot_take_them(build, first, second, outputs) -> None:
    size = (1, 4, 3, 5)
    used = {name: KERNELS[name] for name in ("k", "m") if name in (*first[1], *second[1])}
    if "g" in second[1]:
        used["g"] = np.ones((4, 1, 1, 1), np.float32)
    model = build([first, second], {"x": size}, dict.fromkeys(outputs, size), used)
    graph = read_graph(model)
    assert channel_groups(graph) == []
    equal = equalise(graph, [{"x": np.ones(size, np.float32)}])
    assert list(equal.graph.initializer) == list(model.graph.initializer)
