"""PyTorch -> ONNX: static shapes, opset 18, float32, and nothing that TensorRT cannot take."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.networks import Network
from sdk.errors import EngineError

UNWANTED = frozenset({"GridSample", "If", "Loop", "NonZero", "Scan", "Shape"})
OPSET = 18  # native LayerNormalization (17 and up), no "linear" GridSample mode (20 and up)


def export_network(network: Network, path: Path) -> None:
    """Writes one network as an ONNX file; raises EngineError when it is not as promised."""
    import onnx

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
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise EngineError(f"the exporter gave no {network.name} network")
    model = program.model_proto
    _strip(model)
    model.producer_name, model.producer_version = "piza-edge", ""
    onnx.checker.check_model(model, full_check=True)
    problems = findings(model)
    if problems:
        raise EngineError(f"the exported {network.name} network is not clean: {problems}")
    onnx.save(model, path)


def findings(model: Any) -> list[str]:
    """What an exported network must not hold.

    Other opsets, float64, open shapes, values that are not finite, control flow, operators that
    TensorRT miscompiles or that depend on data.
    """
    import onnx

    graph = model.graph
    found = [
        f"opset {entry.version} of {entry.domain or 'ai.onnx'}"
        for entry in model.opset_import
        if entry.domain or not 17 <= entry.version <= 19
    ]
    found += [f"function {function.name}" for function in model.functions]
    found += [f"{node.op_type} {node.name}" for node in graph.node if node.op_type in UNWANTED]
    for value in (*graph.input, *graph.output, *graph.value_info):
        kind = value.type.tensor_type
        if kind.elem_type == onnx.TensorProto.DOUBLE:
            found.append(f"float64 {value.name}")
        if any(not size.HasField("dim_value") for size in kind.shape.dim):
            found.append(f"open shape of {value.name}")
    for name, tensor in _constants(graph):
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype == np.float64:
            found.append(f"float64 {name}")
        elif values.dtype == np.float32 and not np.isfinite(values).all():
            found.append(f"constant that is not finite {name}")
    found += [
        f"float64 {node.output[0]}"
        for node in graph.node
        for attribute in node.attribute
        if attribute.name in ("to", "dtype") and attribute.i == onnx.TensorProto.DOUBLE
    ]
    return found


def _constants(graph: Any) -> Iterator[tuple[str, Any]]:
    """Names and tensors of all constants: initialisers, and what nodes carry with them."""
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield node.output[0], attribute.t


def _strip(model: Any) -> None:
    """Removes what the exporter notes about its machine: source paths, stack traces."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
