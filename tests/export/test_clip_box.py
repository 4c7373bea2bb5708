"""Boxes over CLIP become proven engines, in float32 and in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.__main__ import main
from export.check.checking import check_path
from export.check.operators import TARGETS
from sdk import Grounder
from sdk.engine.folder import read_manifest, verify_files


def build(source: Path, out: Path, *options: str) -> Path:
    command = ["build-engine", str(source), "-o", str(out), "--searches", "3", *options]
    assert main(command) == 0
    return out


@pytest.mark.parametrize("method", ["projection-iou", "dqn", "diffusion"])
def test_an_engine_of_each(box_checkpoint, method, tmp_path, capsys) -> None:
    source = box_checkpoint(method)
    folder = build(source, tmp_path / "boxes.engine")
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert manifest.proven
    assert list(manifest.networks) == ["clip-text", "clip-image", "head"]
    for each in manifest.certificate["networks"].values():
        assert max(each["relative_difference"].values()) < 1e-4
    assert not any(check_path(folder, list(TARGETS.values())).values())
    assert main(["verify", str(folder), "--checkpoint", str(source), "--searches", "1"]) == 0
    capsys.readouterr()
    assert main(["inspect", str(folder)]) == 0
    assert "family    clip-box: " in capsys.readouterr().out
    frame = np.random.default_rng(0).integers(0, 255, (60, 90, 3)).astype(np.uint8)
    with Grounder(folder) as grounder:
        answer = grounder.locate(frame, "the red car")
    assert answer.xyxy is not None

    if method == "projection-iou":  # from the portable folder, without PyTorch
        half = build(folder, tmp_path / "half.engine", "--precision", "fp16")
        assert read_manifest(half).precision == "fp16"
        assert read_manifest(half).proven
