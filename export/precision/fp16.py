"""Float32 graph -> mixed half precision, with Casts: the same graph for every TensorRT.

Precision is in the graph (strongly typed networks), so that no builder flag decides it. Converters
that cast around every float32 node (``onnxruntime.transformers.float16``) send values between two
of them through half precision; here a Cast is only where float32 meets half, one for each tensor.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from export.precision.fold_transpose import drop_unused_constants
from export.precision.graph import MOVEMENT, Graph, read_graph
from sdk.errors import EngineError

# Operators with types of their own, which half precision would not merely narrow.
# fmt: off
_UNCHANGED = frozenset({
    "Constant", "ConstantOfShape", "DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear",
    "RandomNormal", "RandomUniform", "Range", "Resize", "Upsample",
})
# fmt: on


def to_half(model: Any, floats: Collection[str]) -> Any:
    """A network in half precision.

    Nodes that only move values keep the type in which these come. Inputs and outputs of the graph
    keep theirs.

    Args:
        model: the float32 network, an ``onnx.ModelProto``; not changed.
        floats: names of the nodes that stay in float32.

    Returns:
        The copy in half precision.

    Raises:
        EngineError: the graph has no node of such a name, or a constant that half precision cannot
            hold, or is none that precision can be chosen for (``read_graph``).
    """
    import onnx

    graph = read_graph(model)
    unknown = sorted(set(floats) - {node.name for node in graph.nodes})
    if unknown:
        raise EngineError(f"expected names of nodes to keep in float32, found {unknown[:3]}")
    halved = _Halving(graph, frozenset(floats)).run()
    onnx.checker.check_model(halved, full_check=True)
    return halved


class _Halving:
    """One pass over the nodes, in the order in which they run."""

    def __init__(self, graph: Graph, floats: frozenset[str]) -> None:
        import onnx

        self.graph, self.floats, self.helper = graph, floats, onnx.helper
        self.float, self.half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
        self.narrow: set[str] = set()  # tensors that are in half precision now
        self.alias: dict[tuple[str, int], str] = {}  # the other type of a tensor, once it is there
        self.nodes: list[Any] = []
        self.new_constants: list[Any] = []

    def run(self) -> Any:
        import onnx

        for node in self.graph.nodes:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            kind = self._kind(node)
            if kind is not None:
                self._retype(node, copy, kind)
            self.nodes.append(copy)
        result = onnx.ModelProto()
        result.CopyFrom(self.graph.model)
        self._keep_outputs(result)
        del result.graph.node[:]
        result.graph.node.extend(self.nodes)
        result.graph.initializer.extend(self.new_constants)
        drop_unused_constants(result)
        del result.graph.value_info[:]
        return onnx.shape_inference.infer_shapes(result, strict_mode=True, data_prop=True)

    def _kind(self, node: Any) -> int | None:
        """The type in which a node works, None when it has nothing to do with float32."""
        floating = [name for name in (*node.input, *node.output) if self.graph.is_float(name)]
        if not floating:
            return None
        if node.name in self.floats or node.op_type in _UNCHANGED:
            return int(self.float)
        if node.op_type in MOVEMENT:
            come = [
                n for n in node.input if self.graph.is_float(n) and n not in self.graph.constants
            ]
            if come and not all(name in self.narrow for name in come):
                return int(self.float)
        return int(self.half)

    def _retype(self, node: Any, copy: Any, kind: int) -> None:
        if node.op_type == "Cast":  # takes any type, and makes the one that it is told to
            target = next(a for a in copy.attribute if a.name == "to")
            if target.i == self.float:
                target.i = kind
        else:
            for place, name in enumerate(node.input):
                if self.graph.is_float(name):
                    copy.input[place] = self._as(name, kind, node.name)
        if kind == self.half:
            self.narrow.update(name for name in node.output if self.graph.is_float(name))

    def _as(self, name: str, kind: int, reader: str) -> str:
        """The name of a tensor in the type that its reader wants, made when it is not there."""
        if kind == (self.half if name in self.narrow else self.float):
            return name
        if (name, kind) not in self.alias:
            other = f"{name}/{'half' if kind == self.half else 'float'}"
            if name in self.graph.constants:
                self.new_constants.append(self._narrowed(name, other, reader))
            else:
                cast = self.helper.make_node("Cast", [name], [other], f"{other}/cast", to=kind)
                self.nodes.append(cast)
            self.alias[name, kind] = other
        return self.alias[name, kind]

    def _narrowed(self, name: str, other: str, reader: str) -> Any:
        import onnx

        values = onnx.numpy_helper.to_array(self.graph.constants[name])
        with np.errstate(over="ignore"):
            narrow = values.astype(np.float16)
        if not np.isfinite(narrow).all():
            raise EngineError(
                f"constant {name} is beyond half precision ({np.abs(values).max():g}):"
                f" keep the node {reader} in float32"
            )
        return onnx.numpy_helper.from_array(narrow, other)

    def _keep_outputs(self, result: Any) -> None:
        """Outputs of the graph stay float32: a half one is renamed inside and cast at the end."""
        for value in result.graph.output:
            if value.name in self.narrow:
                inner = f"{value.name}/half"
                for node in self.nodes:
                    for names in (node.input, node.output):
                        for place, name in enumerate(names):
                            if name == value.name:
                                names[place] = inner
                cast = self.helper.make_node(
                    "Cast", [inner], [value.name], f"{value.name}/cast", to=self.float
                )
                self.nodes.append(cast)
