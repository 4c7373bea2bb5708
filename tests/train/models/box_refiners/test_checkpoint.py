"""A head and the CLIP that it was trained over, in one folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

from sdk.errors import CheckpointError
from train.families import load, name_of
from train.models.box_refiners.checkpoint import hash_of, load_box, save_box
from train.models.box_refiners.config import METHODS, BoxConfig
from train.models.box_refiners.heads import make_head
from train.models.clip.public import open_public_clip


@pytest.fixture(scope="module")
def opened(public_clip):
    return open_public_clip(str(public_clip("clip")[0]))


@pytest.fixture
def folder(opened, tmp_path) -> Path:
    return save(tmp_path / "boxes", opened, "dqn")


def save(folder: Path, opened, method: str) -> Path:
    clip = {"file": "clip", "sha256": hash_of(opened)}
    config = BoxConfig(name="boxes", method=method, features=16, clip=clip, hidden=(8,))
    save_box(folder, make_head(config), opened)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_what_is_saved_is_loaded(method, opened, tmp_path) -> None:
    folder = save(tmp_path / "boxes", opened, method)
    assert name_of(folder) == "boxes"
    model = load(folder)
    head, again = load_box(folder)
    assert hash_of(again) == hash_of(opened)
    for name, value in head.state_dict().items():
        assert torch.equal(value, model.head.state_dict()[name])
    manifest = model.manifest()
    assert list(manifest.networks) == ["clip-text", "clip-image", "head"]
    assert manifest.block["method"] == method.partition("-")[0]


def test_the_same_clip_is_written_once(folder, opened) -> None:
    weights = folder / "clip" / "model.safetensors"
    os.utime(weights, (0, 0))
    save(folder, opened, "dqn")
    assert weights.stat().st_mtime == 0
    save(folder, load_box(folder)[1], "dqn")  # from its own folder
    assert weights.stat().st_mtime == 0


def test_what_is_missing_or_another_s(folder, public_clip) -> None:
    other = public_clip("siglip")[0]
    shutil.rmtree(folder / "clip")
    with pytest.raises(CheckpointError, match="no clip"):
        load(folder)
    shutil.copytree(other, folder / "clip")
    with pytest.raises(CheckpointError, match=r"is not the CLIP that .* was trained over"):
        load(folder)
