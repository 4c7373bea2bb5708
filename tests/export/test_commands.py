"""``python -m export``: what it prints, and with which code it ends."""

from __future__ import annotations

import copy
import dataclasses
import shutil
from pathlib import Path

import pytest

from export import build
from export.__main__ import main
from export.certificate.criteria import ENORMOUS
from export.certificate.report import certificate_lines, network_lines
from export.families.grounding_dino import CRITERIA
from sdk.engine.folder import read_manifest, write_manifest


def unproven(engine: Path) -> None:
    write_manifest(engine, dataclasses.replace(read_manifest(engine), certificate=None))


@pytest.mark.usefixtures("ready_made")
def test_build_engine(checkpoint: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "my.engine"
    argv = ["build-engine", str(checkpoint), "-o", str(folder), "--searches", "2"]
    assert main(argv) == 0
    out, log = capsys.readouterr()
    assert "certifying: step 2 of 2" in log  # a line, for there is no terminal
    assert "proof     passed, against PyTorch" in out
    assert "searches  2: same box (IoU >= 0.99) 100.0%" in out
    assert f"engine    {folder}" in out
    assert read_manifest(folder).proven


@pytest.mark.usefixtures("ready_made")
def test_build_engine_without_flags(checkpoint: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """The bundled model, into the place where it is looked for."""
    monkeypatch.setattr(build, "BUNDLED", checkpoint)
    monkeypatch.chdir(tmp_path)
    assert main(["build-engine", "--searches", "1"]) == 0
    assert f"engine    {Path('build', 'least.engine')}" in capsys.readouterr().out
    assert read_manifest(tmp_path / "build" / "least.engine").proven


def test_build_engine_from_nothing(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(build, "BUNDLED", tmp_path / "assets")
    assert main(["build-engine"]) == 2
    assert "expected a checkpoint folder" in capsys.readouterr().err
    assert main(["build-engine", str(tmp_path)]) == 2


@pytest.mark.usefixtures("ready_made")
def test_build_engine_in_the_wrong_place(checkpoint: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "work").write_text("a file")
    assert main(["build-engine", str(checkpoint), "-o", str(tmp_path / "work")]) == 2
    assert "is no engine" in capsys.readouterr().err
    below = tmp_path / "work" / "least.engine"
    assert main(["build-engine", str(checkpoint), "-o", str(below), "--searches", "1"]) == 2
    assert "error: " in capsys.readouterr().err
    assert (tmp_path / "work").read_text() == "a file"


def test_onnx_writes_an_engine_without_certificate(
    checkpoint: Path, engine: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    unproven(engine)

    def export(given: Path, folder: Path) -> object:
        assert given == checkpoint
        shutil.copytree(engine, folder)
        return read_manifest(folder)

    monkeypatch.setattr("export.portable.export_checkpoint", export)
    out = tmp_path / "portable"
    assert main(["onnx", str(checkpoint), "-o", str(out)]) == 0
    said = capsys.readouterr().out
    for name in ("text.onnx", "image.onnx", "ground.onnx", "without a certificate"):
        assert name in said
    assert not read_manifest(out).proven


def test_onnx_into_a_file(checkpoint: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("")
    assert main(["onnx", str(checkpoint), "-o", str(tmp_path / "file")]) == 2
    assert "error: " in capsys.readouterr().err


def test_verify_writes_the_certificate(engine: Path, checkpoint: Path, capsys) -> None:
    unproven(engine)
    argv = ["verify", str(engine), "--checkpoint", str(checkpoint), "--searches", "1"]
    assert main(argv) == 0
    assert "proof     passed" in capsys.readouterr().out
    assert read_manifest(engine).proven


def test_verify_says_when_it_fails(engine: Path, checkpoint: Path, monkeypatch, capsys) -> None:
    criteria = dataclasses.replace(CRITERIA["fp32"], tolerance={"scores": -1.0})
    monkeypatch.setitem(CRITERIA, "fp32", criteria)
    argv = ["verify", str(engine), "--checkpoint", str(checkpoint), "--searches", "1"]
    assert main(argv) == 1
    assert "proof     FAILED" in capsys.readouterr().out
    assert not read_manifest(engine).proven


def test_verify_with_what_does_not_belong(engine: Path, checkpoint: Path, tmp_path, capsys) -> None:
    other = Path(shutil.copytree(checkpoint, tmp_path / "other"))
    with (other / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert main(["verify", str(engine), "--checkpoint", str(other)]) == 3
    assert "was exported from checkpoint" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "absent"), "--checkpoint", str(checkpoint)]) == 3
    assert main(["verify", str(engine), "--checkpoint", str(tmp_path)]) == 2
    argv = ["verify", str(engine), "--checkpoint", str(checkpoint), "--searches", "0"]
    assert main(argv) == 2


def test_inspect(engine: Path, monkeypatch, capsys) -> None:
    assert main(["inspect", str(engine)]) == 0
    out = capsys.readouterr().out
    manifest = read_manifest(engine)
    assert f"least@{manifest.fingerprint}" in out
    assert "family    piza: zooms in up to" in out
    assert "onnxruntime fp32" in out
    assert "pixels 100x60, letterbox, rgb" in out
    for name in ("text.onnx", "image.onnx", "ground.onnx"):
        assert name in out
    assert "pixels [1, 3, 60, 100]" in out
    assert "boxes [1, 5, 4], scores [1, 5]" in out
    assert "proof     passed" in out
    monkeypatch.setenv("PIZA_ENGINE", str(engine))
    assert main(["inspect"]) == 0
    assert capsys.readouterr().out == out


def test_inspect_what_is_damaged_or_absent(engine: Path, tmp_path: Path, capsys) -> None:
    (engine / "text.onnx").write_bytes(b"")
    assert main(["inspect", str(engine)]) == 3
    assert "altered or truncated" in capsys.readouterr().err
    assert main(["inspect", str(tmp_path / "absent")]) == 3


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["bake"],
        ["onnx"],
        ["verify"],
        ["build-engine", "--backend", "abacus"],
        ["build-engine", "--precision", "fp7"],
        ["build-engine", "--searches", "few"],
        ["inspect", "a", "b"],
    ],
)
def test_bad_arguments(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(argv)
    assert stopped.value.code == 2


def test_the_report_in_words(built: Path) -> None:
    manifest = read_manifest(built)
    lines = certificate_lines(manifest)
    assert [line.split()[0] for line in lines] == ["text", "image", "ground", "searches", "proof"]
    none = certificate_lines(dataclasses.replace(manifest, certificate=None))
    assert none == ["proof     none: piza verify makes one"]
    failed = {**manifest.certificate, "passed": False}
    assert "FAILED" in certificate_lines(dataclasses.replace(manifest, certificate=failed))[-1]
    odd = copy.deepcopy(manifest.certificate)
    odd["networks"]["ground"]["max_abs_difference"]["boxes"] = ENORMOUS
    told = certificate_lines(dataclasses.replace(manifest, certificate=odd))[2]
    assert "boxes beyond compare" in told
    assert "e+30" not in told
    sizes = network_lines(built, manifest)
    assert len(sizes) == 9
    assert "MB" in sizes[0]
