"""``config.pbtxt`` of each model: what Triton must know of it, in the text format of protobuf.

Field names and enumerations are those of ``model_config.proto``, which the server publishes; the
batch axis is written out (``max_batch_size: 0``), since our networks have it in their shapes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sdk.engine.manifest import Manifest, Network, TensorInfo
from sdk.errors import EngineError, InputError

_TYPES = {  # NumPy's name of a type -> Triton's
    "float32": "TYPE_FP32",
    "float16": "TYPE_FP16",
    "int64": "TYPE_INT64",
    "int32": "TYPE_INT32",
    "int8": "TYPE_INT8",
    "uint8": "TYPE_UINT8",
    "bool": "TYPE_BOOL",
}
_BACKENDS = {  # ours -> Triton's, where it runs, the name that it looks for
    "onnxruntime": ("onnxruntime", "KIND_CPU", "model.onnx"),
    "onnxruntime-cuda": ("onnxruntime", "KIND_GPU", "model.onnx"),
    "tensorrt": ("tensorrt", "KIND_GPU", "model.plan"),
}
_OPEN = -1  # a side of any length


class Word(str):
    """A value that the text format writes without quotes: an enumerator."""


def model_name(text: str) -> str:
    """A name that can be a folder's, and part of an address."""
    return re.sub(r"[^\w.-]+", "-", text).strip(".-") or "engine"


def network_file(manifest: Manifest) -> str:
    """What Triton's backend calls the file of a network.

    Raises:
        InputError: Triton has no backend for such engines.
    """
    if manifest.backend not in _BACKENDS:
        raise InputError(
            f"Triton has no backend for {manifest.backend}: build the engine with --backend"
            f" {' or '.join(_BACKENDS)}"
        )
    return _BACKENDS[manifest.backend][2]


def network_config(name: str, network: Network, manifest: Manifest) -> str:
    """``config.pbtxt`` of one network.

    Args:
        name: of the model in the repository.
        network: as the manifest describes it.
        manifest: the engine's.

    Raises:
        InputError: Triton has no backend for such engines.
        EngineError: the manifest does not say of which shape or type a tensor is.
    """
    network_file(manifest)
    backend, kind, _ = _BACKENDS[manifest.backend]
    return pbtxt(
        {
            "name": name,
            "backend": backend,
            "max_batch_size": 0,
            "input": [_tensor(*each) for each in network.inputs.items()],
            "output": [_tensor(*each) for each in network.outputs.items()],
            "instance_group": [{"kind": Word(kind), "count": 1}],
        }
    )


def search_config(name: str, parameters: Mapping[str, str]) -> str:
    """``config.pbtxt`` of the model that searches (``export/triton/search_model.py``).

    Args:
        name: of the model in the repository.
        parameters: what it is told when it is opened.
    """
    return pbtxt(
        {
            "name": name,
            "backend": "python",
            "max_batch_size": 0,
            "input": [
                _given("image", "TYPE_UINT8", [_OPEN], optional=True),
                _given("frame", "TYPE_UINT8", [_OPEN, _OPEN, 3], optional=True),
                _given("ref", "TYPE_STRING", [_OPEN]),
            ],
            "output": [
                _given("xyxy", "TYPE_FP32", [_OPEN, 4]),
                _given("score", "TYPE_FP32", [_OPEN]),
                _given("found", "TYPE_BOOL", [_OPEN]),
                _given("reason", "TYPE_STRING", [_OPEN]),
            ],
            # Its tensors are the host's, whatever its networks run on.
            "instance_group": [{"kind": Word("KIND_CPU"), "count": 1}],
            "parameters": [
                {"key": key, "value": {"string_value": value}} for key, value in parameters.items()
            ],
        }
    )


def _tensor(name: str, tensor: TensorInfo) -> dict[str, Any]:
    if tensor.shape is None or tensor.type not in _TYPES:
        raise EngineError(
            f"expected the shape and a type of {', '.join(_TYPES)} for {name}, found"
            f" {tensor.shape} {tensor.type}: build the engine again with this version"
        )
    # A tensor without axes is one of one value for Triton, which has no empty dims.
    scalar: dict[str, Any] = {} if tensor.shape else {"reshape": {"shape": []}}
    return {**_given(name, _TYPES[tensor.type], list(tensor.shape) or [1]), **scalar}


def _given(name: str, kind: str, dims: Sequence[int], optional: bool = False) -> dict[str, Any]:
    said = {"name": name, "data_type": Word(kind), "dims": list(dims)}
    return said | ({"optional": True} if optional else {})


def pbtxt(message: Mapping[str, Any], indent: str = "") -> str:
    """A message in protobuf's text format: a field a line, a repeated message a block each.

    Args:
        message: fields by name: a number, a truth value, a text, a ``Word``, a list of numbers, a
            message or a list of messages.
        indent: what stands before each line.
    """
    lines = []
    for name, value in message.items():
        blocks = [value] if isinstance(value, Mapping) else value
        if isinstance(blocks, list) and all(isinstance(each, Mapping) for each in blocks):
            # An empty list of numbers comes here too, and is what an absent field says.
            inner = [pbtxt(each, f"{indent}  ") for each in blocks]
            lines += [f"{indent}{name} {{\n{each}{indent}}}" for each in inner]
        else:
            lines.append(f"{indent}{name}: {_scalar(value)}")
    return "".join(f"{line}\n" for line in lines)


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Word():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False)  # its escapes are C's, as here
        case list():
            return f"[{', '.join(map(str, value))}]"
        case _:
            return str(value)
