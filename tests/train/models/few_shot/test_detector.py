"""A few-shot detector: what it says, what it keeps, and what it is taught."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import ResNetConfig, ResNetForImageClassification

from sdk.errors import CheckpointError, InputError
from sdk.regions.heads import Wanted
from train.models.few_shot.checkpoint import (
    CONFIG,
    load_few_shot,
    save_few_shot,
)
from train.models.few_shot.config import SHOT_DECOUPLING, Decoupling, read_config
from train.models.few_shot.detector import over_public_backbone, taught

PIXELS = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def said(model, pixels=PIXELS) -> dict[str, np.ndarray]:
    outputs = model.answer(pixels)
    return {name: each.numpy() for name, each in zip(model.head.outputs, outputs, strict=True)}


def test_the_head_reads_what_it_says(few_shot) -> None:
    model = few_shot()
    outputs = said(model)
    assert outputs["proposals"].shape == (2, 12, 4)
    assert outputs["classes"].shape == (2, 12, 3)
    assert outputs["moves"].shape == (2, 12, 4)
    first = {name: value[:1] for name, value in outputs.items()}
    found = model.head.decode(first, Wanted(0.0, 1000))
    assert set(found.labels.tolist()) <= {0, 1}
    assert len(found.unit)


def test_samples_of_a_batch_do_not_see_each_other(few_shot) -> None:
    model = few_shot()
    alone = said(model, PIXELS[1:])
    for name, value in said(model).items():
        np.testing.assert_allclose(value[1:], alone[name], atol=1e-5)


@pytest.mark.parametrize("cut", [2, 3])
def test_the_anchors_are_those_of_the_features(few_shot, cut) -> None:
    model = few_shot(cut=cut)
    seen = model(PIXELS)
    height, width = seen.features.shape[2:]
    assert (height * model.config.stride, width * model.config.stride) == (64, 96)
    assert seen.objectness.shape == (2, len(model.anchors))
    assert seen.offsets.shape == (2, len(model.anchors), 4)
    # A convolution's channels are a cell's anchors, in the order of the anchors.
    with torch.no_grad():
        model.objectness.weight.zero_()
        model.objectness.bias.copy_(torch.arange(12.0))
    assert model(PIXELS).objectness[0, :24].tolist() == [*range(12), *range(12)]


@pytest.mark.parametrize("factor", [0.0, 0.25])
def test_stages_pull_the_backbone_as_far_as_they_may(few_shot, factor) -> None:
    def pull(decoupling: Decoupling, stage: str) -> torch.Tensor:
        model = few_shot(decoupling=decoupling)
        seen = model(PIXELS)
        if stage == "propose":
            total = seen.objectness.sum() + seen.offsets.square().sum()
        else:
            boxes = torch.tensor([[[0.1, 0.2, 0.6, 0.9]]]).expand(2, -1, -1)
            total = sum(each.square().sum() for each in model.judge(seen.features, boxes))
        total.backward()
        grad = model.backbone.encoder.stages[0].layers[0].layer[0].convolution.weight.grad
        return torch.zeros(1) if grad is None else grad

    for stage in ("propose", "judge"):
        whole = pull(Decoupling(1.0, 1.0), stage)
        assert whole.abs().max() > 0
        torch.testing.assert_close(
            pull(replace(Decoupling(1.0, 1.0), **{stage: factor}), stage),
            factor * whole if factor else torch.zeros(1),
        )


def test_what_is_known_is_copied_and_novel_classes_are_drawn_small(few_shot) -> None:
    base = few_shot(seed=3)
    with torch.no_grad():
        base.classes.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    config = base.config.teaching(("scooter", "debris"), SHOT_DECOUPLING)
    assert config.labels == ("car", "sign", "scooter", "debris")
    assert config.taught == ("scooter", "debris")
    model = taught(base, config, seed=0)
    weight, known = model.classes.weight.detach(), base.classes.weight.detach()
    assert torch.equal(weight[[0, 1, 4]], known)
    assert model.classes.bias.tolist() == [1.0, 2.0, 0.0, 0.0, 3.0]
    assert 0 < weight[2:4].abs().max() < 0.06
    again = taught(base, config, seed=0).classes.weight
    assert torch.equal(again, weight)
    assert model.to_judge.factor == 0.0
    still = {id(each) for each in model.parameters()} - {id(each) for each in model.learned()}
    names = {name for name, each in model.named_parameters() if id(each) in still}
    assert names
    assert all(name.startswith("backbone") for name in names)
    assert not any(name.startswith("backbone.encoder.stages.3") for name in names)  # it judges
    assert len(base.learned()) == len(list(base.parameters()))
    for name, value in base.state_dict().items():
        if not name.startswith("classes."):
            assert torch.equal(model.state_dict()[name], value)


def test_a_folder_keeps_a_detector(few_shot, tmp_path: Path) -> None:
    base = few_shot()
    model = taught(base, base.config.teaching(("scooter",), SHOT_DECOUPLING), 0).eval()
    save_few_shot(tmp_path, model)
    again = load_few_shot(tmp_path)
    assert again.config == model.config == read_config(tmp_path / CONFIG)
    for name, value in said(model).items():
        np.testing.assert_array_equal(said(again)[name], value)
    assert said(load_few_shot(tmp_path, (96, 64)), torch.zeros(1, 3, 96, 64))
    with pytest.raises(InputError, match="multiples of 32"):
        load_few_shot(tmp_path, (100, 64))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": []}, "'labels'"),
        ({"taught": ["bus"]}, "'labels'"),
        ({"model_type": "piza-ssd"}, "'model_type'"),
        ({"cut": 4}, "'cut'"),
        ({"anchors": {"stride": 16, "sides": [], "ratios": [1]}}, "'sides'"),
        ({"labels": ["car"]}, "do not fit"),
        ({"backbone": {"embedding_size": 4}}, "backbone"),
        ({"decoupling": {"propose": 2.0, "judge": 0.5}}, "propose"),
    ],
)
def test_folders_that_make_no_sense(few_shot, tmp_path: Path, changes, message) -> None:
    save_few_shot(tmp_path, few_shot())
    stored = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(stored | changes))
    with pytest.raises(CheckpointError, match=message) as raised:
        load_few_shot(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_backbone_of_the_hub(few_shot, tmp_path: Path) -> None:
    """A classifier's ResNet, with the statistics that its processor has."""
    config = few_shot().config
    classifier = ResNetForImageClassification(ResNetConfig(**config.backbone))
    classifier.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]})
    )
    model = over_public_backbone(config, str(tmp_path))
    assert model.config.mean == model.config.std == (127.5, 127.5, 127.5)
    assert model.config.backbone == config.backbone
    for name, value in classifier.resnet.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(InputError, match="resnet"):
        over_public_backbone(config, str(tmp_path))
    with pytest.raises(CheckpointError, match="folder in transformers' format"):
        over_public_backbone(config, str(tmp_path / "nothing"))
