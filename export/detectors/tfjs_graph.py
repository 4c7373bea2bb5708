"""TensorFlow.js graph models -> ONNX: the operators of a convolutional detector, and no others.

Such a model is a JSON file (a GraphDef, and what the weights are) beside raw weights. Pictures have
their channels last where TensorFlow computes, so that every operator which minds stands between two
transpositions here; those of neighbours cancel each other, and ``plain_graph`` leaves them out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError

OPSET = 18
_FIRST, _LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # channels first, channels last
_TYPES = {"float32": np.float32, "int32": np.int32, "float16": np.float16}
_FOLDED = frozenset({"SparseToDense", "Add", "AddV2"})  # of constants: they make shapes


def convert(model: Mapping[str, Any], weights: bytes) -> Any:
    """The ``onnx.ModelProto`` of a graph model; its outputs and its input keep their names.

    Args:
        model: the parsed JSON file.
        weights: the bytes of its weight files, one after the other.

    Raises:
        InputError: it is no such model, or has an operator that is not known here.
    """
    import onnx

    damage = (KeyError, IndexError, TypeError, ValueError, onnx.checker.ValidationError)
    try:
        return _Conversion(model, weights).model()
    except damage as error:
        raise InputError(
            f"expected a graph model of TensorFlow.js, found {error!r:.200}"
        ) from error


def read_weights(manifest: Any, data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays by name; those that were stored in half precision are float32."""
    arrays: dict[str, NDArray[Any]] = {}
    at = 0
    for group in manifest:
        for entry in group["weights"]:
            stored = entry.get("quantization", {}).get("dtype", entry["dtype"])
            kind = np.dtype(_TYPES[stored])
            count = int(np.prod(entry["shape"]))
            flat = np.frombuffer(data, kind, count, at)
            arrays[entry["name"]] = flat.reshape(entry["shape"]).astype(_TYPES[entry["dtype"]])
            at += count * kind.itemsize
    if at != len(data):
        raise ValueError(f"weights of {at} bytes, found {len(data)}")
    return arrays


class _Conversion:
    """One graph on its way: nodes and constants that there are so far."""

    def __init__(self, model: Mapping[str, Any], weights: bytes) -> None:
        self.signature = model["signature"]
        self.nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        self.constants = read_weights(model["weightsManifest"], weights)
        self.used: dict[str, NDArray[Any]] = {}
        self.made: list[Any] = []

    def model(self) -> Any:
        import onnx
        from onnx import helper

        order = self._order()
        for name in order:
            self._convert(self.nodes[name])
        [(name, said)] = self.signature["inputs"].items()
        inputs = [self._value(name.removesuffix(":0"), said)]
        outputs = [
            self._value(name.removesuffix(":0"), said)
            for name, said in self.signature["outputs"].items()
        ]
        constants = [onnx.numpy_helper.from_array(each, key) for key, each in self.used.items()]
        graph = helper.make_graph(self.made, "detector", inputs, outputs, constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _value(self, name: str, said: Mapping[str, Any]) -> Any:
        from onnx import TensorProto, helper

        sizes = [int(each["size"]) for each in said["tensorShape"]["dim"]]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)

    def _order(self) -> list[str]:
        """Names of nodes, each after those that it reads; constants are worked out on the way."""
        done: dict[str, None] = {}
        waiting = [name.removesuffix(":0") for name in self.signature["outputs"]]
        while waiting:
            name = waiting[-1]
            before = [_plain(each) for each in self.nodes[name].get("input") or ()]
            missing = [each for each in before if each not in done and each not in self.constants]
            if missing and name not in done:
                waiting += missing
                continue
            waiting.pop()
            if name in done or name in self.constants:
                continue
            if self.nodes[name]["op"] in _FOLDED and all(each in self.constants for each in before):
                self.constants[name] = _fold(
                    self.nodes[name]["op"], [self.constants[each] for each in before]
                )
            else:
                done[name] = None
        return list(done)

    def _convert(self, node: Mapping[str, Any]) -> None:
        kind = node["op"]
        if kind == "Placeholder":
            return
        if kind not in _CONVERTERS:
            raise ValueError(f"the operator {kind} (known are {', '.join(_CONVERTERS)})")
        _CONVERTERS[kind](self, node, [_indexed(each) for each in node["input"]])

    def add(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """Appends an ONNX node; constants among its inputs are stored."""
        from onnx import helper

        for name in inputs:
            if name in self.constants:
                self.used[name] = self.constants[name]
        self.made.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))

    def constant(self, name: str, value: Any, kind: Any = np.int64) -> str:
        """Stores an array; its name."""
        self.used[name] = np.ascontiguousarray(value, kind)
        return name

    def between(self, name: str, value: str, make: Callable[[str, str], None]) -> None:
        """``make(first, result)`` computes with channels first what has them last outside."""
        self.add("Transpose", [value], [f"{name} first"], perm=_FIRST)
        make(f"{name} first", f"{name} result")
        self.add("Transpose", [f"{name} result"], [name], perm=_LAST)


def _fold(kind: str, values: list[NDArray[Any]]) -> NDArray[Any]:
    if kind != "SparseToDense":
        return np.asarray(values[0] + values[1])
    places, shape, given, default = values
    dense = np.full(shape.tolist(), default)
    if len(places):
        dense[tuple(places.T)] = given
    return dense


def _plain(name: str) -> str:
    """The node that gives a value."""
    return name.lstrip("^").split(":")[0]


def _indexed(name: str) -> str:
    """The value's name here: its first output is called as its node is."""
    return name.removesuffix(":0")


def _text(node: Mapping[str, Any], key: str) -> str:
    return base64.b64decode(node["attr"][key]["s"]).decode()


def _sides(node: Mapping[str, Any], key: str) -> list[int]:
    """The two values of an attribute that has one for each axis, channels last."""
    values = [int(each) for each in node["attr"][key]["list"]["i"]]
    if _text(node, "data_format") != "NHWC" or values[0] != 1 or values[3] != 1:
        raise ValueError(f"{node['op']} of {_text(node, 'data_format')} with {key} {values}")
    return values[1:3]


def _padding(node: Mapping[str, Any]) -> dict[str, Any]:
    return {"auto_pad": {"VALID": "VALID", "SAME": "SAME_UPPER"}[_text(node, "padding")]}


def _conv(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    name, kernel = node["name"], to.constants[inputs[1]]  # (h, w, in, out)
    weight = to.constant(f"{name} weight", kernel.transpose(3, 2, 0, 1), np.float32)
    attributes = {
        "strides": _sides(node, "strides"),
        "dilations": _sides(node, "dilations"),
        "kernel_shape": list(kernel.shape[:2]),
        **_padding(node),
    }
    to.between(
        name, inputs[0], lambda first, out: to.add("Conv", [first, weight], [out], **attributes)
    )


def _pool(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    attributes = {
        "kernel_shape": _sides(node, "ksize"),
        "strides": _sides(node, "strides"),
        **_padding(node),
    }
    to.between(
        node["name"], inputs[0], lambda first, out: to.add("MaxPool", [first], [out], **attributes)
    )


def _resize(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    if not node["attr"]["half_pixel_centers"]["b"] or node["attr"]["align_corners"]["b"]:
        raise ValueError("ResizeBilinear without half_pixel_centers")
    name, size = node["name"], to.constants[inputs[1]]
    # Sizes of the batch and of the channels are those that come in, by scales of 1.
    sizes = to.constant(f"{name} size", size)

    def make(first: str, out: str) -> None:
        whole = f"{name} whole"
        to.add("Shape", [first], [f"{name} start"], start=0, end=2)
        to.add("Concat", [f"{name} start", sizes], [whole], axis=0)
        to.add("Resize", [first, "", "", whole], [out], mode="linear")

    to.between(name, inputs[0], make)


def _add(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    """A shift of channels that come last goes with the convolution before it."""
    name = node["name"]
    made = {each.output[0]: each for each in to.made}
    back = made.get(inputs[0])
    shift = to.constants.get(inputs[1])
    if back is not None and back.op_type == "Transpose" and shift is not None and shift.ndim == 1:
        conv = made[back.input[0]]
        if conv.op_type == "Conv" and len(conv.input) == 2:
            conv.input.append(to.constant(f"{name} bias", shift, np.float32))
            back.output[0] = name
            return
    to.add("Add", inputs, [name])


def _pad(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    name, amounts = node["name"], to.constants[inputs[1]]  # (axes, 2)
    pads = to.constant(f"{name} amounts", amounts.T.ravel())
    to.add("Pad", [inputs[0], pads, *inputs[2:]], [name])


def _reshape(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    shape = to.constant(f"{node['name']} shape", to.constants[inputs[1]])
    to.add("Reshape", [inputs[0], shape], [node["name"]])


def _transpose(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    to.add("Transpose", inputs[:1], [node["name"]], perm=to.constants[inputs[1]].tolist())


def _concat(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    to.add("Concat", inputs[:-1], [node["name"]], axis=int(to.constants[inputs[-1]]))


def _split(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    name = node["name"]
    sizes = to.constant(f"{name} sizes", to.constants[inputs[1]])
    outputs = [name, *(f"{name}:{k}" for k in range(1, int(node["attr"]["num_split"]["i"])))]
    to.add("Split", [inputs[0], sizes], outputs, axis=int(to.constants[inputs[2]]))


def _leaky(to: _Conversion, node: Mapping[str, Any], inputs: list[str]) -> None:
    alpha = float(node.get("attr", {}).get("alpha", {}).get("f", 0.2))
    to.add("LeakyRelu", inputs, [node["name"]], alpha=alpha)


def _same(kind: str) -> Callable[[_Conversion, Mapping[str, Any], list[str]], None]:
    return lambda to, node, inputs: to.add(kind, inputs, [node["name"]])


_CONVERTERS: dict[str, Callable[[_Conversion, Mapping[str, Any], list[str]], None]] = {
    "Add": _add,
    "AddV2": _add,
    "ConcatV2": _concat,
    "Conv2D": _conv,
    "Identity": _same("Identity"),
    "LeakyRelu": _leaky,
    "MaxPool": _pool,
    "Pad": _pad,
    "PadV2": _pad,
    "Reshape": _reshape,
    "ResizeBilinear": _resize,
    "Sigmoid": _same("Sigmoid"),
    "SplitV": _split,
    "Transpose": _transpose,
}
