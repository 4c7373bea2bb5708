"""Building and proving engines: whole or not at all, and only what is an engine is replaced."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export import build
from export.__main__ import main
from export.certificate.certificate import certify_networks
from export.options import BuildOptions
from export.portable import export_checkpoint
from export.references.checkpoint import CheckpointReference
from sdk import Grounder
from sdk.engine.folder import read_manifest, verify_files, write_manifest
from sdk.errors import EngineError, InputError
from train.checkpoint import CONFIG, WEIGHTS, load_checkpoint, save_checkpoint
from train.families import TorchNetwork, load
from train.models.grounding_dino.deformable import Sampler, grid_sampler
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.networks import networks

NETWORKS = ("text", "image", "ground")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def disturb(engine: Path, network: str, amount: float) -> None:
    """Adds ``amount`` to one weight of the first product, and vouches for the result."""
    path = engine / f"{network}.onnx"
    model = onnx.load(path)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    tensor = next(
        stored[node.input[1]]
        for node in model.graph.node
        if node.op_type in ("Conv", "Gemm", "MatMul") and node.input[1] in stored
    )
    values = numpy_helper.to_array(tensor).copy()
    values.reshape(-1)[values.size // 2] += amount
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)
    write_manifest(engine, read_manifest(engine))


def test_a_good_engine_is_proven(built: Path) -> None:
    manifest = read_manifest(built)
    verify_files(built, manifest)
    assert manifest.proven
    evidence = manifest.certificate
    assert evidence["networks"].keys() == set(NETWORKS)
    for entry in evidence["networks"].values():
        assert entry["passed"]
        assert all(0 <= value < 1e-4 for value in entry["max_abs_difference"].values())
    searches = evidence["searches"]
    assert searches["count"] == 4
    assert searches["same_box"] == searches["same_decision"] == 1.0
    assert searches["lowest_iou"] > 0.99
    assert "PyTorch" in evidence["reference"]
    assert names(built.parent) == {built.name}  # nothing is left beside it


def test_a_grounder_opens_it(built: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    with Grounder(built, threads=1) as grounder:
        answer = grounder.locate(frame, "the red car")
    assert answer.zooms
    assert answer.engine.startswith("least@")


@pytest.mark.parametrize("network", NETWORKS)
def test_one_wrong_weight_is_noticed(engine: Path, checkpoint: Path, network: str) -> None:
    disturb(engine, network, 0.5)
    assert read_manifest(engine).proven  # the old certificate is still there
    manifest = build.verify(engine, build.open_reference(checkpoint), 2)
    assert not manifest.proven
    assert not manifest.certificate["networks"][network]["passed"]
    assert not read_manifest(engine).proven
    with pytest.raises(EngineError, match="failed its certificate"):
        Grounder(engine)


def test_networks_that_give_nan_are_noticed(engine: Path, checkpoint: Path) -> None:
    disturb(engine, "text", float("nan"))
    report = certify_networks(engine, CheckpointReference(checkpoint))
    assert not report["text"]["passed"]
    assert report["image"]["passed"]
    assert "NaN" not in json.dumps(report)  # which would be no JSON


def test_networks_that_fail_are_named(engine: Path, checkpoint: Path) -> None:
    (engine / "image.onnx").write_bytes(b"no network")
    write_manifest(engine, read_manifest(engine))
    with pytest.raises(EngineError, match=r"cannot load .*image\.onnx"):
        build.verify(engine, build.open_reference(checkpoint), 1)


def test_the_reference_samples_as_in_training(
    built: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificates compare with what was trained, not with what was exported."""

    def spy(model: PizaGrounder, sampler: Sampler) -> tuple[TorchNetwork, ...]:
        assert sampler is grid_sampler
        return networks(model, sampler)

    monkeypatch.setattr("train.families.grounding_dino.networks", spy)
    report = certify_networks(built, CheckpointReference(checkpoint))
    assert all(entry["passed"] for entry in report.values())


def test_another_checkpoint_is_refused(engine: Path, checkpoint: Path, tmp_path: Path) -> None:
    model, _ = load_checkpoint(checkpoint)
    model.base.model.enc_output.bias.data[0] += 1
    save_checkpoint(tmp_path / "other", model, checkpoint / "tokenizer.json")
    before = (engine / "engine.json").read_bytes()
    with pytest.raises(EngineError, match="was exported from checkpoint"):
        build.verify(engine, build.open_reference(tmp_path / "other"), 1)
    assert (engine / "engine.json").read_bytes() == before


def test_a_damaged_engine_is_refused(engine: Path, checkpoint: Path) -> None:
    (engine / "text.onnx").write_bytes(b"")
    with pytest.raises(EngineError, match="altered or truncated"):
        build.verify(engine, build.open_reference(checkpoint), 1)


@pytest.mark.usefixtures("ready_made")
def test_an_engine_replaces_an_engine(engine: Path, checkpoint: Path) -> None:
    (engine / "remark.txt").write_text("of the old engine")
    manifest = build.build(build.open_reference(checkpoint), engine, BuildOptions(1))
    assert manifest.certificate["searches"]["count"] == 1
    assert read_manifest(engine) == manifest
    assert names(engine) == {*manifest.files, "engine.json"}
    assert names(engine.parent) == {engine.name}


@pytest.mark.usefixtures("ready_made")
def test_the_checkpoint_is_read_once(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def once(folder: Path) -> object:
        read.append(folder)
        return load(folder)

    monkeypatch.setattr("export.references.checkpoint.load", once)
    build.build(build.open_reference(checkpoint), tmp_path / "new", BuildOptions(1))
    assert read == [checkpoint]


def test_both_references_decide_as_the_vehicle_does(built: Path, checkpoint: Path) -> None:
    """Also of words that nobody knows: nothing is found then, however low the threshold."""
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    manifest = read_manifest(built)
    low, high = (
        dataclasses.replace(manifest, calibration={"threshold": threshold})
        for threshold in (0.0, 1.0)
    )
    for source in (checkpoint, built):
        reference = build.open_reference(source)
        with reference.answers(low) as answer:
            said = answer(frame, "the red car")
            assert said.found
            assert said.zooms
            with warnings.catch_warnings(action="ignore"):
                unknown = answer(frame, "qwxz")
            assert not unknown.found
            assert not unknown.zooms
            assert "knows none of the words" in (unknown.reason or "")
        with reference.answers(high) as answer:
            assert "below the threshold" in (answer(frame, "the red car").reason or "")


@pytest.mark.usefixtures("ready_made")
def test_folders_are_made_on_the_way(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "new" / "least.engine", tmp_path / "empty"):
        build.build(build.open_reference(checkpoint), folder, BuildOptions(1))
        assert read_manifest(folder).proven


def test_nothing_but_an_engine_is_replaced(
    ready_made, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything built in vain."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "thesis.txt").write_text("years")
    monkeypatch.chdir(work)
    for folder in (work, Path("."), Path(".."), work / "thesis.txt"):
        with pytest.raises(InputError, match="is there already and is no engine"):
            build.build(build.open_reference(checkpoint), folder, BuildOptions(1))
    assert (work / "thesis.txt").read_text() == "years"
    assert ready_made() == 0


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("when", ["exporting", "certifying"])
@pytest.mark.usefixtures("ready_made")
def test_what_fails_leaves_what_was_there(
    engine: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, error, when: str
) -> None:
    def fail(*args: object) -> None:
        if when == "exporting":  # in the middle of it
            args[2].mkdir()
            (args[2] / "text.onnx").write_bytes(b"half")
        raise error

    work = "references.checkpoint.export_model" if when == "exporting" else "build.certify"
    monkeypatch.setattr(f"export.{work}", fail)
    before = (engine / "engine.json").read_bytes()
    for folder in (engine, engine.with_name("new.engine")):
        with pytest.raises(error):
            build.build(build.open_reference(checkpoint), folder, BuildOptions(1))
    assert names(engine.parent) == {engine.name}
    assert (engine / "engine.json").read_bytes() == before


@pytest.mark.usefixtures("ready_made")
def test_what_an_interrupted_build_left_is_cleared(checkpoint: Path, tmp_path: Path) -> None:
    rest = tmp_path / "least.engine.partial"
    rest.mkdir()
    (rest / "rubbish").write_text("of a build that was killed")
    build.build(build.open_reference(checkpoint), tmp_path / "least.engine", BuildOptions(1))
    assert names(tmp_path) == {"least.engine"}
    assert "rubbish" not in names(tmp_path / "least.engine")


def test_an_engine_that_differs_is_put_aside(
    engine: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder keeps the good engine, the bad one can be looked at."""
    bad = Path(shutil.copytree(engine, engine.with_name("bad")))
    disturb(bad, "ground", 0.5)
    monkeypatch.setattr(
        "export.references.checkpoint.export_model",
        lambda *args: shutil.copytree(bad, args[-1]),
    )
    before = (engine / "engine.json").read_bytes()
    for _ in range(2):  # the second time over the first failure
        with pytest.raises(
            EngineError, match=r"differs from its checkpoint.*least\.engine\.failed"
        ):
            build.build(build.open_reference(checkpoint), engine, BuildOptions(1))
    assert (engine / "engine.json").read_bytes() == before
    assert names(engine.parent) == {"bad", engine.name, "least.engine.failed"}
    failed = read_manifest(engine.with_name("least.engine.failed"))
    assert not failed.proven
    assert not failed.certificate["networks"]["ground"]["passed"]


def test_an_engine_that_changes_while_it_is_measured_gets_no_certificate(
    engine: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another command builds into the folder meanwhile."""

    def certify(folder: Path, *_: object) -> dict:
        disturb(folder, "text", 0.5)
        return {"passed": True}

    monkeypatch.setattr(build, "certify", certify)
    with pytest.raises(EngineError, match="was changed while it was measured"):
        build.verify(engine, build.open_reference(checkpoint), 1)
    assert read_manifest(engine).certificate != {"passed": True}


@pytest.mark.parametrize("searches", [0, -3])
def test_a_certificate_needs_searches(ready_made, engine, checkpoint, tmp_path, searches) -> None:
    with pytest.raises(InputError, match="at least one search"):
        build.build(build.open_reference(checkpoint), tmp_path / "new", BuildOptions(searches))
    with pytest.raises(InputError, match="at least one search"):
        build.verify(engine, build.open_reference(checkpoint), searches)
    assert ready_made() == 0


def test_the_checkpoint_that_is_meant(checkpoint: Path, tmp_path: Path) -> None:
    assert build.checkpoint_folder(checkpoint) == checkpoint
    with pytest.raises(InputError, match=f"with {CONFIG}.*found none"):
        build.checkpoint_folder(tmp_path)
    assert build.BUNDLED.parts[-2:] == ("assets", "piza-tiny")


def test_a_damaged_checkpoint_writes_nothing(checkpoint: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(checkpoint, tmp_path / "damaged"))
    (damaged / WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(EngineError, match=WEIGHTS):
        export_checkpoint(damaged, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_int8_is_for_backends_with_kernels_for_it(
    checkpoint: Path, engine: Path, tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "new.engine"
    for source in (checkpoint, engine):
        argv = ["build-engine", str(source), "-o", str(folder), "--precision"]
        assert main([*argv, "int8", "--backend", "onnxruntime-cuda"]) == 2
        assert re.search(r"no kernels for int8.*--precision fp16", capsys.readouterr().err)
        assert main([*argv, "int8", "--backend", "tensorrt", "--int8-for", "onnxruntime"]) == 2
        assert "does not take the operators of int8 for onnx" in capsys.readouterr().err
        assert main([*argv, "fp16", "--int8-for", "tensorrt"]) == 2
        assert "name --precision int8" in capsys.readouterr().err
    assert not folder.exists()
