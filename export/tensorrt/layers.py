"""The layers of a finished plan: what they read, in which types, and which ONNX nodes they are of.

TensorRT for RTX tells it without a GPU, in a verbose message of its builder that begins with
``Layers:`` and has a line a layer; TensorRT tells it in the JSON of its engine inspector.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sdk.errors import EngineError

MESSAGE = "Layers:"
# By TensorRT's word in lower case. Of the sentences that TensorRT 10's inspector writes ("Row major
# linear FP16 format") one word is among these.
TYPE_NAMES = {
    "float": "fp32",
    "half": "fp16",
    "bfloat16": "bf16",
    **{name: name for name in ("fp32", "fp16", "bf16", "int8", "fp8", "int4", "fp4")},
}
_TYPE = re.compile(r"\b(" + "|".join(TYPE_NAMES) + r")\b", re.IGNORECASE)
_LINE = re.compile(
    r"Name: (?P<name>.*?), LayerType: (?P<kind>[^,]*), Inputs: \[(?P<inputs>.*?)\]"
    r"(?:, Constants: \[(?P<constants>.*?)\])?, Outputs: \[.*\bMetadata: (?P<metadata>.*)"
)
_TENSOR = re.compile(
    r"\{ Name: (?P<name>.*?), Dimensions: \[(?P<sizes>[\d,-]*)\].*?Datatype: (?P<kind>[^,}]*)"
)
_NODE = "[ONNX Layer: "  # up to "]", behind which something may follow


@dataclass(frozen=True)
class Tensor:
    """A tensor that a layer reads; ``kind`` is ``fp32``, ``fp16``, ``int8``, ..., "" of others."""

    name: str
    elements: int
    kind: str


@dataclass(frozen=True)
class Layer:
    """A layer of a plan; ``nodes`` are the names of the ONNX nodes that it computes (parts of)."""

    name: str
    inputs: tuple[Tensor, ...]
    constants: tuple[Tensor, ...]
    nodes: frozenset[str]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of all that it reads, each once."""
        return tuple(sorted({each.kind for each in (*self.inputs, *self.constants)} - {""}))


def read_message(text: str) -> list[Layer]:
    """Reads the builder's message; raises EngineError where it has an unknown form."""
    lines = text.removeprefix(MESSAGE).removeprefix("\n").split("\n")
    return [_layer(line) for line in takewhile(bool, lines)]  # then come inputs and outputs


def read_inspector(information: str) -> list[Layer]:
    """Reads the engine inspector's JSON.

    TensorRT 10 has "Format/Datatype" with sentences, 11 keys such as "DataType" with "Half" (its
    migration guide); weights that are no tensors stand in "Weights", with "Type" and "Count".
    """
    found = json.loads(information).get("Layers", [])
    described = [each for each in found if isinstance(each, dict)]  # bare names if not DETAILED
    return [_described(each) for each in described]


def weights_by_type(layers: Iterable[Layer]) -> dict[str, int]:
    """How many numbers the constants of a plan have, by type; a constant that several layers read
    counts once."""
    constants = {each.name: each for layer in layers for each in layer.constants if each.kind}
    counts: dict[str, int] = {}
    for each in constants.values():
        counts[each.kind] = counts.get(each.kind, 0) + each.elements
    return dict(sorted(counts.items()))


def _layer(line: str) -> Layer:
    found = _LINE.fullmatch(line)
    if found is None:
        raise EngineError(
            "the builder describes its layers in an unknown form, so that nothing says whether the"
            f" plan has the types of its graph: {line[:200]!r}; please report this with your"
            " TensorRT version"
        )
    inputs, constants = (tuple(_tensors(found[part] or "")) for part in ("inputs", "constants"))
    return Layer(found["name"], inputs, constants, _nodes(found["metadata"]))


def _tensors(text: str) -> Iterator[Tensor]:
    for found in _TENSOR.finditer(text):
        sizes = [int(size) for size in found["sizes"].split(",") if size]
        yield Tensor(found["name"], math.prod(sizes), _kind(found["kind"]))


def _described(layer: dict[str, Any]) -> Layer:
    weights = layer.get("Weights")
    constants = list(_listed(layer, "Constants"))
    if isinstance(weights, dict):
        kind, count = _kind(str(weights.get("Type"))), int(weights.get("Count") or 0)
        constants.append(Tensor(f"{layer.get('Name')} weights", count, kind))
    inputs = tuple(_listed(layer, "Inputs"))
    nodes = _nodes(str(layer.get("Metadata", "")))
    return Layer(str(layer.get("Name")), inputs, tuple(constants), nodes)


def _listed(layer: dict[str, Any], key: str) -> Iterator[Tensor]:
    tensors = layer.get(key)
    for tensor in tensors if isinstance(tensors, list) else ():
        if isinstance(tensor, dict):
            sizes = tensor.get("Dimensions") or ()
            said = (value for field, value in tensor.items() if field.lower().endswith("datatype"))
            kind = _kind(str(next(said, "")))
            yield Tensor(str(tensor.get("Name")), math.prod(map(int, sizes)), kind)


def _nodes(metadata: str) -> frozenset[str]:
    return frozenset(part.rpartition("]")[0] for part in metadata.split(_NODE)[1:])


def _kind(said: str) -> str:
    found = _TYPE.search(said)
    return TYPE_NAMES[found[1].lower()] if found else ""
