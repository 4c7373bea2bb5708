"""PyTorch -> ONNX: static shapes, opset 18, float32, and nothing that TensorRT cannot take."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.networks import Network
from sdk.errors import EngineError

OPSET = 18  # native LayerNormalization (17 and up), no "linear" GridSample mode (20 and up)


def export_network(network: Network, path: Path) -> None:
    """Writes one network as an ONNX file; raises EngineError when it is not as promised."""
    import onnx

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
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
    """What an exported network must not hold: other opsets, float64, GridSample, open shapes."""
    import onnx

    found = [
        f"opset {entry.version} of {entry.domain or 'ai.onnx'}"
        for entry in model.opset_import
        if entry.domain or not 17 <= entry.version <= 19
    ]
    graph = model.graph
    typed = [*graph.input, *graph.output, *graph.value_info]
    double = onnx.TensorProto.DOUBLE
    found += [f"float64 {v.name}" for v in typed if v.type.tensor_type.elem_type == double]
    found += [f"float64 {t.name}" for t in graph.initializer if t.data_type == double]
    for value in typed:
        sizes = value.type.tensor_type.shape.dim
        if any(not size.HasField("dim_value") for size in sizes):
            found.append(f"open shape of {value.name}")
    unwanted = {"GridSample", "Loop", "If", "Shape", "NonZero"}
    found += [f"{node.op_type} {node.name}" for node in graph.node if node.op_type in unwanted]
    found += [
        f"infinite constant {tensor.name}"
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
        and not np.isfinite(onnx.numpy_helper.to_array(tensor)).all()
    ]
    return found


def _strip(model: Any) -> None:
    """Removes what the exporter notes about its machine: source paths, stack traces."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
