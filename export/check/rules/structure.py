"""Rules on the graph as a whole: its opset, its functions, control flow, open shapes."""

from __future__ import annotations

from export.check.graph import Graph, given, label
from export.check.operators import Target
from export.check.rules.rule import Spots

OPSETS = range(17, 20)
CONTROL_FLOW = frozenset({"If", "Loop", "Scan"})
DATA_DEPENDENT = frozenset({"Compress", "NonMaxSuppression", "NonZero", "Unique"})
# Inputs that say what shape comes out.
SHAPE_INPUTS = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Tile": (1,),
}


def opset(graph: Graph, target: Target) -> Spots:
    """From 20 on, GridSample's mode is "linear", which TensorRT's parsers take for "nearest" (that
    of TensorRT for RTX does not); before 17 there is no LayerNormalization."""
    if graph.opset < OPSETS[0] or (graph.opset not in OPSETS and not target.is_rtx):
        yield (
            f"opset {graph.opset}",
            f"export with opset {OPSETS[0]} to {OPSETS[-1]}: later ones name modes that the parser"
            " misreads, earlier ones have no LayerNormalization",
        )


def function(graph: Graph, _: Target) -> Spots:
    """A model's own functions, instead of plain nodes."""
    for name in graph.functions:
        yield name, "inline the function (onnx.inliner.inline_local_functions)"


def control_flow(graph: Graph, _: Target) -> Spots:
    """Loops and branches."""
    for node in graph.nodes:
        if node.op_type in CONTROL_FLOW:
            yield label(node), f"unroll the {node.op_type}, or take the decision on the host"


def dynamic_shape(graph: Graph, target: Target) -> Spots:
    """Inputs with open sizes; outputs, where nothing before them explains it."""
    values = [value for value in graph.inputs if _open(graph.shapes.get(value.name))]
    if not values and not any(data_dependent_shape(graph, target)):
        known = [value for value in graph.outputs if value.name in graph.shapes]
        values = [value for value in known if _open(graph.shapes[value.name])]
    for value in values:
        yield value.name, "export with static shapes: give every size of it a number"


def data_dependent_shape(graph: Graph, _: Target) -> Spots:
    """Shapes that depend on values which are known at run time only."""
    for node in graph.nodes:
        if node.op_type in DATA_DEPENDENT:
            yield (
                label(node),
                f"the shape of what {node.op_type} gives depends on the data: select with TopK or"
                " a mask of a fixed size",
            )
        for index in SHAPE_INPUTS.get(node.op_type, ()):
            name = given(node, index)
            if name and name not in graph.fixed:
                yield label(node), f"make {name} a constant: the shape of the output hangs on it"


def _open(shape: tuple[int | None, ...] | None) -> bool:
    return shape is None or any(size is None or size <= 0 for size in shape)
