"""A foreign graph made plain: static shapes, constants worked out, RGB pixels in rows of channels.

What exporters leave in a graph for sizes that are not known yet goes away when they are.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from export.check.graph import attribute
from export.detectors.detector import PIXELS
from export.precision.fold_transpose import drop_unused_constants
from sdk.errors import EngineError, InputError, first_line

OPSETS = range(17, 20)  # what ``export.check`` takes
OPSET = 18
LARGEST_FOLDED = 2**24  # elements of a constant: weights stored in half precision are among them
MASK = 1e4  # what stands for infinity: exp and sigmoid make the same of it, and halves hold it
_TO_CHANNELS_FIRST, _TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def fix_shapes(model: Any, input_hw: tuple[int, int], *, channels_last: bool) -> None:
    """Gives the only input its size, in place."""
    height, width = input_hw
    sizes = (1, height, width, 3) if channels_last else (1, 3, height, width)
    for dimension, size in zip(_input(model).type.tensor_type.shape.dim, sizes, strict=True):
        dimension.ClearField("dim_param")
        dimension.dim_value = size
    for output in model.graph.output:  # they follow
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]


def simplified(model: Any, name: str) -> Any:
    """The model with all that is constant worked out, of an opset that TensorRT reads.

    Raises:
        InputError: it is of another opset, and cannot be brought to one of these.
    """
    import onnx
    import onnx_ir
    from onnxscript import optimizer

    logging.getLogger("onnxscript").setLevel(logging.ERROR)  # what it folds and what it does not
    found = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 0)
    try:
        if found not in OPSETS:
            model = onnx.version_converter.convert_version(model, OPSET)
        graph = onnx_ir.serde.deserialize_model(model)
        optimizer.optimize_ir(
            graph, input_size_limit=LARGEST_FOLDED, output_size_limit=LARGEST_FOLDED
        )
        plain = onnx_ir.serde.serialize_model(graph)
        plain = onnx.shape_inference.infer_shapes(plain, data_prop=True)
    except Exception as error:  # of onnx, of onnx_ir, of onnxscript: they share no base
        reason = first_line(error)
        raise InputError(
            f"{name} (opset {found}) cannot be made plain ({reason:.200}): export it with static"
            f" shapes and opset {OPSETS[0]} to {OPSETS[-1]}"
        ) from error
    finite_masks(plain.graph)
    return plain


def finite_masks(graph: Any) -> None:
    """Constants that stand for infinity become finite in half precision, in place.

    They mask: what follows them is a maximum, an exponential or a sigmoid.
    """
    import onnx

    places = [(tensor, tensor.name) for tensor in graph.initializer]
    for node in graph.node:
        if node.op_type == "Constant":
            places += [(each.t, "") for each in node.attribute if each.name == "value"]
    for tensor, name in places:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        beyond = np.abs(values) > np.finfo(np.float32).max / 1e8
        if beyond.any():
            bounded = np.where(beyond, np.copysign(np.float32(MASK), values), values)
            tensor.CopyFrom(onnx.numpy_helper.from_array(bounded.astype(np.float32), name))


def channels_first(model: Any) -> None:
    """Makes an input ``(1, H, W, 3)`` one of ``(1, 3, H, W)``, in place.

    Most of these graphs begin with that transposition, which is left out then.
    """
    import onnx

    graph, value = model.graph, _input(model)
    sizes = [each.dim_value for each in value.type.tensor_type.shape.dim]
    for dimension, axis in zip(value.type.tensor_type.shape.dim, _TO_CHANNELS_FIRST, strict=True):
        dimension.dim_value = sizes[axis]
    readers = [node for node in graph.node if value.name in node.input]
    if all(_transposes(node, _TO_CHANNELS_FIRST) for node in readers):
        for node in readers:
            _rename_uses(graph.node, node.output[0], value.name)
            graph.node.remove(node)
        return
    last = f"{value.name} channels last"
    _rename_uses(readers, value.name, last)
    back = onnx.helper.make_node("Transpose", [value.name], [last], perm=_TO_CHANNELS_LAST)
    graph.node.insert(0, back)


def take_rgb(model: Any) -> None:
    """Makes a network of BGR pixels one of RGB pixels, in place.

    The first convolution's weights change places: nothing is left to do at run time. A graph that
    begins with something else exchanges the channels itself.
    """
    import onnx

    graph, value = model.graph, _input(model)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    readers = [node for node in graph.node if value.name in node.input]
    if readers and all(
        node.op_type == "Conv" and node.input[1] in weights and attribute(node, "group", 1) == 1
        for node in readers
    ):
        for name in {node.input[1] for node in readers}:
            turned = np.ascontiguousarray(onnx.numpy_helper.to_array(weights[name])[:, ::-1])
            weights[name].CopyFrom(onnx.numpy_helper.from_array(turned, name))
        return
    order, turned_name = f"{value.name} order", f"{value.name} turned"
    _rename_uses(readers, value.name, turned_name)
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 1, 0], np.int32), order))
    gather = onnx.helper.make_node("Gather", [value.name, order], [turned_name], axis=1)
    graph.node.insert(0, gather)


def keep_outputs(model: Any, names: Sequence[str]) -> None:
    """Leaves out all outputs but those of these names, and what only the others need, in place."""
    graph = model.graph
    kept = [value for value in graph.output if value.name in names]
    del graph.output[:]
    graph.output.extend(kept)
    wanted = {value.name for value in kept}
    nodes = []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(reversed(nodes))
    drop_unused_constants(model)


def finish(model: Any, name: str) -> Any:
    """The model as it is stored: its input is called ``pixels``, and it says nothing of its past.

    Raises:
        EngineError: it is not valid any more.
    """
    import onnx

    old = _input(model).name
    if old != PIXELS:
        if any(PIXELS in (*node.input, *node.output) for node in model.graph.node):
            _rename_everywhere(model.graph, PIXELS, f"{PIXELS} inside")
        _rename_everywhere(model.graph, old, PIXELS)
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    model.graph.doc_string = model.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    model.producer_name, model.producer_version = "piza-edge", ""
    del model.graph.value_info[:]
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # of onnx's checker and of its shape inference
        raise EngineError(f"{name} is no valid network: {error}") from error
    return model


def _input(model: Any) -> Any:
    """The only input that is no constant."""
    fixed = {tensor.name for tensor in model.graph.initializer}
    [value] = [value for value in model.graph.input if value.name not in fixed]
    return value


def _transposes(node: Any, axes: list[int]) -> bool:
    return node.op_type == "Transpose" and list(attribute(node, "perm") or ()) == axes


def _rename_uses(nodes: Sequence[Any], old: str, new: str) -> None:
    for node in nodes:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new


def _rename_everywhere(graph: Any, old: str, new: str) -> None:
    _rename_uses(graph.node, old, new)
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name == old:
                node.output[place] = new
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if value.name == old:
            value.name = new
