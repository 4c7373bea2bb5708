"""Linear layers as a product and a sum, which is how the quantisers know them."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.check.graph import attribute
from export.precision.fold_transpose import drop_unused_constants
from export.precision.graph import Graph


def split_gemms(graph: Graph) -> Any:
    """A copy of the graph's model without Gemms whose weights are constants.

    A Gemm becomes a MatMul of its name and an Add of its bias. Weights that several of them share
    stay shared. Others stay: scaled ones, ones with a transposed input, products of activations.
    """
    import onnx

    split = onnx.ModelProto()
    split.CopyFrom(graph.model)
    made: dict[str, Any] = {}
    nodes: list[Any] = []
    for node in split.graph.node:
        if not _is_linear(graph, node):
            nodes.append(node)
            continue
        weight = node.input[1]
        if attribute(node, "transB", 0):
            weight = f"{weight}/turned"
            if weight not in made:
                values = onnx.numpy_helper.to_array(graph.constants[node.input[1]])
                made[weight] = onnx.numpy_helper.from_array(np.ascontiguousarray(values.T), weight)
        biased = len(node.input) > 2 and node.input[2]
        product = f"{node.output[0]}/product" if biased else node.output[0]
        nodes.append(onnx.helper.make_node("MatMul", [node.input[0], weight], [product], node.name))
        if biased:
            inputs, name = [product, node.input[2]], f"{node.name}/bias"
            nodes.append(onnx.helper.make_node("Add", inputs, list(node.output), name))
    del split.graph.node[:]
    split.graph.node.extend(nodes)
    split.graph.initializer.extend(made.values())
    drop_unused_constants(split)
    return onnx.shape_inference.infer_shapes(split, strict_mode=True, data_prop=True)


def _is_linear(graph: Graph, node: Any) -> bool:
    return (
        node.op_type == "Gemm"
        and node.input[1] in graph.constants
        and not attribute(node, "transA", 0)
        and attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
    )
