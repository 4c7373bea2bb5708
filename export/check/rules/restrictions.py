"""Rules on how an operator is used, after the restrictions in the parser's table."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from export.check.graph import Graph, attribute, given, label
from export.check.operators import Target
from export.check.rules.operators import INSTEAD
from export.check.rules.rule import Spots

TOP_K_LIMIT = 3840
# Inputs that must be constants, by operator.
CONSTANT_INPUTS = {
    **{
        f"Reduce{kind}": (1,)
        for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum")
    },
    "CumSum": (1,),
    "OneHot": (1,),
    "Pad": (3,),
    "ReduceSumSquare": (1,),
    "Slice": (3,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
}
OLD_ONLY = frozenset({"Pad", "Slice"})  # restricted in 10.x only
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
RESIZE_MODES = frozenset({b"nearest", b"linear"})


def top_k(graph: Graph, target: Target) -> Spots:
    """K must be a constant of 3840 at most; TensorRT 10 and 11 say that they only sort."""
    for node in _all(graph, "TopK"):
        count = graph.constant(given(node, 1)) if len(node.input) > 1 else attribute(node, "k")
        if count is None:
            yield label(node), f"make K a constant initialiser of {TOP_K_LIMIT} at most"
        elif np.size(count) and int(np.max(count)) > TOP_K_LIMIT:
            yield label(node), f"take fewer: K is {int(np.max(count))}, the limit {TOP_K_LIMIT}"
        if not attribute(node, "sorted", 1) and not target.is_rtx:
            yield label(node), "set sorted=1: TensorRT knows no other order"


def scatter_reduction(graph: Graph, _: Target) -> Spots:
    """ScatterND and ScatterElements with a reduction."""
    for node in _all(graph, "ScatterElements", "ScatterND"):
        if attribute(node, "reduction", b"none") != b"none":
            yield label(node), "scatter without reduction: add or multiply after gathering"


def constant_parameter(graph: Graph, target: Target) -> Spots:
    """Axes, depths: parameters that must be known when the engine is built."""
    for node in graph.nodes:
        if node.op_type in OLD_ONLY and not target.is_ten:
            continue
        for index in CONSTANT_INPUTS.get(node.op_type, ()):
            name = given(node, index)
            if name and name not in graph.folded:
                yield label(node), f"make {name} a constant initialiser"


def resize(graph: Graph, target: Target) -> Spots:
    """Cubic resizing (TensorRT for RTX takes it), antialiasing, aspect policies."""
    for node in _all(graph, "Resize"):
        if attribute(node, "mode", b"nearest") not in RESIZE_MODES and not target.is_rtx:
            yield label(node), "resize with mode nearest or linear"
        if attribute(node, "antialias", 0):
            yield label(node), "resize without antialiasing"
        if attribute(node, "keep_aspect_ratio_policy", b"stretch") != b"stretch":
            yield label(node), "resize with keep_aspect_ratio_policy stretch"


def pooling(graph: Graph, _: Target) -> Spots:
    """Dilated pooling; norms but the first and the second."""
    for node in _all(graph, "MaxPool", "AveragePool", "LpPool"):
        if any(size != 1 for size in attribute(node, "dilations", ())):
            yield label(node), "pool without dilations"
        if node.op_type == "LpPool" and attribute(node, "p", 2) not in (1, 2):
            yield label(node), "pool with p of 1 or 2"


def extra_output(graph: Graph, _: Target) -> Spots:
    """Outputs beside the first: indices of MaxPool, statistics of LayerNormalization."""
    for node in _all(graph, "MaxPool", "LayerNormalization"):
        if any(node.output[1:]):
            yield label(node), f"use the first output of {node.op_type} only"


def zero_point(graph: Graph, _: Target) -> Spots:
    """Quantisation is symmetric: zero points are 0."""
    for node in _all(graph, "QuantizeLinear", "DequantizeLinear"):
        name = given(node, 2)
        if not name:
            continue
        values = graph.constant(name)
        if values is None or np.any(np.asarray(values, np.float32)):
            yield label(node), "quantise symmetrically: the zero point must be the constant 0"


def training(graph: Graph, _: Target) -> Spots:
    """Layers that were exported as they are while a model learns."""
    for node in _all(graph, "BatchNormalization", "Dropout"):
        name = given(node, 2) if node.op_type == "Dropout" else ""
        mode = graph.constant(name) if name else np.asarray(attribute(node, "training_mode", 0))
        if mode is None or mode.any():
            yield label(node), "export the model in eval mode"


def remainder(graph: Graph, _: Target) -> Spots:
    """The remainder of floating-point numbers, by the rule for integers."""
    for node in _all(graph, "Mod"):
        if graph.type_of(given(node, 0)) in FLOATS and not attribute(node, "fmod", 0):
            yield label(node), "set fmod=1, or compute x - floor(x / y) * y"


def attention(graph: Graph, target: Target) -> Spots:
    """Attention, which TensorRT 10 does not know. TensorRT for RTX refuses most, and ends its
    process where one value is query, key and value; of 11.4 only the documented limits are known:
    4-D values, no cache, no softcap."""
    for node in _all(graph, "Attention"):
        if target.is_rtx:
            yield label(node), INSTEAD["Attention"]
            continue
        if any(len(graph.shapes.get(name, (0,) * 4)) != 4 for name in node.input[:3]):
            yield label(node), "give Attention 4-D queries, keys and values"
        if any(given(node, index) for index in (4, 5)) or attribute(node, "softcap", 0.0):
            yield label(node), "use Attention without past, present and softcap"


def _all(graph: Graph, *operators: str) -> list[onnx.NodeProto]:
    return [node for node in graph.nodes if node.op_type in operators]
