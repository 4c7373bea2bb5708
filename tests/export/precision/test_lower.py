"""Whole engines in fewer bits, and the command that builds them."""

from __future__ import annotations

import dataclasses
import json
import platform
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from export.__main__ import main
from export.build import build, open_reference, verify
from export.check.checking import check_path
from export.families.grounding_dino import CRITERIA
from export.options import BuildOptions
from export.precision.graph import read_graph
from export.precision.int8 import quantisable
from export.precision.lower import lower_engine
from export.precision.plan import PLAN_FILE, load_plan
from export.precision.target import TARGETS, Target
from export.tensorrt.options import PlanOptions
from sdk.engine.folder import read_manifest, verify_files, write_manifest
from sdk.errors import EngineError, InputError
from sdk.grounder import Grounder
from sdk.runtime.arithmetic import eight_bits

KINDS = {  # precision, and the backend whose eight bits are meant
    "fp16": ("fp16", "onnxruntime"),
    "int8": ("int8", "onnxruntime"),
    "int8-tensorrt": ("int8", "tensorrt"),
}
ANY = Target(0.0, 0.0, 1.0)  # met by whatever is measured: random weights are easily shaken


@pytest.fixture(autouse=True)
def _easy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random networks have candidates that are nearly equal: any box will do."""
    for name in ("fp16", "int8"):
        monkeypatch.setitem(TARGETS, name, ANY)
        easy = dataclasses.replace(
            CRITERIA[name], same_iou=0.0, same_box=0.0, same_decision=0.0, relative={}
        )
        monkeypatch.setitem(CRITERIA, name, easy)


@pytest.fixture(scope="module")
def lowered(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An engine of each precision, not to be changed."""
    engines = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind, (precision, backend) in KINDS.items():
            patch.setitem(TARGETS, precision, ANY)
            folder = tmp_path_factory.mktemp("lowered") / f"{kind}.engine"
            shutil.copytree(built, folder)
            lower_engine(folder, precision, scenes=2, backend=backend)
            engines[kind] = folder
    return engines


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_in_fewer_bits(lowered, built: Path, kind: str) -> None:
    folder, before = lowered[kind], read_manifest(built)
    precision, backend = KINDS[kind]
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert manifest.precision == precision
    assert manifest.certificate is None
    assert manifest.fingerprint != before.fingerprint
    assert PLAN_FILE in manifest.files
    facts = manifest.precision_facts
    assert facts.get("int8_for") == (None if precision == "fp16" else backend)
    assert 0 <= facts["fp32_share"] < 0.4
    for name, entry in facts["networks"].items():
        assert entry["bytes"] == (folder / f"{name}.onnx").stat().st_size
        assert entry["fp32_bytes"] == (built / f"{name}.onnx").stat().st_size
        assert entry["macs"] > entry["fp32_macs"] >= 0
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    with Grounder(folder, threads=1, allow_unproven=True) as ours, Grounder(built) as theirs:
        a, b = (side.locate(frame, "the red car") for side in (ours, theirs))
    assert abs(a.zooms[0].raw_score - b.zooms[0].raw_score) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_makes_the_same_engine_again(lowered, engine: Path, kind: str) -> None:
    precision, backend = KINDS[kind]
    lower_engine(engine, precision, lowered[kind] / PLAN_FILE, scenes=2, backend=backend)
    ours, theirs = (read_manifest(folder).files for folder in (engine, lowered[kind]))
    assert ours == theirs


def test_int8_for_tensorrt_is_what_tensorrt_takes(lowered) -> None:
    """Q/DQ pairs around every layer with weights, and no findings; the CPU's has other nodes."""
    assert check_path(lowered["int8-tensorrt"]) == {"text": [], "image": [], "ground": []}
    for name in ("text", "image", "ground"):
        graph = read_graph(onnx.load(lowered["int8-tensorrt"] / f"{name}.onnx"))
        weighted = [
            node
            for node in graph.nodes
            if node.op_type in ("Conv", "Gemm", "MatMul")
            and graph.maker.get(node.input[1], node).op_type == "DequantizeLinear"
        ]
        assert weighted
        assert not quantisable(graph)  # none is left
    findings = check_path(lowered["int8"])
    assert {each.rule for each in findings["ground"]} == {"operator"}


def test_plans_that_do_not_fit(lowered, engine: Path, tmp_path: Path) -> None:
    before = (engine / "engine.json").read_bytes()
    with pytest.raises(InputError, match="a plan for int8, found one for fp16"):
        lower_engine(engine, "int8", lowered["fp16"] / PLAN_FILE)
    plan = load_plan(lowered["fp16"] / PLAN_FILE)
    text = dataclasses.replace(plan.networks["text"], topology="0" * 12)
    dataclasses.replace(plan, networks={**plan.networks, "text": text}).save(tmp_path / "p.json")
    with pytest.raises(InputError, match="for another text network"):
        lower_engine(engine, "fp16", tmp_path / "p.json")
    with pytest.raises(InputError, match="at least one calibration scene"):
        lower_engine(engine, "fp16", scenes=0)
    assert (engine / "engine.json").read_bytes() == before
    verify_files(engine, read_manifest(engine))


def test_only_float32_is_lowered(lowered, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(lowered["fp16"], tmp_path / "again"))
    with pytest.raises(EngineError, match=r"expected a float32 engine.*found fp16"):
        lower_engine(folder, "int8")


def test_half_precision_is_certified_with_and_without_rounding(
    lowered, checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(lowered["fp16"], tmp_path / "half"))
    before = {path.name for path in folder.iterdir()}
    manifest = verify(folder, open_reference(checkpoint), 2)
    said = manifest.certificate
    assert said["searches"]["count"] == said["rounded"]["count"] == 2
    assert said["networks"]["image"]["max_abs_difference"]["image_features"] > 1e-5
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.usefixtures("ready_made")
def test_build_engine(lowered, checkpoint: Path, tmp_path: Path, capsys) -> None:
    out, plan = tmp_path / "int8.engine", lowered["int8"] / PLAN_FILE
    argv = ["build-engine", str(checkpoint), "-o", str(out), "--precision", "int8"]
    assert main([*argv, "--plan", str(plan), "--scenes", "2", "--searches", "2"]) == 0
    said = capsys.readouterr().out
    assert "precision int8: 0.0% of the weights' multiplications in float32" in said
    assert read_manifest(out).proven
    assert read_manifest(out).arithmetic == eight_bits().arithmetic
    assert f"products  {eight_bits().arithmetic}" in said
    assert main(["inspect", str(out)]) == 0
    again = capsys.readouterr().out
    assert "onnxruntime int8" in again
    assert f"products  exact products ({platform.machine()} " in again
    assert main([*argv, "--plan", str(tmp_path / "absent.json")]) == 2
    assert "cannot read the plan" in capsys.readouterr().err
    (tmp_path / "bad.json").write_text(json.dumps({"format": 1}))
    assert main([*argv, "--plan", str(tmp_path / "bad.json")]) == 2
    assert read_manifest(out).proven  # what was there is there


@pytest.mark.usefixtures("ready_made")
def test_a_portable_folder_of_int8_for_tensorrt(
    lowered, built: Path, checkpoint: Path, tmp_path: Path, capsys
) -> None:
    """Proven here by ONNX Runtime; what is built from it is for TensorRT alone."""
    out, plan = tmp_path / "qdq.engine", lowered["int8-tensorrt"] / PLAN_FILE
    argv = ["build-engine", str(checkpoint), "-o", str(out), "--precision", "int8"]
    argv += ["--int8-for", "tensorrt", "--plan", str(plan), "--scenes", "2", "--searches", "2"]
    assert main(argv) == 0
    manifest = read_manifest(out)
    assert manifest.proven
    assert (manifest.backend, manifest.precision) == ("onnxruntime", "int8")
    assert manifest.precision_facts["int8_for"] == "tensorrt"
    assert main(["check", str(out)]) == 0
    assert main(["build-engine", str(out), "-o", str(tmp_path / "cpu.engine")]) == 2
    assert "expected int8 networks for onnxruntime, found some for tensorrt" in (
        capsys.readouterr().err
    )
    copy = build(open_reference(out), tmp_path / "c", BuildOptions(1, "int8", int8_for="tensorrt"))
    assert copy.proven
    assert copy.arithmetic == manifest.arithmetic == eight_bits().arithmetic


def test_float32_has_no_plan(lowered) -> None:
    with pytest.raises(InputError, match="for fp16 or int8"):
        BuildOptions(1, plan=lowered["fp16"] / PLAN_FILE)


def test_plans_of_int8(lowered, engine: Path, tmp_path: Path) -> None:
    """Built from the Q/DQ networks by the real TensorRT for RTX, which needs no GPU for it."""
    pytest.importorskip("tensorrt_rtx", reason="pip install -e '.[dev]' on Linux, x86-64")
    portable = lowered_proven(lowered, tmp_path)
    options = BuildOptions(1, "int8", "tensorrt-rtx", plans=PlanOptions(targets=("8.9",)))
    again = build(open_reference(portable), tmp_path / "again", options)
    planned = dataclasses.replace(options, plan=portable / PLAN_FILE, scenes=2)
    manifest = build(open_reference(engine), tmp_path / "plans", planned)
    for made in (again, manifest):
        assert made.proven
        assert (made.backend, made.precision) == ("tensorrt-rtx", "int8")
        assert made.precision_facts["int8_for"] == "tensorrt"
        assert made.target["products"]["int8"] > 40
        assert made.arithmetic is not None  # the certificate is of the networks on the CPU
    assert again.target == manifest.target


def lowered_proven(lowered: dict[str, Path], place: Path) -> Path:
    """The portable folder of int8 for TensorRT, with a certificate."""
    folder = Path(shutil.copytree(lowered["int8-tensorrt"], place / "portable"))
    manifest = read_manifest(folder)
    write_manifest(folder, dataclasses.replace(manifest, certificate={"passed": True}))
    return folder
