"""What ``doctor`` says about GPUs: what an engine needs is missing, the rest may be absent."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from sdk.__main__ import main
from sdk.engine.folder import read_manifest
from sdk.runtime.diagnosis import gpu_findings


def findings_of(folder):
    return gpu_findings(folder, read_manifest(folder))


def by_subject(findings):
    return {finding.subject: finding for finding in findings}


def test_nothing_is_needed_on_the_cpu(engine, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    found = by_subject(findings_of(engine))
    assert found.keys() == {"gpu", "kernel", "providers", "tensorrt", "tensorrt-rtx"}
    assert {finding.ok for finding in found.values()} == {None}
    assert "pip install pycuda" in found["gpu"].detail
    assert "pip install" in found["tensorrt"].detail


def test_what_plans_need_is_missing(plans, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert main(["doctor", "--engine", str(plans()), "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    missing = {each["subject"] for each in report["findings"] if each["ok"] is False}
    assert missing >= {"gpu", "tensorrt"}


def test_everything_is_there(plans, fake_tensorrt):
    found = by_subject(findings_of(plans()))
    assert found["gpu"].detail == (
        "Fake GPU, compute capability 9.0, 8.0 GiB, driver for CUDA 13.0, pycuda works"
    )
    assert found["tensorrt"].detail == "TensorRT 11.4.0.106"
    assert found["kernel"].ok is found["target"].ok is True
    assert found["providers"].ok is None


def test_plans_for_rtx(plans, fake_rtx):
    found = by_subject(findings_of(plans("tensorrt-rtx")))
    assert found["tensorrt-rtx"].detail == "TensorRT for RTX 1.7.1.116, which builds plans here"
    assert found["target"].ok is True
    assert "capability 8.6, 8.9" in found["target"].detail
    fake_rtx.gpu.capability = (9, 0)
    found = by_subject(findings_of(plans("tensorrt-rtx")))
    assert found["target"].ok is False
    assert "found Fake GPU (compute capability 9.0)" in found["target"].detail


def test_plans_for_rtx_without_a_gpu(plans, monkeypatch):
    """What they are for is said all the same."""
    monkeypatch.setitem(sys.modules, "pycuda", None)
    found = by_subject(findings_of(plans("tensorrt-rtx")))
    assert found["gpu"].ok is found["target"].ok is False
    assert "built for TensorRT for RTX 1.7.1.116 on GPUs of" in found["target"].detail


def test_plans_for_another_gpu(plans, fake_tensorrt):
    fake_tensorrt.gpu.name = "Another GPU"
    found = by_subject(findings_of(plans()))
    assert found["target"].ok is False
    assert "built for Fake GPU" in found["target"].detail
    assert "build-engine" in found["target"].detail


@pytest.mark.parametrize(
    ("built", "message"), [(True, "built, but not usable"), (False, "is not built: install")]
)
def test_the_kernel(plans, fake_cuda, monkeypatch, built, message):
    kernel = SimpleNamespace(built=lambda: built, available=lambda: False)
    monkeypatch.setitem(sys.modules, "cpp_ext.cuda", kernel)
    found = by_subject(findings_of(plans()))
    assert found["kernel"].ok is False
    assert message in found["kernel"].detail
