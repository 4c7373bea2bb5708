"""PyTorch -> ONNX: static shapes, opset 18, float32, and nothing that TensorRT cannot take."""

from __future__ import annotations

import logging
import math
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from export.check.checking import check_model
from export.detectors.plain_graph import finite_masks
from sdk.errors import EngineError, first_line
from train.families import TorchNetwork

OPSET = 18  # native LayerNormalization (17 and up), no "linear" GridSample mode (20 and up)
# Elements of a constant that is worked out when exporting. Larger ones are left to the runtimes,
# which do it when they load a network: files would grow.
LARGEST_FOLDED = 2**22


def export_network(network: TorchNetwork, path: Path) -> None:
    """Writes one network as an ONNX file; raises EngineError when it is not as promised."""
    import onnx

    model = to_onnx(network)
    finite_masks(model.graph)  # a causal mask, as CLIP's text network has one, is of infinities
    onnx.checker.check_model(model, full_check=True)
    check_clean(model, network.name)
    onnx.save(model, path)


def to_onnx(network: TorchNetwork) -> Any:
    """One network as an ``onnx.ModelProto``, all that is constant worked out.

    Raises:
        EngineError: the exporter gave none.
    """
    from onnxscript import optimizer

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        for name in ("torch.onnx", "onnxscript"):  # what they fold and what they do not
            logging.getLogger(name).setLevel(logging.ERROR)
        program = torch.onnx.export(
            network.module,
            tuple(network.inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(network.inputs),
            output_names=list(network.outputs),
            custom_translation_table={torch.ops.aten.gelu.default: gelu},
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise EngineError(f"the exporter gave no {network.name} network")
    optimizer.optimize_ir(
        program.model, input_size_limit=LARGEST_FOLDED, output_size_limit=LARGEST_FOLDED
    )
    model = program.model_proto
    _strip(model)
    _index_in_int32(model.graph)
    model.producer_name, model.producer_version = "piza-edge", ""
    return model


def exported(network: TorchNetwork, of: str) -> Any:
    """A network that others made, as an ``onnx.ModelProto``.

    Args:
        network: see ``to_onnx``.
        of: what it is of, for messages: "the detector FOLDER".

    Raises:
        EngineError: it cannot be exported.
    """
    try:
        return to_onnx(network)
    except EngineError:
        raise
    except Exception as error:  # the exporter's own
        raise EngineError(f"{of} cannot be exported: {first_line(error)}") from error


def check_clean(model: Any, name: str) -> None:
    """Raises EngineError where ``export.check`` finds something in an exported network."""
    problems = [f"{p.rule} at {p.node}: {p.advice}" for p in check_model(model, name)]
    if problems:
        raise EngineError(f"the exported {name} network is not clean: {'; '.join(problems)}")


def gelu(x: Any, approximate: str = "none") -> Any:
    """GELU (Hendrycks and Gimpel 2016) with its factors in the order in which runtimes know it.

    By erf, or by tanh, as the paper approximates it: torch knows no third.
    """
    from onnxscript import opset18 as op

    if approximate == "tanh":
        cubed = op.Mul(op.Mul(op.Mul(x, x), x), 0.044715)
        bent = op.Tanh(op.Mul(op.Add(x, cubed), math.sqrt(2 / math.pi)))
        return op.Mul(op.Mul(op.Add(bent, 1.0), x), 0.5)
    return op.Mul(op.Mul(x, op.Add(op.Erf(op.Div(x, math.sqrt(2))), 1.0)), 0.5)


def _strip(model: Any) -> None:
    """Removes what the exporter notes about its machine: source paths, stack traces."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]


def _index_in_int32(graph: Any) -> None:
    """Gathers by int32 indices: the exporter makes int64 of them without need."""
    import onnx

    types = {value.name: value.type.tensor_type for value in graph.value_info}
    uses: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for node in graph.node:
        for place, name in enumerate(node.input):
            uses[name].append((node, place))
    for tensor in graph.initializer:
        readers = uses[tensor.name]
        index = all((user.op_type, place) == ("Gather", 1) for user, place in readers)
        if index and tensor.dims and tensor.data_type == onnx.TensorProto.INT64:
            values = onnx.numpy_helper.to_array(tensor).astype("int32")
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
            if tensor.name in types:
                types[tensor.name].elem_type = onnx.TensorProto.INT32
    outputs = {value.name for value in graph.output}
    for node in [node for node in graph.node if node.op_type == "Cast"]:
        [before], [after] = node.input, node.output
        as_index = all((user.op_type, place) == ("Gather", 1) for user, place in uses[after])
        if after in outputs or not as_index or not _is_int32(types.get(before)):
            continue
        for gather, place in uses[after]:
            gather.input[place] = before
        graph.node.remove(node)
        graph.value_info.remove(next(value for value in graph.value_info if value.name == after))


def _is_int32(kind: Any) -> bool:
    import onnx

    return kind is not None and kind.elem_type == onnx.TensorProto.INT32
