"""The rule on 64-bit integers: reported where they begin, and only where nothing needs them.

Some operators demand int64 (a Reshape's shape), some give nothing else (TopK's indices), and
shapes are int64 by definition: none of that is reported, nor what is only moved about.
"""

from __future__ import annotations

from functools import cache

import onnx
from onnx import TensorProto

from export.check.graph import DEFAULT_DOMAINS, Graph, given, label
from export.check.operators import Target
from export.check.rules.rule import Spots

# What only moves values about, or picks some.
MOVES = frozenset(
    {
        "Concat",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)
TABLES = frozenset({"Gather", "GatherElements"})  # whose indices may be a table of constants


def int64(graph: Graph, _: Target) -> Spots:
    """Inputs, casts, constants and arithmetic in int64 where int32 does."""
    checked = _Integers(graph)
    for value in graph.inputs:
        if checked.wide(value.name) and value.name not in checked.demanded:
            yield value.name, "make this input int32, and let the host convert"
    for node in graph.nodes:
        advice = checked.avoidable(node)
        if advice:
            yield label(node), advice


class _Integers:
    """Where int64 comes from, and where it is demanded.

    emitted: values of operators that give nothing but int64, and what is moved from them.
    demanded: values that go, as they are or as a part of others, to operators that take only int64.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.emitted: set[str] = set()
        for node in graph.nodes:
            moved = node.op_type in MOVES and any(name in self.emitted for name in node.input)
            for index, name in enumerate(node.output):
                if self.wide(name) and (moved or _gives_only_int64(node, index, graph.opset)):
                    self.emitted.add(name)
        self.demanded: set[str] = set()
        for node in reversed(graph.nodes):
            passed_on = any(self.wide(name) and name in self.demanded for name in node.output)
            for index, name in enumerate(node.input):
                if passed_on or not _takes_int32(node, index, graph.opset):
                    self.demanded.add(name)

    def wide(self, name: str) -> bool:
        """Whether a value is of type int64."""
        return self.graph.type_of(name) == TensorProto.INT64

    def avoidable(self, node: onnx.NodeProto) -> str:
        """What to do about a node where int64 begins without need, "" of all others."""
        fixed, wide = self.graph.fixed, [name for name in node.input if self.wide(name)]
        if self._is_table(node):
            return f"store the indices {given(node, 1)} as int32"
        if node.domain not in DEFAULT_DOMAINS or all(name in fixed for name in node.output):
            return ""
        if any(self.wide(name) and name in self.demanded for name in node.output):
            return ""
        if node.op_type == "Cast":
            came = self.wide(node.output[0]) and not self.wide(node.input[0])
            return "cast to int32 instead" if came else ""
        moving = [name for name in wide if name not in fixed]
        if node.op_type not in MOVES and moving and all(name in self.emitted for name in moving):
            return "cast the indices to int32 before computing with them"
        begun = not moving and any(
            self.wide(name) and not _gives_only_int64(node, index, self.graph.opset)
            for index, name in enumerate(node.output)
        )
        return "store its constants as int32" if begun else ""

    def _is_table(self, node: onnx.NodeProto) -> bool:
        """Several constant int64 indices into values: one index is a selection, as in x[:, 0]."""
        if node.op_type not in TABLES or given(node, 0) in self.graph.fixed:
            return False
        name = given(node, 1)
        shape = self.graph.shapes.get(name, ())
        single = all(size == 1 for size in shape)
        return self.wide(name) and name in self.graph.fixed and not single


@cache
def _schema(operator: str, opset: int) -> onnx.defs.OpSchema | None:
    if not onnx.defs.has(operator):
        return None
    return onnx.defs.get_schema(operator, opset)


def _takes_int32(node: onnx.NodeProto, index: int, opset: int) -> bool:
    schema = _schema(node.op_type, opset) if node.domain in DEFAULT_DOMAINS else None
    if schema is None or not schema.inputs:
        return False  # nobody knows
    return "tensor(int32)" in schema.inputs[min(index, len(schema.inputs) - 1)].types


def _gives_only_int64(node: onnx.NodeProto, index: int, opset: int) -> bool:
    schema = _schema(node.op_type, opset) if node.domain in DEFAULT_DOMAINS else None
    if schema is None or not schema.outputs:
        return False
    return set(schema.outputs[min(index, len(schema.outputs) - 1)].types) == {"tensor(int64)"}
