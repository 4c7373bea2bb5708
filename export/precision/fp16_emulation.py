"""Half precision as hardware computes it, for a CPU that does not.

ONNX Runtime runs most half-precision operators of the CPU in float32 and drops the casts between
them, so that values are not rounded on the way and a half-precision network looks better than it
is. The twin of a network has every half tensor as float32 and rounds it where it is made, by an
explicit pair of Casts, which the runtime must keep. Sums within an operator are in float32, as
tensor cores have them.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from export.precision.graph import MOVEMENT, read_graph
from sdk.engine.folder import read_manifest, write_manifest


def rounded_twin(model: Any) -> Any:
    """A float32 model with the values of ``model``, which is in mixed half precision."""
    import onnx

    graph = read_graph(model)
    full, half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    nodes: list[Any] = []
    for node in graph.nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        narrow = [name for name in node.output if graph.kinds.get(name) == half]
        if node.op_type == "Cast":
            target = next(a for a in copy.attribute if a.name == "to")
            target.i = full if target.i == half else target.i
        nodes.append(copy)
        if node.op_type in MOVEMENT:  # rounded already
            continue
        for name in narrow:
            place = list(copy.output).index(name)
            copy.output[place] = f"{name}/exact"
            nodes += [
                onnx.helper.make_node(
                    "Cast", [f"{name}/exact"], [f"{name}/half"], f"{name}/down", to=half
                ),
                onnx.helper.make_node("Cast", [f"{name}/half"], [name], f"{name}/up", to=full),
            ]
    twin = onnx.ModelProto()
    twin.CopyFrom(graph.model)
    del twin.graph.node[:]
    twin.graph.node.extend(nodes)
    for tensor in twin.graph.initializer:
        if tensor.data_type == half:
            values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    del twin.graph.value_info[:]
    onnx.checker.check_model(twin, full_check=True)
    return twin


def rounded_engine(folder: Path, target: Path) -> Path:
    """A copy of the engine in ``folder`` whose networks are the twins of its networks."""
    import onnx

    shutil.copytree(folder, target)
    manifest = read_manifest(target)
    for network in manifest.networks.values():
        file = target / network.file
        onnx.save(rounded_twin(onnx.load(file)), file)
    write_manifest(target, manifest)
    return target
