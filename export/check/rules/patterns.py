"""Rules on several nodes together: what an exporter has taken apart."""

from __future__ import annotations

import onnx
from onnx import TensorProto

from export.check.graph import Graph, attribute, given, label
from export.check.operators import Target
from export.check.rules.rule import Spots

PASSED = frozenset({"Cast", "Identity", "Dropout"})  # what may stand between two steps
MEANS = frozenset({"ReduceMean", "ReduceSum"})
NARROWED = frozenset({"Conv", "MatMul"})  # Gemm keeps its type
EXTREMES = frozenset({"ReduceMax", "ReduceMin"})
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.UNDEFINED)


def layer_norm(graph: Graph, _: Target) -> Spots:
    """A variance of its own, mean((x - mean(x))^2): squares overflow in half precision."""
    for node in graph.nodes:
        if node.op_type == "ReduceSumSquare":
            centred = _source(graph, given(node, 0))
        elif node.op_type in MEANS:
            centred = _source(graph, _squared(graph, _source(graph, given(node, 0))))
        else:
            continue
        if centred is not None and _is_centred(graph, centred):
            yield (
                label(node),
                "export LayerNormalization as one node (opset 17 and up; not decomposed)",
            )


def global_max(graph: Graph, _: Target) -> Spots:
    """A maximum or minimum over more than a row."""
    for node in graph.nodes:
        real = node.op_type in EXTREMES and graph.type_of(given(node, 0)) in FLOATS
        if real and _reduced(graph, node) > 1:
            yield (
                label(node),
                f"take {node.op_type} along one axis (in attention: the row's maximum, or Softmax,"
                " which takes it itself)",
            )


def narrowed_product(graph: Graph, target: Target) -> Spots:
    """A float32 product between casts from half precision and back, which TensorRT for RTX takes
    for one of half precision: it rounds the weights."""
    for node in graph.nodes if target.is_rtx else ():
        users = [user for user, _ in graph.consumers[node.output[0]]]
        if (
            node.op_type in NARROWED
            and graph.type_of(node.output[0]) == TensorProto.FLOAT
            and all(_half(graph, name) or name in graph.fixed for name in node.input[:2])
            and users
            and all(attribute(user, "to") == TensorProto.FLOAT16 for user in users)
        ):
            yield (
                label(node),
                "it is computed in half precision: keep what comes after it in float32 as well",
            )


def _half(graph: Graph, name: str) -> bool:
    """Whether a value is cast from half precision."""
    node = graph.producer.get(name)
    cast = node is not None and node.op_type == "Cast"
    return cast and graph.type_of(given(node, 0)) == TensorProto.FLOAT16


def _source(graph: Graph, name: str) -> onnx.NodeProto | None:
    """The node that computes a value; casts are passed."""
    return graph.producer.get(_origin(graph, name))


def _origin(graph: Graph, name: str) -> str:
    """The name of a value before casts."""
    for _ in graph.nodes:  # bounded, should a damaged file go round in circles
        node = graph.producer.get(name)
        if node is None or node.op_type not in PASSED:
            break
        name = given(node, 0)
    return name


def _squared(graph: Graph, node: onnx.NodeProto | None) -> str:
    """The name of x where a node computes x * x or x ** 2, else ""."""
    if node is None or node.op_type not in ("Mul", "Pow"):
        return ""
    base, other = given(node, 0), given(node, 1)
    if node.op_type == "Mul":
        return base if base == other else ""
    exponent = graph.constant(other)
    return base if exponent is not None and (exponent == 2).all() else ""


def _is_centred(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether a node computes x - mean(x)."""
    if node.op_type != "Sub":
        return False
    mean = _source(graph, given(node, 1))
    if mean is not None and mean.op_type == "Div":  # a sum, divided by the count
        mean = _source(graph, given(mean, 0))
    if mean is None or mean.op_type not in MEANS:
        return False
    return _origin(graph, given(node, 0)) == _origin(graph, given(mean, 0))


def _reduced(graph: Graph, node: onnx.NodeProto) -> int:
    """How many axes a node reduces, but for those that are known to hold one value only."""
    axes = attribute(node, "axes")
    if axes is None and given(node, 1):
        constant = graph.constant(given(node, 1))
        if constant is None:
            return 1  # the rule on parameters reports it
        axes = constant.ravel().tolist()
    if not axes and attribute(node, "noop_with_empty_axes", 0):
        return 0
    shape = graph.shapes.get(given(node, 0))
    if shape is not None and len(shape) == 1:  # all of it: what was it before?
        axes, shape = None, _unflattened(graph, given(node, 0), shape)
    if shape is None:
        return len(axes) if axes else 2  # everything, of nobody knows how many axes
    rank = len(shape)
    chosen = [shape[axis] for axis in axes if -rank <= axis < rank] if axes else shape
    return sum(size != 1 for size in chosen)


def _unflattened(graph: Graph, name: str, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """The shape that a value of one axis had before it was flattened."""
    node = graph.producer.get(name)
    if node is None or node.op_type not in ("Reshape", "Flatten"):
        return shape
    return graph.shapes.get(given(node, 0), shape)
