"""An ONNX network as a manifest has it: its file, its inputs and outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdk.engine.manifest import Network, TensorInfo


def described(file: Path) -> Network:
    """Reads it off the file.

    Args:
        file: the network, in the engine's folder.

    Returns:
        Shapes and types by name; static ones, as engines have them.
    """
    import onnx

    graph = onnx.load(file, load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name not in constants]
    return Network(file.name, _tensors(given), _tensors(graph.output))


def _tensors(values: Any) -> dict[str, TensorInfo]:
    import onnx

    return {
        value.name: TensorInfo(
            tuple(side.dim_value for side in value.type.tensor_type.shape.dim),
            onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
        )
        for value in values
    }
