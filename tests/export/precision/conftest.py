"""Small planted graphs, and calibration on noise instead of rendered scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.certificate import comparison
from sdk.runtime.arithmetic import eight_bits

Build = Callable[..., Any]
Run = Callable[..., list[np.ndarray]]


@pytest.fixture(autouse=True, scope="session")
def _cheap_calibration(_cheap: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("export.precision.calibration_data.questions", comparison.questions)
        patch.setattr("export.precision.int8.SMALL", 0)  # everything is small in these tests
        yield


@pytest.fixture
def build() -> Build:
    """``build(nodes, inputs, outputs, constants)``: nodes are (operator, inputs, output, extras);
    inputs and outputs are shapes by name, of float32 unless the name begins with ``i_``."""

    def make(
        nodes: list[tuple[Any, ...]],
        inputs: dict[str, tuple[int, ...]],
        outputs: dict[str, tuple[int, ...]],
        constants: dict[str, Any] | None = None,
    ) -> Any:
        made = []
        for number, (kind, given, given_out, *extras) in enumerate(nodes):
            outs = [given_out] if isinstance(given_out, str) else list(given_out)
            made.append(
                helper.make_node(
                    kind, list(given), outs, f"{kind}_{number}", **(extras[0] if extras else {})
                )
            )
        tensors = [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in (constants or {}).items()
        ]
        graph = helper.make_graph(
            made, "planted", _values(inputs), _values(outputs), initializer=tensors
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        return model

    return make


def _values(shapes: dict[str, tuple[int, ...]]) -> list[Any]:
    return [
        helper.make_tensor_value_info(
            name, TensorProto.INT32 if name.startswith("i_") else TensorProto.FLOAT, shape
        )
        for name, shape in shapes.items()
    ]


@pytest.fixture(params=["this machine", "without VNNI"])
def entries(request: pytest.FixtureRequest) -> dict[str, str]:
    """Of sessions: those that this machine takes to multiply eight bits exactly, or those that a
    machine without VNNI takes. They are two kinds of kernels where there is VNNI."""
    asked = {"session.x64quantprecision": "1"}
    return dict(eight_bits().session_entries) if request.param == "this machine" else asked


@pytest.fixture
def run_eight_bits(entries: dict[str, str]) -> Run:
    """``run`` with exact products, by either kind of kernels."""
    return partial(_run, entries)


@pytest.fixture
def run() -> Run:
    """``run(model, **inputs)``: what ONNX Runtime says."""
    return partial(_run, {})


def _run(entries: Mapping[str, str], model: Any, **feeds: np.ndarray) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    for key, value in entries.items():
        options.add_session_config_entry(key, value)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(None, feeds))


@pytest.fixture
def weight() -> Callable[..., np.ndarray]:
    """``weight(*shape)``: random float32 of ordinary size."""
    rng = np.random.default_rng(0)
    return lambda *shape: (rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
