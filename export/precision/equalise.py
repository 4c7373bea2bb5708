"""Channels of nearly equal range between convolutions: the same network, and easier to round.

A tensor has one scale in eight bits, so that channels of small values are rounded coarsely. ReLU,
pooling and sums of equally scaled tensors pass a positive factor through, which the convolutions
before and after take into their weights, where each channel has a scale of its own (Nagel et al.
2019, arXiv 1906.04721). The root of the ranges shares the burden between activations and weights
(Xiao et al. 2022, arXiv 2211.10438).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.check.graph import attribute
from export.precision.graph import Graph
from export.precision.ranges import Arrays

_PASSING = frozenset({"Add", "MaxPool", "Relu"})
_SHARE = 0.5  # of the logarithm of the ranges that the weights take
_LEAST = 1 / 64  # no channel is made larger by more than the root's inverse of this

Group = frozenset[str]  # tensors whose channels have the same factors


def equalise(graph: Graph, feeds: Iterable[Arrays]) -> Any:
    """A copy of the graph's model with other weights that gives the same values.

    ``feeds``: inputs to measure the ranges of channels on. Channels without a value stay.
    """
    import onnx

    groups = channel_groups(graph)
    peaks = _peaks(graph, sorted(set().union(*groups)), feeds)
    weights = {
        name: onnx.numpy_helper.to_array(graph.constants[name]).astype(np.float64)
        for node in graph.nodes
        if _convolves(graph, node)
        for name in node.input[1:]
    }
    for group in groups:
        factors = _factors(np.max([peaks[name] for name in group], axis=0))
        for node in graph.nodes:
            if not _convolves(graph, node):
                continue
            if node.output[0] in group:
                for name in node.input[1:]:
                    shape = (-1,) + (1,) * (weights[name].ndim - 1)
                    weights[name] = weights[name] * factors.reshape(shape)
            if node.input[0] in group:
                weights[node.input[1]] = weights[node.input[1]] / factors[:, None, None]
    equal = onnx.ModelProto()
    equal.CopyFrom(graph.model)
    for tensor in equal.graph.initializer:
        if tensor.name in weights:
            values = weights[tensor.name].astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return equal


def channel_groups(graph: Graph) -> list[Group]:
    """The tensors (1, C, H, W) that factors can go into: convolutions make them and read them."""
    joined: dict[str, Group] = {}
    for node in graph.nodes:
        passing = _passes(graph, node)
        if passing or _convolves(graph, node):
            names = {*node.input, node.output[0]} if passing else {node.output[0]}
            group = frozenset().union(names, *(joined.get(name, ()) for name in names))
            joined.update(dict.fromkeys(group, group))
    results = {value.name for value in graph.model.graph.output}

    def inside(group: Group, node: Any) -> bool:
        """Whether a node passes factors on, or takes them into its weights."""
        return _passes(graph, node) or (
            _convolves(graph, node) and group.isdisjoint(node.input[1:])
        )

    return [
        group
        for group in dict.fromkeys(joined.values())
        if group.isdisjoint(results)
        and all(name in graph.maker and inside(group, graph.maker[name]) for name in group)
        and all(inside(group, user) for name in group for user in graph.users[name])
    ]


def _passes(graph: Graph, node: Any) -> bool:
    """Adds only of two activations of one shape."""
    shapes = {graph.shapes.get(name) for name in (*node.input, node.output[0])}
    summed = node.op_type != "Add" or len(shapes) == 1
    return node.op_type in _PASSING and summed and graph.constants.keys().isdisjoint(node.input)


def _convolves(graph: Graph, node: Any) -> bool:
    """A convolution over all channels whose weights are constants and its own."""
    return (
        node.op_type == "Conv"
        and attribute(node, "group", 1) == 1
        and all(name in graph.constants for name in node.input[1:])
        and all(len(graph.users[name]) == 1 for name in node.input[1:])
    )


def _factors(peaks: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = peaks.max()
    shares = np.where(peaks > 0, np.maximum(peaks / (largest or 1.0), _LEAST), 1.0)
    return np.asarray(shares**-_SHARE)


def _peaks(
    graph: Graph, names: list[str], feeds: Iterable[Arrays]
) -> dict[str, NDArray[np.float64]]:
    """Largest magnitude of every channel, by tensor."""
    import onnx
    import onnxruntime

    if not names:
        return {}
    probed = onnx.ModelProto()
    probed.CopyFrom(graph.model)
    del probed.graph.output[:]
    probed.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, graph.shapes[name])
        for name in names
    )
    session = onnxruntime.InferenceSession(
        probed.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    largest = {name: np.zeros(graph.shapes[name][1]) for name in names}
    for feed in feeds:
        for name, values in zip(names, session.run(names, dict(feed)), strict=True):
            largest[name] = np.maximum(largest[name], np.abs(values).max(axis=(0, 2, 3)))
    return largest
