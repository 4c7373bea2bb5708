"""Opening and running plans with a FAKE TensorRT: control flow only (tests/fakes/tensorrt.py)."""

from __future__ import annotations

import sys

import pytest

from sdk import Grounder
from sdk.errors import EngineError, MissingRuntimeError


def test_it_answers(fake_tensorrt, fake_cuda, plans, make_frame):
    with Grounder(plans()) as grounder:
        for left in (20, 400, 300):  # the recorded graphs read what is there when they run
            square = (left, 100, left + 30, 128)
            answer = grounder.locate(make_frame(squares={"red": square}), "the red square")
            assert answer.found
            assert answer.xyxy == pytest.approx(square, abs=8)
    assert not fake_cuda.live


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tensorrt": "10.3.0"}, r"built with TensorRT 10\.3\.0, found TensorRT 11\.4\.0\.106"),
        ({"gpu": "Orin"}, r"built for Orin \(compute capability 9\.0\).*found Fake GPU"),
        ({"compute_capability": "8.7"}, r"compute capability 8\.7.*found Fake GPU"),
        ({"cuda": "14.1"}, r"driver is too old.*CUDA 14\.1, found one for CUDA 13\.0"),
    ],
)
def test_plans_for_another_machine_are_refused_unopened(
    fake_tensorrt, plans, monkeypatch, changes, message
):
    monkeypatch.setattr("sdk.runtime.tensorrt.open_engine", None)  # nobody gets that far
    with pytest.raises(EngineError, match=message) as refusal:
        Grounder(plans(**changes))
    assert "piza build-engine" in str(refusal.value)


def test_altered_plans_are_refused_unopened(fake_tensorrt, plans, monkeypatch):
    monkeypatch.setattr("sdk.runtime.tensorrt.open_engine", None)
    folder = plans()
    (folder / "image.plan").write_bytes(b"somebody else's program")
    with pytest.raises(EngineError, match=r"image\.plan was altered"):
        Grounder(folder)


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ("fails_to_start", "TensorRT 11.4.0.106 cannot start.*error: 35.*be too old.*doctor"),
        ("fails_to_open", "cannot open text.plan.*magicTag.*build the engine again"),
        ("no_context", "no memory to run text.plan.*1 MiB"),
    ],
)
def test_trouble_with_tensorrt(fake_tensorrt, fake_cuda, plans, trouble, message):
    setattr(fake_tensorrt, trouble, True)
    with pytest.raises(EngineError, match=message):
        Grounder(plans())
    assert not fake_cuda.live


def test_without_the_packages(fake_cuda, plans, monkeypatch):
    folder = plans()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingRuntimeError, match="needs TensorRT"):
        Grounder(folder)
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(MissingRuntimeError, match=r"needs pycuda.*pip install pycuda"):
        Grounder(folder)


def test_without_a_gpu(fake_tensorrt, fake_cuda, plans, monkeypatch):
    folder = plans()
    fake_cuda.count = 0
    with pytest.raises(
        EngineError, match=r"needs an NVIDIA GPU, found none.*runs on the CPU"
    ) as no:
        Grounder(folder)
    assert "were built for TensorRT 11.4.0.106 on Fake GPU: this engine needs" in str(no.value)

    def no_device():
        raise fake_cuda.driver.Error("cuInit failed: no CUDA-capable device is detected")

    monkeypatch.setattr(fake_cuda.driver, "init", no_device)
    with pytest.raises(EngineError, match=r"driver finds none it can use.*nvidia-smi"):
        Grounder(folder)


def test_without_a_driver(plans, monkeypatch):
    class NoLibrary:
        def find_spec(self, name, path=None, target=None):
            if name == "pycuda":
                raise ImportError("libcuda.so.1: cannot open shared object file")

    folder = plans()
    monkeypatch.delitem(sys.modules, "pycuda", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoLibrary(), *sys.meta_path])
    with pytest.raises(EngineError, match=r"its driver is not installed.*install the driver"):
        Grounder(folder)
