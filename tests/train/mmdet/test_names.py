"""Names and layouts: each tensor finds its place, and means there what it meant before."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close
from transformers.models.swin.modeling_swin import SwinPatchMerging, SwinRelativePositionBias

from sdk.errors import CheckpointError
from train.mmdet.names import (
    belongs_to_piza,
    in_three,
    quarters,
    relative_position_index,
    rules,
    translate,
)

RULES = rules(decoder_layers=2, maps=3, levels=4)


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (1, 3)])
def test_quarters_turn_an_unfolded_merging_into_that_of_transformers(size) -> None:
    """Both on the same features: a 2x2 unfold, norm and linear by their definitions, against
    transformers' module with rearranged weights."""
    generator = torch.Generator().manual_seed(0)
    channels, (height, width) = 3, size
    features = torch.randn(2, channels, height, width, generator=generator)
    gain, shift = torch.randn(2, 4 * channels, generator=generator)
    weight = torch.randn(2 * channels, 4 * channels, generator=generator)
    padded = F.pad(features, (0, width % 2, 0, height % 2))
    unfolded = F.unfold(padded, 2, stride=2).transpose(1, 2)  # columns c * 4 + 2 * dy + dx
    expected = F.layer_norm(unfolded, (4 * channels,), gain, shift) @ weight.T
    merging = SwinPatchMerging(channels)
    merging.load_state_dict(
        {
            "reduction.weight": quarters(weight)[0],
            "norm.weight": quarters(gain)[0],
            "norm.bias": quarters(shift)[0],
        }
    )
    assert_close(merging(features.flatten(2).transpose(1, 2), size), expected)


@pytest.mark.parametrize("window", [1, 3, 7, 12])
def test_the_order_of_the_bias_table_is_that_of_transformers(window: int) -> None:
    theirs = SwinRelativePositionBias(1, (window, window)).relative_position_index
    assert torch.equal(relative_position_index(window).flatten(), theirs)


def test_in_three_splits_packed_attention() -> None:
    packed = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(1, 5, 8)
    expected = F.linear(x, packed.in_proj_weight, packed.in_proj_bias).split(8, dim=-1)
    parts = zip(in_three(packed.in_proj_weight), in_three(packed.in_proj_bias), strict=True)
    for (weight, bias), projected in zip(parts, expected, strict=True):
        assert_close(F.linear(x, weight, bias), projected)


def test_no_value_is_lost(sizes, authors_state) -> None:
    """What becomes of a tensor holds its values, every one once."""
    state = authors_state(sizes())
    for name, tensor in state.items():
        found = translate({name: tensor}, RULES)
        if not found.tensors:
            assert found.dropped == (name,)
            continue
        values = torch.cat([part.flatten() for part in found.tensors.values()])
        assert torch.equal(values.sort().values, tensor.flatten().sort().values), name
        assert set(found.sources.values()) == {name}


def test_what_is_left_out(sizes, authors_state) -> None:
    state = authors_state(sizes())
    bert = "language_model.language_backbone.body.model.embeddings"
    state[f"{bert}.position_ids"] = torch.arange(64)[None]
    dropped = translate(state, RULES).dropped
    kinds = {".".join(part for part in name.split(".") if not part.isdigit()) for name in dropped}
    assert kinds - {k for k in kinds if "transformer_layer" in k} == {
        "dn_query_generator.label_embedding.weight",
        "backbone.stages.blocks.attn.w_msa.relative_position_index",
        f"{bert}.position_ids",
    }
    assert sum("transformer_layer" in name for name in dropped) == 12


def test_the_branch_after_the_last_layer_is_the_encoder_s() -> None:
    state = {f"bbox_head.cls_branches.{i}.bias": torch.tensor([float(i)]) for i in range(3)}
    found = translate(state, RULES).tensors
    assert found["base.model.encoder_output_class_embed.bias"] == 2
    assert found["base.model.decoder.class_embed.1.bias"] == 1
    assert all(tensor.shape == () for tensor in found.values())


@pytest.mark.parametrize(
    "name",
    [
        "",
        "level_embed.weight",
        "xlevel_embed",
        "bbox_head.cls_branches.3.bias",
        "bbox_head.reg_branches.0.1.weight",
        "neck.extra_convs.1.conv.weight",
        "backbone.normal.weight",
        "encoder.layers.0.lora_A.weight",
        "memory_trans_fcXweight",
        "encoder.layers.x.norms.0.weight",
    ],
)
def test_unknown_names(name: str) -> None:
    found = translate({name: torch.ones(3)}, RULES)
    assert found.unknown == (name,)
    assert not found.tensors


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("backbone.stages.0.downsample.norm.weight", (6,)),
        ("backbone.stages.0.downsample.reduction.weight", ()),
        ("decoder.layers.0.self_attn.attn.in_proj_bias", (2,)),
        ("decoder.layers.0.self_attn.attn.in_proj_bias", ()),
        ("bbox_head.cls_branches.0.bias", (2,)),
    ],
)
def test_shapes_that_cannot_be_rearranged(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(CheckpointError, match="unexpected shape"):
        translate({name: torch.ones(shape)}, RULES)


def test_one_tensor_under_two_names() -> None:
    state = {
        f"{p}.box_encoder.lff1.Wr": torch.ones(8, 1)
        for p in ("bbox_encoder", "bbox2eos_zoom_model")
    }
    with pytest.raises(CheckpointError, match=r"twice: bbox_encoder.*bbox2eos"):
        translate(state, RULES)


def test_what_belongs_to_piza(sizes, authors_shapes) -> None:
    names = set(authors_shapes(sizes()))
    ours = {name for name in names if belongs_to_piza(name)}
    assert {name.split(".")[0] for name in ours} == {"encoder", "zoom_embedding", "bbox_encoder"}
    demo = authors_shapes(dataclasses.replace(sizes(), history="bbox2eos_zoom_model"))
    assert sum(map(belongs_to_piza, demo)) == len(ours)
    assert not any("adapter" in name for name in names - ours)
