"""Graphs read and written without the onnx package, which here says what is right."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from sdk.runtime.onnx_graph import Graph, _number, _varint


def model(*nodes: onnx.NodeProto, **constants: np.ndarray) -> bytes:
    """From x (2, -1) to y."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, "n"))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 3))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(made.SerializeToString())


ONE = np.array([1.0, -2.0, 3.0], np.float32)
NODES = (
    helper.make_node("Add", ["x", "one"], ["a"]),
    helper.make_node("Softmax", ["a"], ["b"], axis=-2),
    helper.make_node("Transpose", ["b"], ["c"], perm=[1, 0]),
    helper.make_node("Mul", ["c", "c"], ["y"]),
)


def test_what_a_graph_says() -> None:
    graph = Graph.parse(model(*NODES, one=ONE))
    assert [node.operator for node in graph.nodes] == ["Add", "Softmax", "Transpose", "Mul"]
    assert [node.inputs for node in graph.nodes] == [("x", "one"), ("a",), ("b",), ("c", "c")]
    assert graph.nodes[1].attributes == {"axis": -2}
    assert graph.nodes[2].attributes == {"perm": (1, 0)}
    assert (graph.shape("x"), graph.shape("y"), graph.shape("a")) == ((2, -1), (2, 3), ())
    np.testing.assert_array_equal(graph.constant("one"), ONE)
    assert graph.constant("x") is None
    assert graph.outputs == ("y",)
    assert [graph.uses(name) for name in ("x", "c", "y", "none")] == [1, 2, 1, 0]


def test_shapes_are_those_of_floats() -> None:
    half = onnx.load_from_string(model(*NODES, one=ONE))
    for value in (*half.graph.input, *half.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    graph = Graph.parse(half.SerializeToString())
    assert graph.shape("x") == graph.shape("y") == ()


def test_attributes_of_each_kind() -> None:
    node = helper.make_node("Any", ["x"], ["y"], a=0, b=-7, c=0.5, d=[3, -1], e="text", f=[0.5])
    found = Graph.parse(model(node)).nodes[0].attributes
    assert found == {"a": 0, "b": -7, "c": 0.5, "d": (3, -1)}


@given(st.integers(0, 2**64 - 1))
def test_numbers(value: int) -> None:
    assert _varint(_number(value) + b"\x05", 0) == (value, len(_number(value)))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
@given(shape=st.lists(st.integers(1, 3), max_size=3), seed=st.integers(0, 99))
def test_constants_have_their_values(dtype: type, shape: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).integers(-9, 9, shape).astype(dtype)
    found = Graph.parse(model(one=values)).constant("one")
    assert found is not None
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_constants_of_other_types_are_none() -> None:
    assert Graph.parse(model(one=np.ones(3))).constant("one") is None


SUM = ("Add", "?x", "#one")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (SUM, {"?x": "x", "#one": "one"}),
        (("Softmax", {"axis": -2}, SUM), {"?x": "x", "#one": "one"}),
        (("Softmax", {"axis": -1}, SUM), None),
        (("Add", "#one", "?x"), {"?x": "x", "#one": "one"}),  # in either order
        (("Add", "?x", "?x"), None),
        (("Mul", "?x", "?x"), {"?x": "c"}),
        (("Mul", "?x", "#one"), None),
        (("Softmax", "?x", "?y"), None),
        (("Mul", ("Transpose", "?x"), ("Transpose", "?x")), {"?x": "b"}),
    ],
)
def test_patterns(pattern, expected: dict[str, str] | None) -> None:
    found = [bound for _, bound in Graph.parse(model(*NODES, one=ONE)).matches(pattern)]
    assert found == ([] if expected is None else [expected])


def test_a_node_in_place_of_others() -> None:
    graph = Graph.parse(model(*NODES, one=ONE))
    [(node, bound)] = graph.matches(("Transpose", ("Softmax", "?a")))
    added = graph.add("new", np.array([[3, -4]]))
    graph.add("half", np.array(0.5, np.float32))
    graph.replace((node,), "own", "Turned", (bound["?a"], added))
    again = onnx.load_from_string(graph.model("own"))
    found = [(each.domain, each.op_type, [*each.input]) for each in again.graph.node]
    assert found == [
        ("", "Add", ["x", "one"]),
        ("own", "Turned", ["a", "new"]),  # the Softmax is needed by nobody
        ("", "Mul", ["c", "c"]),
    ]
    assert {each.domain: each.version for each in again.opset_import} == {"": 18, "own": 1}
    tensors = {each.name: numpy_helper.to_array(each) for each in again.graph.initializer}
    np.testing.assert_array_equal(tensors["new"], [[3, -4]])
    np.testing.assert_array_equal(tensors["half"], np.float32(0.5))
    np.testing.assert_array_equal(tensors["one"], ONE)


def test_what_is_not_touched_stays() -> None:
    before = model(*NODES, one=ONE)
    after = onnx.load_from_string(Graph.parse(before).model("own"))
    del after.opset_import[1:]
    assert after == onnx.load_from_string(before)
