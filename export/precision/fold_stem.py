"""The first convolution for eight bits: space to depth, then half the stride.

Eight-bit convolutions are slow on three channels. Moving each 2x2 block of pixels into the channels
makes twelve of them, and of a convolution with stride 2 one with stride 1; the values are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.check.graph import attribute
from export.precision.graph import Graph

_BLOCK = 2
_FEW = 4  # channels; with more, eight-bit convolutions are quick enough


def fold_stems(graph: Graph) -> Any:
    """A copy of the graph's model in which stems are rewritten; whatever is no stem stays."""
    import onnx

    folded = onnx.ModelProto()
    folded.CopyFrom(graph.model)
    constants = {tensor.name: tensor for tensor in folded.graph.initializer}
    nodes: list[Any] = []
    for node in folded.graph.node:
        if not _is_stem(graph, node):
            nodes.append(node)
            continue
        lead = _pads(node)[0]
        weight = constants[node.input[1]]
        blocks, pads = _blocked(onnx.numpy_helper.to_array(weight), lead)
        weight.CopyFrom(onnx.numpy_helper.from_array(blocks, weight.name))
        deep = f"{node.input[0]}/deep"
        nodes += [
            onnx.helper.make_node(
                "SpaceToDepth", [node.input[0]], [deep], f"{node.name}/deep", blocksize=_BLOCK
            ),
            onnx.helper.make_node(
                "Conv",
                [deep, *node.input[1:]],
                list(node.output),
                node.name,
                kernel_shape=blocks.shape[2:],
                pads=pads,
            ),
        ]
    del folded.graph.node[:]
    folded.graph.node.extend(nodes)
    del folded.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(folded, strict_mode=True, data_prop=True)


def _is_stem(graph: Graph, node: Any) -> bool:
    """A plain square convolution of the network's input with stride 2 that halves its sides."""
    given = {value.name for value in graph.model.graph.input}
    if node.op_type != "Conv" or node.input[0] not in given or node.input[1] not in graph.constants:
        return False
    _, channels, height, width = graph.shapes[node.input[0]]
    rows, columns = graph.shapes[node.input[1]][2:]
    alone = sum(node.input[1] in each.input for each in graph.nodes) == 1
    return (
        channels <= _FEW
        and alone
        and rows == columns
        and height % _BLOCK == width % _BLOCK == 0
        and graph.shapes[node.output[0]][2:] == (height // _BLOCK, width // _BLOCK)
        and attribute(node, "strides") == [_BLOCK, _BLOCK]
        and len(set(_pads(node)[:2])) == 1
        and set(attribute(node, "dilations", ())) <= {1}
        and attribute(node, "group", 1) == 1
    )


def _blocked(weight: NDArray[Any], lead: int) -> tuple[NDArray[Any], list[int]]:
    """Weights (O, C, k, k) as (O, 4 * C, t, t) over blocks, and the pads that belong to them."""
    outputs, channels, side, _ = weight.shape
    shift = lead % _BLOCK  # so that the first tap begins a block
    taps = -(-(side + shift) // _BLOCK)
    full = np.zeros((outputs, channels, taps * _BLOCK, taps * _BLOCK), weight.dtype)
    full[:, :, shift : shift + side, shift : shift + side] = weight
    split = full.reshape(outputs, channels, taps, _BLOCK, taps, _BLOCK)
    blocks = split.transpose(0, 3, 5, 1, 2, 4).reshape(outputs, -1, taps, taps)
    before = (lead + shift) // _BLOCK
    after = taps - 1 - before
    return np.ascontiguousarray(blocks), [before, before, after, after]


def _pads(node: Any) -> list[int]:
    pads: list[int] = attribute(node, "pads", [0, 0, 0, 0])
    return pads
