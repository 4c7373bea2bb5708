"""PyTorch -> ONNX: static shapes, opset 18, float32, and nothing that TensorRT cannot take."""

from __future__ import annotations

import logging
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from export.check.checking import check_model
from export.networks import Network
from sdk.errors import EngineError

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
    _index_in_int32(model.graph)
    model.producer_name, model.producer_version = "piza-edge", ""
    onnx.checker.check_model(model, full_check=True)
    problems = [f"{p.rule} at {p.node}: {p.advice}" for p in check_model(model, network.name)]
    if problems:
        raise EngineError(
            f"the exported {network.name} network is not clean: {'; '.join(problems)}"
        )
    onnx.save(model, path)


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
    """Gathers by int32 indices as they are: the exporter casts them to int64 without need."""
    import onnx

    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    uses: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for node in graph.node:
        for place, name in enumerate(node.input):
            uses[name].append((node, place))
    outputs = {value.name for value in graph.output}
    for node in [node for node in graph.node if node.op_type == "Cast"]:
        [before], [after] = node.input, node.output
        as_index = all((user.op_type, place) == ("Gather", 1) for user, place in uses[after])
        if after in outputs or not as_index or types.get(before) != onnx.TensorProto.INT32:
            continue
        for gather, place in uses[after]:
            gather.input[place] = before
        graph.node.remove(node)
        graph.value_info.remove(next(value for value in graph.value_info if value.name == after))
