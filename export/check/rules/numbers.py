"""Rules on floating-point values."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from export.check.graph import Graph, attribute, label
from export.check.operators import Target
from export.check.rules.rule import Spots

HALF_MAX = float(np.finfo(np.float16).max)
FLOATS = (np.float16, np.float32)  # float64 has its own rule


def float64(graph: Graph, _: Target) -> Spots:
    """TensorRT knows no float64: where it first appears, in inputs, constants and nodes."""
    advice = "compute it in float32, or fold it into a constant"
    seen = {name for name, kind in graph.types.items() if kind == TensorProto.DOUBLE}
    for value in graph.inputs:
        if value.name in seen:
            yield value.name, advice
    for name in graph.initializers:
        if name in seen:
            yield name, advice
    for node in graph.nodes:
        if any(name in seen for name in node.input):
            continue  # it has it from another node
        if any(name in seen for name in node.output) or TensorProto.DOUBLE in (
            attribute(node, "to"),
            attribute(node, "dtype"),
        ):
            yield label(node), advice


def not_finite(graph: Graph, _: Target) -> Spots:
    """Constants that are infinite or not numbers."""
    for name, values in graph.constants():
        if values.dtype in FLOATS and not np.isfinite(values).all():
            yield name, "mask with a finite number that half precision holds, such as -1e4"


def beyond_half(graph: Graph, _: Target) -> Spots:
    """Finite constants that become infinite in half precision."""
    for name, values in graph.constants():
        if values.dtype != np.float32 or not values.size:
            continue
        with np.errstate(invalid="ignore"):
            largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
        if largest > HALF_MAX:
            yield name, f"{largest:g} is infinite in half precision: stay within {HALF_MAX:g}"
