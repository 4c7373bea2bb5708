"""Building plans with a FAKE TensorRT: control flow only (see tests/fakes/tensorrt.py)."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.__main__ import main
from export.build import build, open_reference
from export.options import BuildOptions
from export.plan_types import check_types, count_types, weight_types
from export.references.portable import PortableReference
from export.stopping import stoppable
from export.tensorrt import PlanOptions, build_plans
from sdk import Grounder
from sdk.engine.folder import read_manifest, write_manifest
from sdk.errors import EngineError, InputError, MissingRuntimeError
from sdk.runtime.target import AMPERE_PLUS, SAME_CAPABILITY

NETWORKS = ("text", "image", "ground")


@pytest.fixture
def trt(fake_tensorrt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return fake_tensorrt


def plans(built: Path, folder: Path, **options: Any) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    sources = {name: built / f"{name}.onnx" for name in NETWORKS}
    return build_plans(sources, folder, PlanOptions(**options))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_from_a_portable_folder_to_answers(trt, fake_cuda, built, engine, tmp_path) -> None:
    """The whole way, without the network types of PyTorch: build, compare, open, locate, free."""
    folder = tmp_path / "least.trt"
    manifest = build(PortableReference(engine), folder, BuildOptions(2, backend="tensorrt"))
    assert manifest.proven
    assert manifest.backend == "tensorrt"
    assert names(folder) == {*manifest.required_files, "history.npz", "engine.json"}
    assert manifest.target == {
        "tensorrt": "11.4.0.106",
        "gpu": "Fake GPU",
        "compute_capability": "9.0",
        "hardware_compatibility": "none",
        "cuda": "13.0",
        "layers": {name: {"fp32": 1} for name in NETWORKS},
    }
    assert "on the CPU with least@" in manifest.certificate["reference"]
    assert "PyTorch" in manifest.certificate["reference"]
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    with Grounder(folder) as ours, Grounder(engine) as theirs:
        a, b = ours.locate(frame, "the red car"), theirs.locate(frame, "the red car")
    np.testing.assert_allclose(a.xyxy, b.xyxy, atol=2e-2)  # frame pixels
    assert not fake_cuda.live
    assert not fake_cuda.pinned


def test_from_a_checkpoint(trt, ready_made, checkpoint, tmp_path) -> None:
    folder = tmp_path / "least.trt"
    manifest = build(open_reference(checkpoint), folder, BuildOptions(1, backend="tensorrt"))
    assert manifest.proven
    assert "PyTorch" in manifest.certificate["reference"]
    assert read_manifest(folder).backend == "tensorrt"


def test_what_is_asked_of_the_builder(trt, built, tmp_path) -> None:
    plans(built, tmp_path / "plain")
    config, module = trt.configs[-1], trt.module
    assert config.flags == set()  # TF32 is TensorRT's default, and no fp32
    assert config.limits == {module.MemoryPoolType.WORKSPACE: trt.gpu.total // 4}  # half is free
    assert config.profiling_verbosity == module.ProfilingVerbosity.DETAILED
    assert not hasattr(config, "hardware_compatibility_level")
    target = plans(
        built, tmp_path / "wide", hardware_compatibility=AMPERE_PLUS, refit=True, timing_cache=False
    )
    config = trt.configs[-1]
    assert config.flags == {module.BuilderFlag.REFIT, module.BuilderFlag.DISABLE_TIMING_CACHE}
    level = module.HardwareCompatibilityLevel
    assert config.hardware_compatibility_level == level.AMPERE_PLUS
    assert target["hardware_compatibility"] == "ampere_plus"
    plans(built, tmp_path / "same", hardware_compatibility=SAME_CAPABILITY)
    assert trt.configs[-1].hardware_compatibility_level == level.SAME_COMPUTE_CAPABILITY
    del module.HardwareCompatibilityLevel  # TensorRT 10.3 does not know all of them
    with pytest.raises(EngineError, match="has no hardware compatibility same_compute_capability"):
        plans(built, tmp_path / "old", hardware_compatibility=SAME_CAPABILITY)
    with pytest.raises(InputError, match="expected hardware compatibility none"):
        PlanOptions("all")


def test_the_timing_cache_is_kept_and_keyed(trt, built, tmp_path) -> None:
    plans(built, tmp_path / "a")
    files = list((tmp_path / "cache" / "piza-edge").iterdir())
    assert [file.name for file in files] == ["tensorrt-11.4.0.106-Fake-GPU-9.0.timing"]
    assert trt.caches[0] == b""
    assert all(stored == files[0].read_bytes() for stored in trt.caches[1:])  # of the next ones
    trt.module.__version__ = "10.3.0"
    plans(built, tmp_path / "b")
    trt.gpu.name, trt.gpu.capability = "Another", (8, 7)
    plans(built, tmp_path / "c")
    assert len(list((tmp_path / "cache" / "piza-edge").iterdir())) == 3
    assert trt.caches[3] == trt.caches[6] == b""


@pytest.mark.parametrize("how", ["damaged", "refused"])
def test_a_timing_cache_that_does_not_fit_is_begun_anew(trt, built, tmp_path, how: str) -> None:
    plans(built, tmp_path / "a")
    (cache,) = (tmp_path / "cache" / "piza-edge").iterdir()
    if how == "damaged":
        cache.write_bytes(b"rubbish")
    trt.refuses_cache = how == "refused"
    trt.caches.clear()
    plans(built, tmp_path / "b")
    assert trt.caches[0] == b""
    assert cache.read_bytes().startswith(b"a fake timing cache")


def test_parser_errors_name_the_node(trt, built, tmp_path) -> None:
    trt.parser_errors = [
        SimpleNamespace(
            node_name=lambda: "node_topk",
            node_operator=lambda: "TopK",
            desc=lambda: "K is not constant",
        )
    ]
    with pytest.raises(
        EngineError,
        match=r"11\.4\.0\.106 cannot parse text\.onnx: node 'node_topk' \(TopK\): K is not constant"
        r".*piza check",
    ):
        plans(built, tmp_path / "a")
    assert names(tmp_path / "a") == set()


def test_a_build_that_fails_says_what_tensorrt_said(trt, built, tmp_path) -> None:
    trt.fails_to_build = True
    with pytest.raises(EngineError, match=r"cannot build text.onnx: no implementation for MatMul"):
        plans(built, tmp_path / "a")
    assert not trt.gpu.live


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_stop_the_build_and_leave_what_was_there(trt, engine, tmp_path, name: str) -> None:
    """The signal arrives while TensorRT works; TensorRT is told, and has stopped before we do."""
    number = getattr(signal, name)
    folder = Path(shutil.copytree(engine, tmp_path / "in-place"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    steps: list[int] = []

    def press(step: int) -> None:
        steps.append(step)
        if step == 1:
            os.kill(os.getpid(), number)
            deadline = time.monotonic() + 30  # until the main thread has taken notice
            while time.monotonic() < deadline and not monitor()._cancelled.is_set():
                time.sleep(0.01)

    def monitor() -> Any:
        return trt.configs[-1].progress_monitor

    handler = signal.getsignal(number)
    trt.steps, trt.on_step = 1000, press
    with pytest.raises(KeyboardInterrupt if name == "SIGINT" else SystemExit), stoppable():
        build(PortableReference(engine), folder, BuildOptions(1, backend="tensorrt"))
    assert trt.cancelled
    assert len(steps) < 1000
    assert signal.getsignal(number) is handler  # as it was: SIGINT ignored, in the background
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert names(tmp_path) == {"in-place", "least.engine"}  # no cache of half a build either
    assert not trt.gpu.live


def test_half_precision_that_became_float32_is_an_error(trt, built, tmp_path) -> None:
    halves = tmp_path / "halves"
    halves.mkdir()
    for name in NETWORKS:
        model = onnx.load(built / f"{name}.onnx")
        weights = np.zeros((2, 2), np.float16)
        model.graph.initializer.append(numpy_helper.from_array(weights, "half"))
        onnx.save(model, halves / f"{name}.onnx")
    with pytest.raises(EngineError, match=r"text\.onnx has weights in fp16, but no layer"):
        plans(halves, tmp_path / "a")
    assert names(tmp_path / "a") == set()
    trt.layers.append({"Name": "b", "Outputs": [{"DataType": "Half"}]})
    assert plans(halves, tmp_path / "b")["layers"]["text"] == {"fp16": 1, "fp32": 1}
    trt.layers = ["only names"]
    with pytest.raises(EngineError, match="names no types of layers"):
        plans(halves, tmp_path / "c")


def test_without_tensorrt_nothing_is_begun(fake_cuda, ready_made, checkpoint, engine, tmp_path):
    for source in (checkpoint, engine):
        with pytest.raises(MissingRuntimeError, match=r"needs TensorRT.*pip install"):
            build(open_reference(source), tmp_path / "new", BuildOptions(1, backend="tensorrt"))
    assert ready_made() == 0
    assert names(tmp_path) == {"least.engine"}


def test_only_what_is_proven_can_prove(engine) -> None:
    manifest = read_manifest(engine)
    write_manifest(engine, type(manifest)(**{**vars(manifest), "certificate": None}))
    with pytest.raises(EngineError, match="is not proven, so that"):
        PortableReference(engine)
    (engine / "text.onnx").write_bytes(b"")
    with pytest.raises(EngineError, match="altered"):
        PortableReference(engine)


# As the inspectors of TensorRT 10 and 11 write it (their documentation, the migration guide).
TEN = '{"Layers": [{"Name": "fp16", "Inputs": [{"Name": "half", "Format/Datatype": "%s"}]}]}'


@pytest.mark.parametrize(
    ("information", "expected"),
    [
        (TEN % "Row major linear FP16 format", {"fp16": 1}),
        (TEN % "Channel major FP16 format where channel % 8 == 0", {"fp16": 1}),
        (TEN % "Thirty-two wide channel vectorized row major Int8 format.", {"int8": 1}),
        (TEN % "Float", {"fp32": 1}),
        (TEN % "N/A due to dynamic shapes", {}),
        ('{"Layers": [{"Outputs": [{"Name": "a", "DataType": "Half"}]}]}', {"fp16": 1}),
        (
            '{"Layers": [{"Inputs": [{"DataType": "Half"}], "Outputs": [{"DataType": "Float"}]}]}',
            {"fp16": 1, "fp32": 1},
        ),
        ('{"Layers": ["a name"]}', {}),
        ('{"Layers": []}', {}),
        ("{}", {}),
        ('{"Layers": [{"Inputs": "none", "Outputs": [3]}]}', {}),
    ],
)
def test_types_of_layers(information: str, expected: dict[str, int]) -> None:
    assert count_types(information) == expected


def test_types_of_weights() -> None:
    tensors = [
        numpy_helper.from_array(np.zeros(shape, kind), f"{kind.__name__}{len(shape)}")
        for kind, shape in ((np.float32, (2, 2)), (np.int8, (2, 2)), (np.float16, (2,)))
    ]
    output = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([], "g", [], [output], tensors)
    assert weight_types(helper.make_model(graph).SerializeToString()) == {"fp32", "int8"}
    del graph.initializer[1:]
    assert weight_types(helper.make_model(graph).SerializeToString()) == {"fp32"}
    pair = helper.make_node("QuantizeLinear", [graph.initializer[0].name, "s", "z"], ["q"])
    graph.node.append(pair)
    assert weight_types(helper.make_model(graph).SerializeToString()) == {"fp32", "int8"}
    check_types({"fp32": 3, "int8": 1}, {"fp32", "int8"}, "g")
    check_types({"fp32": 3}, {"fp32"}, "g")
    with pytest.raises(EngineError, match="no layer of its plan computes in it"):
        check_types({"fp32": 3}, {"fp32", "int8"}, "g")


def test_inspect_says_what_plans_were_built_for(trt, engine, tmp_path, capsys) -> None:
    build(PortableReference(engine), tmp_path / "least.trt", BuildOptions(1, backend="tensorrt"))
    assert main(["inspect", str(tmp_path / "least.trt")]) == 0
    assert "built for tensorrt 11.4.0.106, gpu Fake GPU" in capsys.readouterr().out
