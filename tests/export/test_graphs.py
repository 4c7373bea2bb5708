"""What is found in a network that should not be there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from export.graphs import export_network, findings
from export.networks import Network
from sdk.errors import EngineError

FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def network(
    *nodes: onnx.NodeProto,
    initializers: dict[str, np.ndarray] | None = None,
    shape: tuple[Any, ...] = (1, 4),
    opsets: tuple[tuple[str, int], ...] = (("", 18),),
    kind: int = FLOAT,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Relu", ["x"], ["y"], name="n")],
        "graph",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", FLOAT, (1, 4))],
        [numpy_helper.from_array(array, name) for name, array in (initializers or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*o) for o in opsets])


def node(kind: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, ["x"], ["y"], name="n", **attributes)


def constant(array: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["y"], name="n", value=numpy_helper.from_array(array))


def with_double_inside() -> onnx.ModelProto:
    model = network()
    model.graph.value_info.append(helper.make_tensor_value_info("inside", DOUBLE, (1,)))
    return model


def with_function() -> onnx.ModelProto:
    model = network()
    body = [helper.make_node("Relu", ["a"], ["b"])]
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("own", "hidden", ["a"], ["b"], body, opset))
    return model


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (network(opsets=(("", 16),)), ["opset 16 of ai.onnx"]),
        (network(opsets=(("", 20),)), ["opset 20 of ai.onnx"]),
        (network(opsets=(("", 18), ("com.microsoft", 1))), ["opset 1 of com.microsoft"]),
        (network(kind=DOUBLE), ["float64 x"]),
        (network(initializers={"w": np.zeros(2)}), ["float64 w"]),
        (network(constant(np.zeros(2))), ["float64 y"]),
        (network(node("Cast", to=DOUBLE)), ["float64 y"]),
        (with_double_inside(), ["float64 inside"]),
        (network(shape=(1, "N")), ["open shape of x"]),
        (network(shape=(None, 4)), ["open shape of x"]),
        (network(node("Shape")), ["Shape n"]),
        (network(node("NonZero")), ["NonZero n"]),
        (network(node("GridSample")), ["GridSample n"]),
        (network(node("Loop")), ["Loop n"]),
        (network(node("If")), ["If n"]),
        (network(node("Scan")), ["Scan n"]),
        (
            network(initializers={"w": np.array([1, np.inf], np.float32)}),
            ["constant that is not finite w"],
        ),
        (network(constant(np.array([np.nan], np.float32))), ["constant that is not finite y"]),
        (with_function(), ["function hidden"]),
    ],
)
def test_each_problem_is_found(model: onnx.ModelProto, expected: list[str]) -> None:
    assert findings(model) == expected


@pytest.mark.parametrize("version", [17, 18, 19])
def test_a_clean_network(version: int) -> None:
    cast = node("Cast", to=FLOAT)
    weights = {"w": np.ones(3, np.float32), "i": np.ones(3, np.int64)}
    assert findings(network(cast, initializers=weights, opsets=(("", version),))) == []


def test_all_problems_are_named() -> None:
    model = network(node("Shape"), initializers={"w": np.zeros(2)}, opsets=(("", 21),))
    assert findings(model) == ["opset 21 of ai.onnx", "Shape n", "float64 w"]


class Doubled(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.double() * 0.1).sin().float()


def test_networks_that_are_not_clean_are_not_written(tmp_path: Path) -> None:
    doubled = Network("doubled", Doubled(), {"x": torch.zeros(1, 4)}, ("y",))
    with pytest.raises(EngineError, match=r"the exported doubled network is not clean: .*float64"):
        export_network(doubled, tmp_path / "doubled.onnx")
    assert not list(tmp_path.iterdir())
