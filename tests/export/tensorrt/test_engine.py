"""Engines of plans for RTX from the command line, on a machine that need not run them."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest

from export.__main__ import main
from sdk.engine.folder import Manifest, file_sha256, read_manifest, write_manifest
from sdk.runtime.arithmetic import arithmetic_doubt
from sdk.runtime.tensorrt import RTX

pytestmark = pytest.mark.usefixtures("builds")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has."""
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)


def build(source: Path, folder: Path, *options: str) -> int:
    argv = ["build-engine", str(source), "-o", str(folder), "--backend", RTX, "--searches", "1"]
    return main([*argv, *options])


@pytest.mark.usefixtures("no_gpu")
def test_from_a_portable_folder(engine: Path, tmp_path: Path, capsys) -> None:
    """Built, inspected, and proven by building it again."""
    folder = tmp_path / "rtx.engine"
    assert build(engine, folder, "--targets", "sm120,sm86") == 0
    said = capsys.readouterr().out
    assert "measured  over onnxruntime: the plans were not run; piza verify does, on a GPU" in said
    assert "proof     passed" in said
    manifest = read_manifest(folder)
    assert manifest.proven
    assert manifest.target["compute_capabilities"] == ["8.6", "12.0"]
    assert manifest.target["plans"] == {
        name: file_sha256(folder / network.file) for name, network in manifest.networks.items()
    }
    assert {path.name for path in folder.iterdir()} == {*manifest.files, "engine.json"}
    assert "before its plans were ever run" in (arithmetic_doubt(manifest) or "")

    assert main(["inspect", str(folder)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"built for TensorRT for RTX [\d.]+ on GPUs of compute.* 8\.6, 12\.0\n", said)
    assert re.search(r"products  \d+ fp32\nweights   \d+ fp32\n", said)
    for name, digest in manifest.target["plans"].items():
        assert f"plan      {name} {digest}\n" in said

    verify = ["verify", str(folder), "--checkpoint", str(engine), "--searches", "1"]
    assert main(verify) == 3
    assert "run on no GPU of this machine, they were built for" in capsys.readouterr().err
    assert main([*verify, "--rebuild"]) == 0
    assert read_manifest(folder).target == manifest.target
    changed = manifest.target["plans"] | {"image": "0" * 64}
    write_manifest(folder, replaced(folder, plans=changed))
    assert main([*verify, "--rebuild"]) == 3
    assert "the plans of image differ from those that" in capsys.readouterr().err
    assert main(["verify", str(engine), "--checkpoint", str(engine), "--rebuild"]) == 2
    assert "whose builds are the same every time, found one of onnxr" in capsys.readouterr().err


def replaced(folder: Path, **changes: object) -> Manifest:
    """The manifest with other facts about its target."""
    manifest = read_manifest(folder)
    return dataclasses.replace(manifest, target={**manifest.target, **changes})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--backend", "onnxruntime", "--targets", "sm86"], "--targets is for --backend tensorrt"),
        (["--targets", "sm87"], "expected targets among sm75, sm80, sm86, sm89, sm120, sm121, got"),
        (["--targets", "sm75,sm89"], "7.5 cannot be among the targets of this engine: node_"),
        (["--refit"], "leave --refit and --hardware-compatibility out"),
        (["--hardware-compatibility", "ampere_plus"], "builds no plans whose weights can be exch"),
        (["--precision", "int8", "--int8-for", "onnxruntime"], "does not take the operators of in"),
    ],
)
def test_what_is_not_built(
    engine: Path, tmp_path: Path, capsys, options: list[str], message: str
) -> None:
    assert build(engine, tmp_path / "rtx.engine", *options) == 2
    assert message in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {engine.name}
