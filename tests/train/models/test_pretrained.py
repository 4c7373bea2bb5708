"""Weights in transformers' own format load into our model, whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from transformers import MMGroundingDinoForObjectDetection

from sdk.errors import EngineError
from train.models.config import PizaConfig, piza_tiny, swin_t
from train.models.grounder import PizaGrounder
from train.models.pretrained import from_pretrained


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
    with pytest.raises(EngineError, match="cannot load the base model"):
        from_pretrained(tmp_path / "nothing", piza_tiny(40))


def test_swin_t_has_the_published_size() -> None:
    """mmdetection's 172,977,693, without the 65,536 of its denoising queries, which only its way
    of training needs, and with a final norm of Swin that transformers has and nothing uses."""
    with torch.device("meta"):
        model = PizaGrounder(swin_t())
    assert sum(p.numel() for p in model.base.parameters()) == 172_977_693 - 65_536 + 1536
