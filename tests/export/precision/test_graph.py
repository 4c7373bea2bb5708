"""What is known of nodes: weights, biases, names, multiplications."""

from __future__ import annotations

import numpy as np
import pytest

from export.precision.fold_transpose import fold_transposes
from export.precision.graph import read_graph
from sdk.errors import EngineError


def test_linear_layers(build, weight) -> None:
    graph = read_graph(
        build(
            [
                ("MatMul", ["x", "w"], "product"),
                ("Add", ["product", "model.layers.0.fc1.bias"], "layer"),
                ("MatMul", ["layer", "x"], "both"),  # two activations
                ("Add", ["both", "two"], "y"),
            ],
            {"x": (4, 4)},
            {"y": (4, 4)},
            {"w": weight(4, 4), "model.layers.0.fc1.bias": weight(4), "two": weight(4)},
        )
    )
    product, bias, both, add = graph.nodes
    assert graph.carries_weights(product)
    assert graph.adds_bias(bias)
    assert not graph.carries_weights(both)
    assert not graph.adds_bias(add)
    assert graph.parameter_path(product) == graph.parameter_path(bias) == "model.layers.0.fc1"
    assert graph.parameter_path(both) == ""
    assert [graph.macs(node) for node in graph.nodes] == [64, 0, 0, 0]


def test_what_is_added_to_a_product_may_be_no_bias(build, weight) -> None:
    graph = read_graph(
        build(
            [("MatMul", ["x", "w"], "p"), ("Add", ["p", "place"], "y")],
            {"x": (3, 4)},
            {"y": (3, 4)},
            {"w": weight(4, 4), "place": weight(3, 4)},
        )
    )
    assert not graph.adds_bias(graph.nodes[1])


def test_multiplications_with_weights(build, weight) -> None:
    graph = read_graph(
        build(
            [
                ("Conv", ["x", "k"], "c", {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
                ("ConvTranspose", ["c", "t"], "d", {"strides": [2, 2]}),
                ("Gemm", ["m", "g"], "e", {"transA": 1}),
            ],
            {"x": (1, 3, 8, 8), "m": (5, 2)},
            {"d": (1, 7, 8, 8), "e": (2, 6)},
            {"k": weight(4, 3, 3, 3), "t": weight(4, 7, 2, 2), "g": weight(5, 6)},
        )
    )
    assert [graph.macs(node) for node in graph.nodes] == [
        4 * 4 * 4 * 3 * 9,
        4 * 16 * 7 * 4,
        2 * 6 * 5,
    ]


def test_topology_is_of_nodes_not_of_weights(build, weight) -> None:
    def network(kind: str, values: np.ndarray):
        model = build([(kind, ["x", "w"], "y")], {"x": (4, 4)}, {"y": (4, 4)}, {"w": values})
        return read_graph(model).topology()

    one = network("MatMul", weight(4, 4))
    assert one == network("MatMul", weight(4, 4))
    assert one != network("Add", weight(4, 4))
    assert len(one) == 12


def test_graphs_that_cannot_be_judged(build, weight) -> None:
    model = build([("Relu", ["x"], "y")], {"x": (2,)}, {"y": (2,)})
    model.graph.node[0].name = ""
    with pytest.raises(EngineError, match="nodes with names"):
        read_graph(model)
    model.graph.node[0].name = "relu"
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    with pytest.raises(EngineError, match=r"net\.onnx: expected static shapes"):
        read_graph(model, "net.onnx")


def test_transposed_weights_are_weights(build, run, weight) -> None:
    """Also when two products share them; what is computed stays transposed at run time."""
    model = build(
        [
            ("Transpose", ["w"], "turned", {"perm": [1, 0]}),
            ("MatMul", ["x", "turned"], "a"),
            ("MatMul", ["a", "turned2"], "b"),
            ("Transpose", ["b"], "y", {"perm": [1, 0]}),
        ],
        {"x": (2, 4)},
        {"y": (3, 2)},
        {"w": weight(3, 4), "turned2": weight(3, 3)},
    )
    folded = fold_transposes(model)
    assert [node.op_type for node in folded.graph.node] == ["MatMul", "MatMul", "Transpose"]
    assert {tensor.name for tensor in folded.graph.initializer} == {"turned", "turned2"}
    x = np.ones((2, 4), np.float32)
    assert np.array_equal(run(model, x=x)[0], run(folded, x=x)[0])
    graph = read_graph(folded)
    assert graph.carries_weights(graph.nodes[0])
    assert len(model.graph.node) == 4  # the original is as it was
