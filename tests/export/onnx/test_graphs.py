"""What stands between the exporter and a file: the graph check, and the types of indices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto

from export.onnx.graphs import export_network
from sdk.errors import EngineError
from train.families import TorchNetwork


class Doubled(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.double() * 0.1).sin().float()


def test_networks_that_are_not_clean_are_not_written(tmp_path: Path) -> None:
    doubled = TorchNetwork("doubled", Doubled(), {"x": torch.zeros(1, 4)}, ("y",))
    with pytest.raises(EngineError, match=r"the exported doubled network is not clean: float64"):
        export_network(doubled, tmp_path / "doubled.onnx")
    assert not list(tmp_path.iterdir())


class Picked(torch.nn.Module):
    """``where`` picks rows, and goes out as int64 when asked for."""

    def __init__(self, also_out: bool) -> None:
        super().__init__()
        self.also_out = also_out

    def forward(self, x: torch.Tensor, where: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rows = where + 1
        picked = (torch.index_select(x, 0, rows), torch.index_select(x * 2, 0, rows))
        return (*picked, rows.to(torch.int64) * 3) if self.also_out else picked


def test_indices_stay_int32(tmp_path: Path) -> None:
    x, where = torch.rand(5, 3), torch.tensor([3, 0, 2], dtype=torch.int32)
    network = TorchNetwork("picked", Picked(False), {"x": x, "where": where}, ("a", "b"))
    export_network(network, tmp_path / "picked.onnx")
    graph = onnx.load(tmp_path / "picked.onnx").graph
    assert [node.op_type for node in graph.node].count("Gather") == 2
    assert "Cast" not in {node.op_type for node in graph.node}
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    assert TensorProto.INT64 not in {types.get(n) for node in graph.node for n in node.output}
    session = onnxruntime.InferenceSession(tmp_path / "picked.onnx")
    a, b = session.run(None, {"x": x.numpy(), "where": where.numpy()})
    np.testing.assert_array_equal(a, x[[4, 1, 3]])
    np.testing.assert_array_equal(b, 2 * x[[4, 1, 3]])


def test_other_casts_are_not_touched_but_reported(tmp_path: Path) -> None:
    inputs = {"x": torch.rand(5, 3), "where": torch.tensor([3, 0, 2], dtype=torch.int32)}
    network = TorchNetwork("picked", Picked(True), inputs, ("a", "b", "c"))
    with pytest.raises(EngineError, match=r"int64 at .*: cast to int32 instead"):
        export_network(network, tmp_path / "picked.onnx")
