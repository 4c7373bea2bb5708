"""Our own networks are clean: the bundled engine, a fresh export, the published architecture."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from export.build import BUNDLED
from export.check.checking import check_model, check_path
from export.onnx.graphs import export_network
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.networks import networks

NONE = {"ground": [], "image": [], "text": []}


def test_the_bundled_engine() -> None:
    assert check_path(BUNDLED / "engine") == NONE


def test_a_fresh_export(built: Path) -> None:
    assert check_path(built) == NONE


@pytest.mark.parametrize("name", ["image", "ground"])
def test_swin(swin_model: PizaGrounder, tmp_path: Path, name: str) -> None:
    """Four levels, shifted windows."""
    [network] = [each for each in networks(swin_model) if each.name == name]
    export_network(network, tmp_path / "net.onnx")
    assert check_model(onnx.load(tmp_path / "net.onnx"), name) == []
