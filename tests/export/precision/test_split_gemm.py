"""Linear layers as product and sum: the same values, and what is no linear layer stays."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from export.precision.graph import read_graph
from export.precision.split_gemm import split_gemms


def kinds(model) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def test_the_values_stay(build, run, weight) -> None:
    model = build(
        [
            ("Gemm", ["x", "w", "b"], "h", {"transB": 1}),
            ("Relu", ["h"], "r"),
            ("Gemm", ["r", "v"], "y"),
        ],
        {"x": (3, 4)},
        {"y": (3, 2)},
        {"w": weight(5, 4), "b": weight(5), "v": weight(5, 2)},
    )
    split = split_gemms(read_graph(model))
    assert [node.op_type for node in split.graph.node] == ["MatMul", "Add", "Relu", "MatMul"]
    assert [node.name for node in split.graph.node][::3] == ["Gemm_0", "Gemm_2"]
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_allclose(run(split, x=x)[0], run(model, x=x)[0], rtol=1e-5, atol=1e-6)
    assert "w" not in {tensor.name for tensor in split.graph.initializer}
    assert read_graph(split).macs(split.graph.node[0]) == 3 * 4 * 5


def test_shared_weights_stay_shared(build, run, weight) -> None:
    model = build(
        [
            ("Gemm", ["x", "w", "b"], "h", {"transB": 1}),
            ("Gemm", ["h", "w", "b"], "y", {"transB": 1}),
        ],
        {"x": (3, 4)},
        {"y": (3, 4)},
        {"w": weight(4, 4), "b": weight(4)},
    )
    split = split_gemms(read_graph(model))
    assert len({node.input[1] for node in split.graph.node if node.op_type == "MatMul"}) == 1
    x = np.ones((3, 4), np.float32)
    np.testing.assert_allclose(run(split, x=x)[0], run(model, x=x)[0], rtol=1e-5)


@pytest.mark.parametrize("extra", [{"alpha": 2.0}, {"beta": 0.5}, {"transA": 1}])
def test_others_stay(build, weight, extra: dict) -> None:
    size = (4, 4)
    model = build(
        [("Gemm", ["x", "w", "b"], "y", extra)],
        {"x": size},
        {"y": size},
        {"w": weight(*size), "b": weight(4)},
    )
    assert kinds(split_gemms(read_graph(model))) == {"Gemm": 1}


def test_products_of_activations_stay(build) -> None:
    model = build([("Gemm", ["x", "z"], "y")], {"x": (4, 4), "z": (4, 4)}, {"y": (4, 4)})
    assert kinds(split_gemms(read_graph(model))) == {"Gemm": 1}
