"""Does a plan compute in the types of its graph? Read off TensorRT's engine inspector."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sdk.errors import EngineError

TYPE_NAMES = {"FLOAT": "fp32", "FP32": "fp32", "HALF": "fp16", "FP16": "fp16", "INT8": "int8"}
NARROW = ("fp16", "int8")
_TYPE = re.compile(r"\b(" + "|".join(TYPE_NAMES) + r")\b", re.IGNORECASE)


def count_types(information: str) -> dict[str, int]:
    """How many layers read or write each type, from the inspector's JSON.

    TensorRT 10 has "Format/Datatype" with sentences such as "Row major linear FP16 format", 11 has
    keys such as "DataType" with "Half" (its migration guide); values name the type in both.
    """
    counts: Counter[str] = Counter()
    for layer in json.loads(information).get("Layers", []):
        if isinstance(layer, dict):  # a bare name when the verbosity is not DETAILED
            counts.update({kind for key in ("Inputs", "Outputs") for kind in _types(layer, key)})
    return dict(sorted(counts.items()))


def weight_types(onnx_bytes: bytes) -> set[str]:
    """The types of an ONNX network's weights (constants of two dimensions and more).

    Weights behind a QuantizeLinear are of its type as well.
    """
    import onnx

    names = {onnx.TensorProto.FLOAT: "fp32", onnx.TensorProto.FLOAT16: "fp16"}
    names[onnx.TensorProto.INT8] = "int8"
    graph = onnx.load_from_string(onnx_bytes).graph
    weights = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) >= 2}
    kinds = {tensor.data_type for tensor in weights.values()}
    if any(n.op_type == "QuantizeLinear" and n.input[0] in weights for n in graph.node):
        kinds.add(onnx.TensorProto.INT8)
    return {names[kind] for kind in kinds if kind in names}


def check_types(layers: dict[str, int], weights: set[str], name: str) -> None:
    """Raises EngineError when no layer of a plan has a narrow type that the graph's weights have:
    a plan that silently became float32 is no plan of this network."""
    if not layers:
        raise EngineError(
            f"{name}: the engine inspector names no types of layers, so that nothing says whether"
            " the plan has those of its graph; please report this with your TensorRT version"
        )
    for narrow in NARROW:
        if narrow in weights and not layers.get(narrow):
            raise EngineError(
                f"{name} has weights in {narrow}, but no layer of its plan computes in it (layers"
                f" by type: {layers}): TensorRT widened it silently; do not use this plan"
            )


def _types(layer: dict[str, Any], key: str) -> Iterator[str]:
    tensors = layer.get(key)
    for tensor in tensors if isinstance(tensors, list) else []:
        for field, value in tensor.items() if isinstance(tensor, dict) else ():
            if field != "Name" and isinstance(value, str) and (found := _TYPE.search(value)):
                yield TYPE_NAMES[found[1].upper()]
