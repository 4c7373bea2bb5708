"""Architectures read from shapes."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from sdk.errors import CheckpointError, InputError
from train.mmdet.architecture import read_config
from train.models.grounding_dino.config import swin_t


@pytest.fixture
def state(sizes, authors_state):
    return authors_state(sizes())


def on_meta(shapes):
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def test_the_published_size(swin_t_size, authors_shapes) -> None:
    """All that transformers would build differently from the preset is a dropout of training."""
    config = read_config(on_meta(authors_shapes(swin_t_size)), "x", {})
    ours, preset = (c.grounding_dino().to_dict() for c in (config, swin_t()))
    assert {name for name in preset if ours[name] != preset[name]} <= {"dropout"}
    assert (config.bottleneck, config.zoom_dim, config.max_steps) == (256, 256, 5)
    assert (config.input_hw, config.max_tokens) == (swin_t().input_hw, 256)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"swin": 16, "depths": (2, 1, 3, 1), "heads": (2, 4, 8, 16), "window": 7},
        {"width": 64, "layers": 3, "decoder_layers": 4, "ffn": 64, "queries": 9},
        {"words": 40, "bert": 128, "bert_layers": 2, "bert_ffn": 8, "positions": 12},
        {"bottleneck": 512, "zoom": 8, "history": "bbox2eos_zoom_model", "told": False},
    ],
)
def test_sizes(sizes, authors_shapes, changes) -> None:
    size = sizes(**changes)
    config = read_config(on_meta(authors_shapes(size)), "name", {})
    swin, bert = config.base["backbone_config"], config.base["text_config"]
    assert (swin["embed_dim"], tuple(swin["depths"])) == (size.swin, size.depths)
    assert (tuple(swin["num_heads"]), swin["window_size"]) == (size.heads, size.window)
    assert swin["out_indices"] == [2, 3, 4]
    assert config.base["d_model"] == size.width
    assert config.base["encoder_layers"] == size.layers
    assert config.base["decoder_layers"] == size.decoder_layers
    assert config.base["encoder_ffn_dim"] == config.base["decoder_ffn_dim"] == size.ffn
    assert config.base["num_queries"] == size.queries
    assert config.base["encoder_n_points"] == config.base["decoder_n_points"] == 4
    assert (bert["vocab_size"], bert["hidden_size"]) == (size.words, size.bert)
    assert (bert["num_hidden_layers"], bert["intermediate_size"]) == (
        size.bert_layers,
        size.bert_ffn,
    )
    assert bert["num_attention_heads"] == size.bert // 64
    assert bert["max_position_embeddings"] == size.positions
    assert (config.bottleneck, config.zoom_dim) == (size.bottleneck, size.zoom)
    assert (config.name, config.method) == ("name", "piza-adapter+")


def test_the_base_alone(sizes, two_files) -> None:
    assert read_config(two_files(sizes())[0], "x", {}).method == "zero-shot"


@pytest.mark.parametrize(
    "name",
    [
        "level_embed",
        "query_embedding.weight",
        "backbone.patch_embed.projection.weight",
        "backbone.stages.0.blocks.0.ffn.layers.0.0.weight",
        "backbone.stages.2.blocks.0.attn.w_msa.relative_position_bias_table",
        "encoder.layers.0.adapter1.linear_down.weight",
        "zoom_embedding.temb.dense.0.weight",
    ],
)
def test_a_tensor_that_is_needed(state, name: str) -> None:
    del state[name]
    with pytest.raises(CheckpointError, match=f"found no {name}"):
        read_config(state, "x", {})


@pytest.mark.parametrize("shape", [(), (0, 32), (4,)])
def test_shapes_that_say_nothing(state, shape) -> None:
    state["level_embed"] = torch.ones(shape)
    with pytest.raises(CheckpointError, match="level_embed has an unexpected shape"):
        read_config(state, "x", {})


@pytest.mark.parametrize("change", [lambda i: i.flip(1), lambda i: i[:-1], lambda i: i + 1])
def test_another_order_of_places_in_a_window(state, change) -> None:
    name = "backbone.stages.0.blocks.0.attn.w_msa.relative_position_index"
    state[name] = change(state[name])
    with pytest.raises(CheckpointError, match="not Swin's"):
        read_config(state, "x", {})
    del state[name]  # it may be missing: it follows from the window
    read_config(state, "x", {})


def test_overrides(state) -> None:
    changes = {
        "input_hw": [64, 96],
        "calibration": {"threshold": 1},
        "base": {"text_config": {"num_attention_heads": 4, "hidden_act": "relu"}},
    }
    config = read_config(state, "x", changes)
    plain = read_config(state, "x", {})
    assert (config.input_hw, config.threshold) == ((64, 96), 1)
    assert config.base["text_config"] == plain.base["text_config"] | {
        "num_attention_heads": 4,
        "hidden_act": "relu",
    }
    same = {"base": plain.base, "input_hw": plain.input_hw, "calibration": plain.calibration}
    assert dataclasses.replace(config, **same) == plain


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "has no"),
        ({"base": 3}, "'base'"),
        ({"input_hw": 64}, "'input_hw'"),
        ({"input_hw": [64, "96"]}, "'input_hw'"),
        ({"input_hw": [64, 96, 3]}, "'input_hw'"),
        ({"max_tokens": True}, "'max_tokens'"),
        ({"max_tokens": None}, "'max_tokens'"),
        ({"base": {"text_config": []}}, "'text_config'"),
        ({"base": {"decoder_layers": "2"}}, "'decoder_layers'"),
    ],
)
def test_overrides_that_fit_nothing(state, changes, message) -> None:
    with pytest.raises(InputError, match=message):
        read_config(state, "x", changes)
