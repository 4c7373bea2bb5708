"""Plans of TensorRT for RTX: the device loop over a FAKE (tests/fakes/tensorrt.py), and what the
real runtime says on a machine without a GPU."""

from __future__ import annotations

import os
import sys

import pytest

from sdk import Grounder
from sdk.errors import EngineError, MissingRuntimeError
from sdk.runtime.cuda import Gpu
from sdk.runtime.target import built_for, check_rtx_target, describe_rtx_target, target_lines
from sdk.runtime.tensorrt import RTX, import_tensorrt, make_logger, open_engine, start_runtime
from sdk.runtime.tensorrt_rtx import check_header

SQUARE = (400, 100, 430, 128)
LAPTOP = Gpu("NVIDIA GeForce RTX 4060", "8.9", "13.0", 2**33)


def answers(folder, make_frame) -> None:
    with Grounder(folder) as grounder:
        for left in (20, 400, 300):  # the recorded graphs read what is there when they run
            square = (left, 100, left + 30, 128)
            answer = grounder.locate(make_frame(squares={"red": square}), "the red square")
            assert answer.found
            assert answer.xyxy == pytest.approx(square, abs=8)


def test_it_answers(fake_rtx, fake_cuda, plans, make_frame):
    answers(plans(RTX), make_frame)
    assert not fake_cuda.live
    assert len(fake_rtx.strategies) == 3


def test_what_a_stream_cannot_record_tensorrt_records(fake_rtx, fake_cuda, plans, make_frame):
    fake_rtx.capturable = False
    answers(plans(RTX), make_frame)
    strategy = fake_rtx.module.CudaGraphStrategy
    assert fake_rtx.strategies == [strategy.DISABLED] * 3 + [strategy.WHOLE_GRAPH_CAPTURE] * 3
    assert not fake_cuda.live


def test_kernels_are_kept_beside_the_plans(fake_rtx, plans, make_frame):
    folder = plans(RTX)
    answers(folder, make_frame)
    files = [folder / f"{name}.kernels" for name in ("text", "image", "ground")]
    assert [file.read_bytes() for file in files] == [b"kernels"] * 3
    for file in files:
        os.utime(file, (1, 1))
    answers(folder, make_frame)
    assert {file.stat().st_mtime for file in files} == {1}  # there was nothing new to keep
    fake_rtx.kernels = b"those of another driver"
    answers(folder, make_frame)
    assert {file.read_bytes() for file in files} == {b"those of another driver"}
    assert not list(folder.glob("*.kernels.*"))


def test_a_folder_that_cannot_be_written(fake_rtx, plans, make_frame, monkeypatch):
    folder = plans(RTX)

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    answers(folder, make_frame)
    assert not list(folder.glob("*.kernels*"))


@pytest.mark.parametrize(
    ("reasons", "message"),
    [
        ("UNSUPPORTED_CC", r"text\.plan does not run here: it is not for this GPU: build the eng"),
        ("OLD_CUDA_DRIVER VERSION_MISMATCH", "another version.*; the driver is too old: update"),
        ("MALFORMED_ENGINE", "is no plan of TensorRT for RTX"),
    ],
)
def test_a_header_that_tensorrt_refuses(fake_rtx, fake_cuda, plans, reasons, message):
    flags = fake_rtx.module.EngineInvalidityDiagnostics
    fake_rtx.invalid = sum(flags[name] for name in reasons.split())
    fake_rtx.fails_to_open = True  # nobody gets that far
    with pytest.raises(EngineError, match=message):
        Grounder(plans(RTX))
    assert not fake_cuda.live


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tensorrt_rtx": "1.6.1.120"},
            r"RTX 1\.6\.1\.120 on GPUs.*found TensorRT for RTX 1\.7\.1",
        ),
        ({"compute_capabilities": ["8.6"]}, r"capability 8\.6, found Fake GPU .*capability 8\.9\)"),
        ({"compute_capabilities": "8.9"}, "does not say which machines it was built for"),
    ],
)
def test_plans_for_other_machines_are_refused_unopened(
    fake_rtx, plans, monkeypatch, changes, message
):
    monkeypatch.setattr("sdk.runtime.tensorrt.open_engine", None)
    with pytest.raises(EngineError, match=message) as refusal:
        Grounder(plans(RTX, **changes))
    assert "--backend tensorrt" in str(refusal.value)


def test_the_target_in_words():
    target = describe_rtx_target("1.7.1.116", ("8.6", "8.9"))
    check_rtx_target(target, "1.7.1.116", LAPTOP, "my.engine")
    with pytest.raises(EngineError, match="this GPU takes --backend tensorrt"):
        check_rtx_target(target, "1.7.1.116", Gpu("Orin", "8.7", "13.0", 1), "my.engine")
    with pytest.raises(EngineError, match="has no 'tensorrt_rtx'"):
        check_rtx_target({}, "1.7.1.116", LAPTOP, "my.engine")
    said = "TensorRT for RTX 1.7.1.116 on GPUs of compute capability 8.6, 8.9"
    assert built_for(target) == said
    counted = {**target, "products": {"fp16": 3, "fp32": 1}, "plans": {"text": "ab"}}
    assert target_lines(counted) == [
        f"built for {said}",
        "products  3 fp16, 1 fp32",
        "plan      text ab",
    ]
    assert target_lines({}) == []
    assert built_for({}) == "nothing that they name"


def test_without_a_gpu_it_says_what_the_plans_are_for(plans, monkeypatch):
    """Whatever of pycuda, driver and GPU is missing."""
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(MissingRuntimeError) as refusal:
        Grounder(plans(RTX))
    said = (
        "built for TensorRT for RTX 1.7.1.116 on GPUs of compute capability 8.6, 8.9: this engine"
    )
    assert said in str(refusal.value)
    assert "pip install pycuda" in str(refusal.value)


def test_without_the_package(fake_rtx, plans, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(
        MissingRuntimeError, match=r"needs TensorRT for RTX.*piza-edge\[tensorrt-rtx"
    ):
        Grounder(plans(RTX))


def test_the_real_runtime_without_a_gpu(tmp_path):
    """It starts, tells what is no plan by its header, and opens none."""
    pytest.importorskip("tensorrt_rtx", reason="pip install -e '.[dev]' on Linux, x86-64")
    trt = import_tensorrt(RTX)
    logger = make_logger(trt)
    runtime = start_runtime(trt, logger)
    (tmp_path / "junk.plan").write_bytes(b"somebody's notes" * 20)
    with pytest.raises(EngineError, match=r"junk\.plan does not run here: it is no plan of Tens"):
        check_header(trt, runtime, tmp_path / "junk.plan")
    with pytest.raises(EngineError, match=r"RTX 1\.7\.1\.116 cannot open junk"):
        open_engine(trt, runtime, logger, b"somebody's notes" * 20, "junk")
