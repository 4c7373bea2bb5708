"""Our forward pass against transformers' own, on the same weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from train.models.grounding_dino import grounder
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.deformable import Sampler, gather_sampler, grid_sampler
from train.models.grounding_dino.grounder import PizaGrounder, Prediction

SWIN = {
    "model_type": "swin",
    "embed_dim": 8,
    "depths": [1, 2, 1, 1],
    "num_heads": [1, 2, 2, 4],
    "window_size": 4,
    "out_indices": [2, 3, 4],
}
# transformers' mask code knows these ids of bert-base only
CLS, SEP, PERIOD, QUESTION = 101, 102, 1012, 1029
PROMPTS = {
    "one phrase": [CLS, 7, 8, 9, PERIOD, SEP],
    "three phrases": [CLS, 7, 8, PERIOD, 200, QUESTION, 300, 1099, 9, PERIOD, SEP],
}


def prompt(name: str, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, segments and positions (length,), by the rule of ``sdk.text``."""
    ids, segments, positions = [], [], []
    segment, position = 1, 0
    for token in PROMPTS[name]:
        ids.append(token)
        segments.append(segment)
        positions.append(position)
        position += 1
        if token in (CLS, SEP, PERIOD, QUESTION):
            segment, position = segment + 1, 0
    rest = [0] * (length - len(ids))
    columns = (ids + rest, segments + rest, positions + rest)
    return tuple(torch.tensor(column) for column in columns)


def neutral(model: PizaGrounder) -> PizaGrounder:
    """The model with adapters that add nothing, as transformers has none."""
    for name, parameter in model.named_parameters():
        if "linear_up" in name or "emb_proj" in name:
            parameter.data.zero_()
    return model


@torch.inference_mode()
def ours(
    model: PizaGrounder,
    pixels: Tensor,
    text: tuple[Tensor, ...],
    sampler: Sampler = grid_sampler,
) -> Prediction:
    ids, segments, positions = text
    return model.ground(
        model.encode_image(pixels),
        model.encode_text(ids, segments, positions),
        segments,
        positions,
        torch.tensor([0.0, 0.6]),
        tuple(pixels.shape[-2:]),
        sampler,
    )


@torch.inference_mode()
def theirs(model: PizaGrounder, pixels: Tensor, text: tuple[Tensor, ...]) -> Prediction:
    """The same from transformers' forward, all decoder layers."""
    ids, base = text[0], model.base
    mask = (text[1] > 0).long()
    out = base(pixel_values=pixels, input_ids=ids, attention_mask=mask)
    references = torch.cat(
        [out.init_reference_points[:, None], out.intermediate_reference_points], dim=1
    )
    logits, boxes = [], []
    for layer, (class_head, box_head) in enumerate(
        zip(base.class_embed, base.bbox_embed, strict=True)
    ):
        hidden = out.intermediate_hidden_states[:, layer]
        logits.append(class_head(hidden, out.encoder_last_hidden_state_text, mask.bool()))
        reference = torch.special.logit(references[:, layer], eps=1e-5)
        boxes.append((box_head(hidden) + reference).sigmoid())
    assert_close(logits[-1], out.logits)
    assert_close(boxes[-1], out.pred_boxes)
    count = ids.shape[1]  # transformers pads the logits to max_text_len
    return Prediction(
        out.enc_outputs_class[..., :count],
        out.enc_outputs_coord_logits.sigmoid(),
        torch.stack(logits)[..., :count],
        torch.stack(boxes),
    )


def assert_same(a: Prediction, b: Prediction, tokens: Tensor, layers: slice) -> None:
    """Equal but for the logits of padding, which are -1e4 here and minus infinity there."""
    mine, other = a.location_logits, b.location_logits
    assert_close(mine.masked_fill(~tokens[:, None], 0), other.masked_fill(~tokens[:, None], 0))
    assert (mine.masked_select(~tokens[:, None]) < -9e3).all()
    assert_close(a.location_boxes, b.location_boxes)
    mine, other = a.query_logits[layers], b.query_logits[layers]
    mask = ~tokens[None, :, None]
    kwargs = {"atol": 3e-5, "rtol": 1e-5}
    assert_close(mine.masked_fill(mask, 0), other.masked_fill(mask, 0), **kwargs)
    assert_close(a.query_boxes[layers], b.query_boxes[layers], **kwargs)


@pytest.fixture(scope="module")
def models(
    make_config: Callable[..., PizaConfig], make_model: Callable[..., PizaGrounder]
) -> Callable[[str, int], PizaGrounder]:
    made: dict[tuple[str, int], PizaGrounder] = {}

    def get(backbone: str, levels: int) -> PizaGrounder:
        base: dict[str, Any] = {
            "encoder_layers": 2,
            "decoder_layers": 3,
            "num_feature_levels": levels,
            "num_queries": 6,
            "embedding_init_target": True,
        }
        if backbone == "swin":
            base["backbone_config"] = SWIN
        if (backbone, levels) not in made:
            config = make_config(base, vocab_size=1100, place_features=False, refine_eps=1e-5)
            made[backbone, levels] = neutral(make_model(config, seed=levels))
        return made[backbone, levels]

    return get


@pytest.mark.parametrize("size", [(64, 96), (50, 71), (33, 850)])
@pytest.mark.parametrize(
    ("backbone", "levels"), [("resnet", 2), ("resnet", 4), ("swin", 3), ("swin", 4)]
)
def test_forward_equals_that_of_transformers(models, backbone, levels, size) -> None:
    """Whole networks, prompts of one and of three phrases in one batch, odd sizes.

    (33, 850) is wide enough for proposals too close to the border to be valid. transformers
    refines the reference boxes with eps 1e-5; mmdetection, which trained the weights, with 1e-3,
    which is tested below.
    """
    model = models(backbone, levels)
    pixels = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    rows = [prompt(name, 11) for name in PROMPTS]
    text = tuple(torch.stack(column) for column in zip(*rows, strict=True))
    assert_same(ours(model, pixels, text), theirs(model, pixels, text), text[1] > 0, slice(None))


def test_queries_that_start_at_their_locations(make_config, make_model) -> None:
    """``embedding_init_target=False``, which transformers knows but cannot run as it is: its
    forward pass asks for two attributes that its constructor did not set."""
    base = {"decoder_layers": 2, "embedding_init_target": False}
    config = make_config(base, vocab_size=1100, place_features=False, refine_eps=1e-5)
    model = neutral(make_model(config))
    assert not hasattr(model.base.model, "query_position_embeddings")
    model.base.model.query_position_embeddings = SimpleNamespace(weight=None)
    model.base.model.d_model = model.config.base["d_model"]
    text = tuple(row[None].expand(2, -1) for row in prompt("three phrases", 11))
    pixels = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    a, b = ours(model, pixels, text), theirs(model, pixels, text)
    assert_same(a, b, text[1] > 0, slice(None))


def test_some_proposals_of_a_wide_image_are_invalid(models) -> None:
    valid = models("resnet", 2).constants(torch.device("cpu"), (33, 850)).valid
    assert 0 < valid.mean() < 1


def test_refinement_keeps_the_epsilon_of_mmdetection(make_config, models, monkeypatch) -> None:
    """1e-3 between the layers and 1e-5 in the heads; the first layer needs the latter alone."""
    model = models("resnet", 2)
    assert (make_config().refine_eps, grounder.HEAD_EPS) == (1e-3, 1e-5)
    monkeypatch.setattr(model, "config", dataclasses.replace(model.config, refine_eps=1e-3))
    text = tuple(row[None].expand(2, -1) for row in prompt("one phrase", 6))
    pixels = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    a, b = ours(model, pixels, text), theirs(model, pixels, text)
    assert_same(a, b, text[1] > 0, slice(0, 1))


@pytest.mark.parametrize("sampler", [grid_sampler, gather_sampler])
def test_batches_hold_independent_samples(models, sampler) -> None:
    """A sample's result does not depend on its neighbours, nor on the padding of its prompt."""
    model = models("resnet", 4)
    pixels = torch.randn(2, 3, 50, 71, generator=torch.Generator().manual_seed(1))
    rows = [prompt(name, 11) for name in PROMPTS]
    together = ours(model, pixels, tuple(torch.stack(c) for c in zip(*rows, strict=True)), sampler)
    for index, name in enumerate(PROMPTS):
        count = len(PROMPTS[name])
        text = tuple(row[None].expand(2, -1) for row in prompt(name, count))
        alone = ours(model, pixels[index : index + 1].expand(2, -1, -1, -1), text, sampler)
        assert_close(alone.location_logits[0], together.location_logits[index, :, :count])
        assert_close(alone.query_boxes[:, 0], together.query_boxes[:, index])


def test_int32_ids_give_the_same(models) -> None:
    """Training has int64 ids, the networks of an engine int32."""
    model = models("resnet", 2)
    text = tuple(row[None].expand(2, -1) for row in prompt("three phrases", 12))
    pixels = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    a, b = ours(model, pixels, text), ours(model, pixels, tuple(row.int() for row in text))
    assert torch.equal(a.query_logits, b.query_logits)
    assert torch.equal(a.query_boxes, b.query_boxes)


def test_training_after_inference(make_model) -> None:
    """What a search in inference mode has left behind is of use to a backward pass."""
    model = make_model()
    text = tuple(row[None].expand(2, -1) for row in prompt("one phrase", 6))
    text = (text[0] % 50, *text[1:])
    for mode in (torch.inference_mode, torch.enable_grad):
        with mode():
            image = model.encode_image(torch.zeros(2, 3, *model.config.input_hw))
            progress = torch.tensor([0.0, 0.5])
            out = model.ground(image, model.encode_text(*text), *text[1:], progress)
    out.query_logits.mean().backward()
    assert model.base.model.level_embed.grad.abs().max() > 0


def test_constants_are_kept_for_the_size_of_the_config_alone(make_model) -> None:
    """Other sizes come and go; what they need would fill the memory."""
    model, cpu = make_model(), torch.device("cpu")
    assert model.constants(cpu) is model.constants(cpu)
    assert model.constants(cpu, (32, 32)) is not model.constants(cpu, (32, 32))
    assert torch.equal(model.constants(cpu, (64, 96)).position, model.constants(cpu).position)
