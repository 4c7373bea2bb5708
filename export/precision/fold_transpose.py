"""Transposed weights as weights: what the exporter leaves to be done in every run."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.check.graph import attribute


def fold_transposes(model: Any) -> Any:
    """A copy of a model in which no constant is transposed at run time.

    PyTorch's exporter transposes a weight itself unless several calls share it; a product whose
    weight is the output of a Transpose would count as a product of two activations.
    """
    import onnx

    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    graph = folded.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        if node.op_type != "Transpose" or node.input[0] not in constants:
            kept.append(node)
            continue
        axes = attribute(node, "perm")
        values = onnx.numpy_helper.to_array(constants[node.input[0]])
        turned = np.ascontiguousarray(np.transpose(values, axes))
        tensor = onnx.numpy_helper.from_array(turned, node.output[0])
        graph.initializer.append(tensor)
        constants[tensor.name] = tensor
    del graph.node[:]
    graph.node.extend(kept)
    drop_unused_constants(folded)
    return folded


def drop_unused_constants(model: Any) -> None:
    """Removes the initialisers that no node reads, in place."""
    graph = model.graph
    read = {name for node in graph.node for name in node.input}
    read |= {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    known = {tensor.name for tensor in kept} | {name for n in graph.node for name in n.output}
    values = [value for value in graph.value_info if value.name in known]
    del graph.value_info[:]
    graph.value_info.extend(values)
