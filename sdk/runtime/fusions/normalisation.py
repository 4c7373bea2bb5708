"""Layer normalisations, with the sum or the adapter in front of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdk.runtime.fusions.fusion import MULTIPLE, Fusion, are_floats, holds
from sdk.runtime.onnx_graph import Graph, Node, Pattern

ADAPTER = "Adapt"
NORM, NORM_OF_SUM = "Normalise", "NormaliseSum"


def adapters(graph: Graph) -> Iterator[Fusion]:
    """Those of a sum, with the normalisation behind them."""
    whole: Pattern = ("Add", "?first", "?second")
    plain = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1}
    hidden: Pattern = ("Gemm", plain, whole, "#down", "#down bias")
    above: Pattern = ("Add", ("Erf", ("Div", hidden, "#root")), "#one")
    gelu: Pattern = ("Mul", ("Mul", hidden, above), "#half")
    change: Pattern = ("Add", ("MatMul", gelu, "#up"), "?up bias")
    pattern = ("LayerNormalization", {"axis": -1}, ("Add", whole, change), "#scale", "#shift")
    gelus = {"#root": np.float32(2**0.5), "#one": np.float32(1), "#half": np.float32(0.5)}
    for node, bound in graph.matches(pattern):
        shape, down = graph.shape(bound["?first"]), graph.constant(bound["#down"])
        if len(shape) != 2 or down is None or graph.shape(bound["?second"]) != shape:
            continue
        width, bottleneck = shape[1], len(down)
        sides = {
            "#down": (bottleneck, width),
            "#down bias": (bottleneck,),
            "#up": (bottleneck, width),
            "#scale": (width,),
            "#shift": (width,),
        }
        if bottleneck % MULTIPLE or width % MULTIPLE or not are_floats(graph, bound, sides):
            continue
        label, bias = f"{ADAPTER} {node.outputs[0]}", bound["?up bias"]
        told = graph.constant(bias)  # what it is conditioned on makes it none
        if told is not None and told.shape == (width,):
            bias = graph.add(f"{label} bias", told[None])
        elif graph.shape(bias) != (1, width):
            continue
        if holds(graph, {name: bound[name] for name in gelus}, gelus):
            turned = graph.add(f"{label} down", down.T)
            before = (bound["?first"], bound["?second"], turned, bound["#down bias"])
            epsilon = graph.add(label, _epsilon(node))
            after = (bound["#up"], bias, bound["#scale"], bound["#shift"], epsilon)
            yield (node,), ADAPTER, before + after


def norms(graph: Graph) -> Iterator[Fusion]:
    """Layer normalisations, with the sum in front of them where nothing else needs it."""
    sums = {node.outputs[0]: node for node in graph.nodes if node.operator == "Add"}
    pattern = ("LayerNormalization", {"axis": -1}, "?x", "#scale", "#shift")
    for node, bound in graph.matches(pattern):
        shape = graph.shape(bound["?x"])
        if len(shape) != 2 or shape[1] % MULTIPLE:
            continue
        if not are_floats(graph, bound, {"#scale": shape[1:], "#shift": shape[1:]}):
            continue
        given: tuple[str, ...] = (bound["?x"],)
        before = sums.get(bound["?x"]) if graph.uses(bound["?x"]) == 1 else None
        if before is not None and all(graph.shape(name) == shape for name in before.inputs):
            given = before.inputs
        name = graph.add(f"{NORM} {node.outputs[0]}", _epsilon(node))
        operator = NORM if len(given) == 1 else NORM_OF_SUM
        yield (node,), operator, (*given, bound["#scale"], bound["#shift"], name)


def _epsilon(node: Node) -> NDArray[np.float32]:
    return np.array([node.attributes.get("epsilon", 1e-5)], np.float32)
