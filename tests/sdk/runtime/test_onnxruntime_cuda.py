"""Refusals of ``backend: "onnxruntime-cuda"``; the loop itself is in test_device.py."""

from __future__ import annotations

import sys

import onnxruntime
import pytest

from sdk import Grounder
from sdk.engine.folder import write_manifest
from sdk.errors import EngineError, MissingRuntimeError
from sdk.runtime import onnxruntime_cuda
from sdk.runtime.onnxruntime_cuda import BoundExecutor


@pytest.fixture
def cuda_engine(engine, make_manifest):
    write_manifest(engine, make_manifest(backend="onnxruntime-cuda"))
    return engine


def test_without_the_provider(fake_cuda, cuda_engine):
    with pytest.raises(
        MissingRuntimeError, match=r"with CUDAExecutionProvider, found .*onnxruntime-gpu"
    ):
        Grounder(cuda_engine)


def test_without_onnxruntime(fake_cuda, cuda_engine, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingRuntimeError, match="needs ONNX Runtime"):
        Grounder(cuda_engine)


def test_a_provider_that_falls_back_is_an_error(fake_cuda, cuda_engine, monkeypatch):
    """ONNX Runtime only warns when CUDA's libraries are missing, and runs on the CPU."""
    monkeypatch.setattr(onnxruntime_cuda, "PROVIDER", "AzureExecutionProvider")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["AzureExecutionProvider"])
    real = onnxruntime.InferenceSession

    def fall_back(path, settings, providers):
        return real(path, settings, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(onnxruntime, "InferenceSession", fall_back)
    with pytest.raises(EngineError, match=r"runs text\.onnx on CPUExecutionProvider, expected"):
        Grounder(cuda_engine)
    assert not fake_cuda.live


def test_damaged_networks(tmp_path):
    (tmp_path / "text.onnx").write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"cannot load .*text\.onnx"):
        BoundExecutor(onnxruntime, tmp_path / "text.onnx", "CPUExecutionProvider", {}, "cpu")


def test_types_that_the_loop_does_not_know(tmp_path):
    from onnx import TensorProto, helper, save

    value = helper.make_tensor_value_info("x", TensorProto.INT64, [1])
    out = helper.make_tensor_value_info("y", TensorProto.INT64, [1])
    node = helper.make_node("Identity", ["x"], ["y"])
    model = helper.make_model(
        helper.make_graph([node], "g", [value], [out]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    save(model, tmp_path / "wide.onnx")
    with pytest.raises(EngineError, match=r"wide\.onnx: expected x .*found tensor\(int64\)"):
        BoundExecutor(onnxruntime, tmp_path / "wide.onnx", "CPUExecutionProvider", {}, "cpu")
