"""LoRA: what peft adapts, that it computes its formula, with the zoom and without."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from transformers import MMGroundingDinoForObjectDetection

from train.checkpoint import load_checkpoint, save_checkpoint
from train.models.grounding_dino.config import swin_t
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.pretrained import from_pretrained
from train.models.piza.lora import HEARING, ZoomLoRA, effective, plain_name
from train.models.piza.methods import is_added


def adapted(model: PizaGrounder) -> dict[str, nn.Module]:
    """The projections that have LoRA, by their plain names."""
    return {
        plain_name(f"{name}.").removesuffix(".").removesuffix(".lora"): module
        for name, module in model.base.named_modules()
        if hasattr(module, "lora_A")
    }


def test_which_projections_are_adapted() -> None:
    with torch.device("meta"):
        model = PizaGrounder(dataclasses.replace(swin_t(), method="piza-lora"))
    names = adapted(model)
    ends = {"query", "key", "value", "out_proj"}
    enhancer = [n for n in names if ".text_enhancer_layer.self_attn." in n]
    decoder = [n for n in names if n.startswith("model.decoder.layers.")]
    fusion = [n for n in names if ".fusion_layer.attn." in n]
    assert (len(enhancer), len(decoder), len(fusion)) == (6 * 4, 6 * 8, 6 * 6)
    assert len(names) == 24 + 48 + 36  # none in the backbones, none of deformable attention
    assert {n.rsplit(".", 1)[1] for n in enhancer + decoder} == ends
    hearing = [n for n, m in model.base.named_modules() if isinstance(m, ZoomLoRA)]
    assert len(hearing) == 18
    assert {n.rsplit(".", 1)[1] for n in hearing} == set(HEARING)


def test_the_base_keeps_asking_for_gradients(make_config) -> None:
    """peft freezes what it adapts; what is trained is the method's and the trainer's to say."""
    model = PizaGrounder(make_config(method="lora"))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_projection_is_its_formula(make_config, make_model) -> None:
    model = make_model(make_config(method="piza-lora"))
    attention = model.base.model.encoder.layers[0].fusion_layer.attn
    zoom = torch.randn(2, 1, 16)
    for name in HEARING:
        told = getattr(attention, name)
        base, lora = told.lora.base_layer, told.lora
        a, b = lora.lora_A["default"].weight, lora.lora_B["default"].weight
        assert (len(a), b.shape[1], told.lora_C.weight.shape) == (16, 16, (16, 16))
        x = torch.randn(2, 7, base.in_features)
        expected = x @ base.weight.T + base.bias + x @ a.T @ b.T
        assert_close(told.lora(x), expected, atol=1e-4, rtol=1e-4)
        weight, bias = effective(told, None)
        assert_close(x @ weight.T + bias, expected, atol=1e-4, rtol=1e-4)
        expected = expected + zoom @ told.lora_C.weight.T @ b.T
        weight, bias = effective(told, zoom)
        assert bias.shape == (2, 1, base.out_features)
        assert_close(x @ weight.T + bias, expected, atol=1e-4, rtol=1e-4)
    for plain in (attention.text_proj, base):  # with LoRA that hears nothing, and without LoRA
        x = torch.randn(2, 7, plain.in_features)
        weight, bias = effective(plain, zoom)
        assert_close(x @ weight.T + bias, plain(x), atol=1e-5, rtol=1e-5)


def test_query_key_and_value_are_one_packed_projection(make_config, make_model) -> None:
    """One A and three blocks of B: the same as LoRA of ``nn.MultiheadAttention``'s ``in_proj``."""
    model = make_model(make_config(method="lora"))
    attention = model.base.model.decoder.layers[1].self_attn
    parts = [attention.query, attention.key, attention.value]
    weight = torch.cat([part.base_layer.weight for part in parts])
    bias = torch.cat([part.base_layer.bias for part in parts])
    b = torch.cat([part.lora_B["default"].weight for part in parts])
    packed = weight + b @ parts[0].lora_A["default"].weight
    x = torch.randn(2, 5, 32)
    expected = nn.functional.linear(x, packed, bias)
    assert_close(torch.cat([part(x) for part in parts], -1), expected, atol=1e-4, rtol=1e-4)


def test_what_is_shared_stays_shared(
    make_config, make_model, tokenizer_file: Path, tmp_path: Path
) -> None:
    model = make_model(make_config(method="lora"))
    save_checkpoint(tmp_path, model, tokenizer_file)
    for other in (model, copy.deepcopy(model), load_checkpoint(tmp_path)[0]):
        attention = other.base.model.encoder.layers[0].text_enhancer_layer.self_attn
        query, key, value = (
            getattr(attention, name).lora_A["default"].weight for name in ("query", "key", "value")
        )
        assert query is key
        assert query is value


@pytest.mark.parametrize("method", ["lora", "piza-lora"])
def test_weights_of_the_hub_arrive(make_config, tmp_path: Path, method: str) -> None:
    """Their names know nothing of LoRA."""
    config = make_config(method=method)
    MMGroundingDinoForObjectDetection(config.grounding_dino()).save_pretrained(tmp_path)
    plain = MMGroundingDinoForObjectDetection.from_pretrained(tmp_path).state_dict()
    model = from_pretrained(tmp_path, config)
    assert model.config.method == method
    found = {plain_name(n): t for n, t in model.base.state_dict().items() if not is_added(n)}
    assert plain.keys() <= found.keys()
    assert all(torch.equal(plain[name], found[name]) for name in plain)
    attention = model.base.model.decoder.layers[0].self_attn
    assert not attention.query.lora_B["default"].weight.any()


def test_plain_names_are_those_of_a_model_without_lora(make_config) -> None:
    plain = {n for n, _ in PizaGrounder(make_config(method="zero-shot")).named_parameters()}
    model = PizaGrounder(make_config(method="piza-lora"))
    assert {
        plain_name(n) for n, _ in model.named_parameters() if not is_added(n)
    } == plain  # swin's ``patch_embeddings.projection`` and the like stay as they are
    assert all(plain_name(name) == name for name in plain)
