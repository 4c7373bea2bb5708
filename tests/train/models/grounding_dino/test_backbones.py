"""Our own image backbone under transformers' model: built, kept, trained in part."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sdk.errors import InputError
from train.checkpoint import load_checkpoint, save_checkpoint
from train.models.grounding_dino.config import PizaConfig, with_lite0
from train.models.grounding_dino.grounder import PizaGrounder
from train.trainer.grounding_task import all_but_history

# Everything that Lite0 has, in four resolutions instead of five: strides 2 to 16.
STAGES = [[1, 8, 1, 3, 1], [6, 8, 2, 5, 2], [6, 16, 1, 3, 2], [6, 24, 1, 5, 1], [6, 32, 1, 3, 2]]
SMALL = {"model_type": "piza-efficientnet", "stem": 8, "stages": STAGES, "out_indices": [2, 3]}


@pytest.fixture(scope="module")
def small(make_config) -> PizaConfig:
    return make_config({"backbone_config": SMALL})


def backbone(model: PizaGrounder):
    return model.base.model.backbone.conv_encoder.model


def test_lite0_is_what_it_says(config) -> None:
    made = with_lite0(config)
    with torch.device("meta"):
        model = PizaGrounder(made)
    assert backbone(model).channels == [112, 320]
    assert [p[0].weight.shape[1] for p in model.base.model.input_proj_vision] == [112, 320]
    assert (made.mean, made.std) == ((127.0,) * 3, (128.0,) * 3)
    assert made.base["text_config"] == config.base["text_config"]
    assert config.base["backbone_config"]["model_type"] == "resnet"


@torch.inference_mode()
def test_a_checkpoint_says_all_of_it(small, make_model, tokenizer_file, tmp_path: Path) -> None:
    model = make_model(small)
    save_checkpoint(tmp_path, model, tokenizer_file)
    again, _ = load_checkpoint(tmp_path)
    assert again.config == small
    pixels = torch.randn(2, 3, *small.input_hw)
    found, expected = again.encode_image(pixels), model.half().float().encode_image(pixels)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert found.shape[1] == sum(h * w for h, w in model.constants(pixels.device).shapes) == 120


def test_first_stages_stay_as_they_are(small, make_model, make_batch) -> None:
    model = make_model(small).train()
    body = backbone(model).body
    first = {id(p) for module in (body.conv_stem, *body.blocks[:2]) for p in module.parameters()}
    kept = backbone(model).first(2)
    trained = {id(p) for p in all_but_history(model, kept)}
    everything = {id(p) for p in all_but_history(model)}
    assert everything - trained == first
    assert not backbone(model).first(0)
    assert {id(p) for m in backbone(model).first(4) for p in m.parameters()} == {
        id(p) for p in body.parameters()
    }
    with pytest.raises(InputError, match="at most 4 stages of the backbone, got 5"):
        backbone(model).first(5)
