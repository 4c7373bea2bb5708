"""An ONNX model as the rules want to see it: one flat list of nodes, and what is known of values.

Nodes of control-flow bodies stand in the list like all others, so that nothing hides in them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

from sdk.errors import InputError

DEFAULT_DOMAINS = ("", "ai.onnx")
# Values that TensorRT's builder works out: shapes are integers on the host.
SHAPE_OPERATORS = frozenset({"Shape", "Size"})
RANDOM_OPERATORS = frozenset({"RandomNormal", "RandomUniform"})
CONSTANT_FIELDS = ("value", "value_float", "value_floats", "value_int", "value_ints")


class Graph:
    """A view of a model; the model is not changed.

    functions: names of the model's local functions, which are inlined.
    nodes: all nodes, in order. types: element types by value (``onnx.TensorProto``).
    shapes: known shapes by value; None where a size is open. producer, consumers: by value.

    Raises InputError when the model holds no graph that could be read as ONNX.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.functions = tuple(function.name for function in model.functions)
        if self.functions:
            model = _inlined(model)
        self.opset = _opset(model)
        if not _typed(model):
            model = _inferred(model)
        graph = model.graph
        self.nodes = list(_nodes(graph))
        graphs = [graph, *(body for node in self.nodes for body in _bodies(node))]
        self.initializers = {t.name: t for each in graphs for t in each.initializer}
        self.inputs = [value for value in graph.input if value.name not in self.initializers]
        self.outputs = list(graph.output)
        self.types: dict[str, int] = {n: t.data_type for n, t in self.initializers.items()}
        self.shapes: dict[str, tuple[int | None, ...]] = {
            name: tuple(tensor.dims) for name, tensor in self.initializers.items()
        }
        for each in graphs:
            for value in (*each.input, *each.output, *each.value_info):
                self._describe(value)
        self.producer = {name: node for node in self.nodes for name in node.output if name}
        self.consumers: dict[str, list[tuple[onnx.NodeProto, int]]] = defaultdict(list)
        for node in self.nodes:
            for index, name in enumerate(node.input):
                if name:
                    self.consumers[name].append((node, index))

    def _describe(self, value: onnx.ValueInfoProto) -> None:
        tensor = value.type.tensor_type
        if tensor.elem_type:
            self.types.setdefault(value.name, tensor.elem_type)
        if tensor.HasField("shape"):
            self.shapes.setdefault(
                value.name,
                tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim),
            )

    def type_of(self, name: str) -> int:
        """Element type of a value, UNDEFINED when it is not known."""
        return self.types.get(name, TensorProto.UNDEFINED)

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of an initialiser or a Constant node, None of everything else."""
        if name in self.initializers:
            return _array(self.initializers[name])
        node = self.producer.get(name)
        if node is None or node.op_type != "Constant":
            return None
        for field in CONSTANT_FIELDS:
            if (found := attribute(node, field)) is not None:
                is_tensor = isinstance(found, onnx.TensorProto)
                return _array(found) if is_tensor else np.asarray(found)
        return None  # strings, sparse tensors

    def constants(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All tensors that the model carries: initialisers, and attributes by their node."""
        for name, tensor in self.initializers.items():
            yield name, _array(tensor)
        for node in self.nodes:
            for each in node.attribute:
                found = onnx.helper.get_attribute_value(each)
                if isinstance(found, onnx.TensorProto):
                    yield label(node), _array(found)
                elif each.type in (onnx.AttributeProto.FLOAT, onnx.AttributeProto.FLOATS):
                    yield label(node), np.asarray(found, np.float32)

    @cached_property
    def fixed(self) -> frozenset[str]:
        """Values known when the engine is built: of constants, and of shapes."""
        return self._known(SHAPE_OPERATORS)

    @cached_property
    def folded(self) -> frozenset[str]:
        """Values known when the network is parsed: of constants alone."""
        return self._known(frozenset())

    def _known(self, sources: frozenset[str]) -> frozenset[str]:
        """Constants, what nodes of ``sources`` give, and what follows from these."""
        known = set(self.initializers)
        for node in self.nodes:
            plain = node.op_type not in RANDOM_OPERATORS and not any(_bodies(node))
            if node.op_type in sources or (
                plain and all(name in known for name in node.input if name)
            ):
                known.update(name for name in node.output if name)
        return frozenset(known)


def label(node: onnx.NodeProto) -> str:
    """The node's name; nodes without one go by their first output."""
    return node.name or next((name for name in node.output if name), node.op_type)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """The value of an attribute, or ``default``."""
    for each in node.attribute:
        if each.name == name:
            return onnx.helper.get_attribute_value(each)
    return default


def given(node: onnx.NodeProto, index: int) -> str:
    """The name of an input, "" where an optional one is left out."""
    return node.input[index] if index < len(node.input) else ""


def _array(tensor: onnx.TensorProto) -> NDArray[Any]:
    try:
        return numpy_helper.to_array(tensor)
    except Exception as error:  # of numpy and of onnx
        raise InputError(f"the constant {tensor.name!r} cannot be read: {error}") from error


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for body in _bodies(node):
            yield from _nodes(body)


def _bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for each in node.attribute:
        if each.type == onnx.AttributeProto.GRAPH:
            yield each.g
        elif each.type == onnx.AttributeProto.GRAPHS:
            yield from each.graphs


def _opset(model: onnx.ModelProto) -> int:
    for entry in model.opset_import:
        if entry.domain in DEFAULT_DOMAINS:
            return entry.version
    raise InputError("expected an ONNX network, found a file without an ai.onnx opset")


def _typed(model: onnx.ModelProto) -> bool:
    """Whether the model says of every value what it is; ours do, and need no inference."""
    graph = model.graph
    values = (*graph.value_info, *graph.output)
    known = {value.name for value in values if value.type.tensor_type.elem_type}
    return not any(set(node.output) - known - {""} or any(_bodies(node)) for node in graph.node)


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # onnx raises several kinds; the rules do with what the model says itself
        return model


def _inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model)
    except Exception as error:  # onnx raises several kinds
        raise InputError(f"the functions of this network cannot be inlined: {error}") from error
