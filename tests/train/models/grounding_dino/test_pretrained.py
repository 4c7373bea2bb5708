"""Weights in transformers' own format load into our model, whole."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MMGroundingDinoForObjectDetection

from sdk.errors import CheckpointError
from train.models.grounding_dino.config import PizaConfig, piza_tiny, swin_t
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.pretrained import from_pretrained


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(3)
    MMGroundingDinoForObjectDetection(piza_tiny(40).grounding_dino()).save_pretrained(folder)
    return folder


def test_every_weight_arrives(base_folder: Path) -> None:
    plain = MMGroundingDinoForObjectDetection.from_pretrained(base_folder).state_dict()
    loaded = from_pretrained(base_folder, piza_tiny(40)).base.state_dict()
    assert set(plain) <= set(loaded)
    assert all(torch.equal(plain[name], loaded[name]) for name in plain)


def test_the_architecture_is_that_of_the_weights(base_folder: Path) -> None:
    other = dataclasses.replace(piza_tiny(40), base={"decoder_layers": 1})
    model = from_pretrained(base_folder, other)
    assert len(model.base.model.decoder.layers) == 2
    assert model.config.input_hw == other.input_hw


def test_its_configuration_survives_a_checkpoint(base_folder: Path, tmp_path: Path) -> None:
    config = from_pretrained(base_folder, piza_tiny(40)).config
    config.save(tmp_path / "config.json")
    again = PizaGrounder(PizaConfig.load(tmp_path / "config.json"))
    assert len(again.base.model.encoder.layers) == len(again.adapters)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot load the base model"):
        from_pretrained(tmp_path / "nothing", piza_tiny(40))


@pytest.fixture
def changed(base_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """``changed(change)``: the base with ``change`` made to its dict of tensors."""

    def make(change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(base_folder, folder)
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        return folder

    return make


def test_a_missing_tensor_is_not_drawn_at_random(changed, capfd) -> None:
    def thin_out(weights: dict[str, torch.Tensor]) -> None:
        for name in [name for name in weights if "text_enhancer_layer.fc" in name]:
            del weights[name]

    with pytest.raises(
        CheckpointError, match=r"12 tensors missing: .*fc1.bias.* and 7 more"
    ) as raised:
        from_pretrained(changed(thin_out), piza_tiny(40))
    assert "\n" not in str(raised.value)
    found = capfd.readouterr()
    assert found.out + found.err == ""  # transformers' own report is hundreds of lines


def test_tensors_without_a_place_or_of_another_shape(changed) -> None:
    name = "model.decoder.layer_norm.weight"

    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["model.encoder.layers.9.fc1.weight"] = torch.zeros(2)
        weights[name] = torch.zeros(3)

    message = rf"1 tensors without a place: .*layers\.9.*; 1 tensors of another shape: {name}"
    with pytest.raises(CheckpointError, match=message):
        from_pretrained(changed(spoil), piza_tiny(40))


def test_what_nobody_learns_may_be_there_or_not(changed) -> None:
    def add(weights: dict[str, torch.Tensor]) -> None:
        weights["model.text_backbone.embeddings.position_ids"] = torch.arange(64)[None]

    from_pretrained(changed(add), piza_tiny(40))


@pytest.mark.parametrize("found", ["detr", None, 3])
def test_other_types_of_models(changed, found: object) -> None:
    folder = changed(lambda weights: None)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": found}))
    with pytest.raises(
        CheckpointError, match=r"of the model type mm-grounding-dino or .*, found"
    ) as e:
        from_pretrained(folder, piza_tiny(40))
    assert repr(found) in str(e.value)


def test_files_that_are_damaged(changed) -> None:
    folder = changed(lambda weights: None)
    (folder / "model.safetensors").write_bytes(b"junk" * 100)
    with pytest.raises(CheckpointError, match="cannot load the base model") as raised:
        from_pretrained(folder, piza_tiny(40))
    assert "\n" not in str(raised.value)
    (folder / "config.json").write_text("[]")
    with pytest.raises(CheckpointError, match=r"config.json with a model_type"):
        from_pretrained(folder, piza_tiny(40))


def test_swin_t_has_the_published_size() -> None:
    """mmdetection's 172,977,693, without the 65,536 of its denoising queries, which only its way
    of training needs, and with a final norm of Swin that transformers has and nothing uses."""
    with torch.device("meta"):
        model = PizaGrounder(swin_t())
    assert sum(p.numel() for p in model.base.parameters()) == 172_977_693 - 65_536 + 1536
