"""Q/DQ pairs for TensorRT: their structure, and values that are degenerate."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest

from export.check.checking import check_model
from export.precision.graph import read_graph
from export.precision.int8 import quantisable
from export.precision.qdq import to_qdq
from export.precision.ranges import tensor_ranges
from sdk.errors import EngineError


@pytest.fixture
def attention(build, weight) -> Any:
    """A convolution, linear layers with and without a bias, and a product of activations."""
    return build(
        [
            ("Conv", ["x", "k", "b"], "c", {"pads": [1, 1, 1, 1]}),
            ("Relu", ["c"], "r"),
            ("Reshape", ["r", "flat"], "f"),
            ("MatMul", ["f", "wq"], "q"),
            ("Gemm", ["f", "wk", "bk"], "h", {"transB": 1}),
            ("Transpose", ["h"], "t", {"perm": [1, 0]}),
            ("MatMul", ["q", "t"], "s"),
            ("Softmax", ["s"], "p"),
            ("MatMul", ["p", "f"], "y"),
        ],
        {"x": (1, 3, 4, 6)},
        {"y": (8, 24)},
        {
            "k": weight(8, 3, 3, 3),
            "b": weight(8),
            "flat": np.array([8, 24]),
            "wq": weight(24, 5),
            "wk": weight(5, 24),
            "bk": weight(5),
        },
    )


def feeds(count: int = 3) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [{"x": rng.normal(size=(1, 3, 4, 6)).astype(np.float32)} for _ in range(count)]


def constant(graph: Any, name: str) -> np.ndarray:
    return onnx.numpy_helper.to_array(graph.constants[name])


def test_every_layer_has_a_pair_on_both_inputs(attention, run, run_eight_bits) -> None:
    small = to_qdq(attention, set(), tensor_ranges(attention, feeds()))
    graph = read_graph(small)
    layers = {node.name: node for node in graph.nodes}
    names = [node.name for node in quantisable(read_graph(attention))]
    assert names == ["Conv_0", "MatMul_3", "Gemm_4"]
    for name, channels in zip(names, (8, 5, 5), strict=True):
        for place, count in ((0, 1), (1, channels)):
            back = graph.maker[layers[name].input[place]]
            there = graph.maker[back.input[0]]
            assert (there.op_type, back.op_type) == ("QuantizeLinear", "DequantizeLinear")
            for node in (there, back):
                scale, zero = (constant(graph, each) for each in node.input[1:])
                assert scale.size == zero.size == count
                assert np.isfinite(scale).all()
                assert (scale > 0).all()
                assert zero.dtype == np.int8
                assert not zero.any()
    axes = {
        node.input[0]: next((a.i for a in node.attribute if a.name == "axis"), None)
        for node in graph.nodes
        if node.op_type == "QuantizeLinear" and node.input[0] in graph.constants
    }
    assert axes == {"k": 0, "wq": 1, "wk": 0}  # of the output channels
    (ours,), (theirs,) = run_eight_bits(small, **feeds()[0]), run(attention, **feeds()[0])
    assert 0 < np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs)


def test_the_rest_is_float(attention) -> None:
    """Biases, products of activations; nothing that only ONNX Runtime knows, and no findings."""
    small = to_qdq(attention, set(), tensor_ranges(attention, feeds()))
    kinds = Counter(node.op_type for node in small.graph.node)
    assert kinds == {
        **Counter(node.op_type for node in attention.graph.node),
        "QuantizeLinear": 5,  # one of the input that two layers share
        "DequantizeLinear": 5,
    }
    assert [entry.domain for entry in small.opset_import] == [""]
    graph = read_graph(small)
    for bias in ("b", "bk"):
        assert [node.op_type for node in graph.users[bias]] in (["Conv"], ["Gemm"])
    for name in ("MatMul_6", "MatMul_8"):
        node = next(each for each in graph.nodes if each.name == name)
        makers = {graph.maker[each].op_type for each in node.input}
        assert not makers & {"QuantizeLinear"}
        assert "Softmax" in makers or "Transpose" in makers
    assert check_model(small, "net") == []


def test_nodes_that_stay(attention) -> None:
    ranges = tensor_ranges(attention, feeds())
    everything = {node.name for node in attention.graph.node}
    assert to_qdq(attention, everything, ranges) is attention
    some = to_qdq(attention, {"Conv_0", "Gemm_4"}, ranges)
    quantised = {n.input[0] for n in some.graph.node if n.op_type == "QuantizeLinear"}
    assert quantised == {"f", "wq"}


def test_ranges_are_those_of_all_feeds(attention) -> None:
    """Twice the values, twice the scale: calibration sets it, and not a single image."""
    one, two = feeds(1), [{"x": 2 * feed["x"]} for feed in feeds(1)]
    scales = []
    for given in (one, two, one + two):
        graph = read_graph(to_qdq(attention, set(), tensor_ranges(attention, given)))
        pixel = next(n for n in graph.nodes if n.op_type == "QuantizeLinear" and n.input[0] == "x")
        scales.append(float(constant(graph, pixel.input[1])))
    assert scales[1] == pytest.approx(2 * scales[0])
    assert scales[2] == scales[1] == pytest.approx(np.abs(two[0]["x"]).max() / 127, rel=0.01)


def test_what_is_always_zero_has_a_scale(build, run_eight_bits, weight) -> None:
    """An activation and a channel of weights without any values."""
    kernel = weight(4, 3)
    kernel[:, 1] = 0
    model = build([("MatMul", ["x", "w"], "y")], {"x": (2, 4)}, {"y": (2, 3)}, {"w": kernel})
    zeros = np.zeros((2, 4), np.float32)
    small = to_qdq(model, set(), tensor_ranges(model, [{"x": zeros}]))
    assert not run_eight_bits(small, x=zeros)[0].any()
    small = to_qdq(model, set(), tensor_ranges(model, [{"x": zeros + 1}]))
    np.testing.assert_allclose(
        run_eight_bits(small, x=zeros + 1)[0], (zeros + 1) @ kernel, atol=0.02
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_calibration_that_is_no_number(attention, bad: float) -> None:
    [given] = feeds(1)
    given["x"][0, 1, 2, 3] = bad
    with pytest.raises(EngineError, match="expected finite values to calibrate"):
        to_qdq(attention, set(), tensor_ranges(attention, [given]))
