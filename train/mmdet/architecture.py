"""What the shapes of mmdetection's tensors say about the model, and what they leave open."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sdk.errors import EngineError, InputError
from train.mmdet.names import BERT, relative_position_index
from train.models.config import PizaConfig, swin_t

# No shape shows these: they are the published configuration's.
HEADS = 8  # of the deformable attention and the decoder; text and fusion have half as many
BERT_HEAD_DIM = 64
MAX_STEPS = 5

State = Mapping[str, Tensor]


def read_config(state: State, name: str, overrides: Mapping[str, Any]) -> PizaConfig:
    """Configuration of the model that ``state`` (mmdetection's names) holds the weights of.

    overrides: part of a checkpoint's ``config.json``, for what shapes do not show or what shall be
    different. Raises EngineError when a tensor is missing that the architecture is read from,
    InputError when ``overrides`` names what no configuration has.
    """
    adapter = "encoder.layers.0.adapter1.linear_down.weight"
    if adapter not in state:
        raise EngineError(f"found no adapters (such as {adapter}): is the PIZA file named too?")
    config = dataclasses.replace(
        swin_t(),
        name=name,
        base=_base(state),
        bottleneck=_size(state, adapter, 0),
        zoom_dim=_size(state, "zoom_embedding.temb.dense.0.weight", 0),
        max_steps=MAX_STEPS,
    )
    return _changed(config, overrides)


def count(state: State, template: str) -> int:
    """How many of ``template`` there are, its ``#`` being 0, 1, 2, ..."""
    index = 0
    while template.replace("#", str(index)) in state:
        index += 1
    return index


def _base(state: State) -> dict[str, Any]:
    levels, points = _size(state, "level_embed", 0), "self_attn.sampling_offsets.bias"
    return {
        "backbone_config": _swin(state),
        "text_config": _bert(state),
        "d_model": _size(state, "level_embed", 1),
        "num_feature_levels": levels,
        "num_queries": _size(state, "query_embedding.weight", 0),
        "encoder_layers": count(state, f"encoder.layers.#.{points}"),
        "encoder_ffn_dim": _size(state, "encoder.layers.0.ffn.layers.0.0.weight", 0),
        "encoder_attention_heads": HEADS,
        "encoder_n_points": _size(state, f"encoder.layers.0.{points}", 0) // (2 * HEADS * levels),
        "decoder_layers": count(state, "decoder.layers.#.cross_attn.sampling_offsets.bias"),
        "decoder_ffn_dim": _size(state, "decoder.layers.0.ffn.layers.0.0.weight", 0),
        "decoder_attention_heads": HEADS,
        "decoder_n_points": _size(state, "decoder.layers.0.cross_attn.sampling_offsets.bias", 0)
        // (2 * HEADS * levels),
        "embedding_init_target": True,
        # mmdetection gives each decoder layer heads of its own.
        "decoder_bbox_embed_share": False,
        "decoder_cls_embed_share": False,
        "dropout": 0.0,
    }


def _swin(state: State) -> dict[str, Any]:
    blocks = "backbone.stages.{}.blocks.{}.attn.w_msa"
    stages = count(state, blocks.format("#", 0) + ".qkv.weight")
    tables = [f"{blocks.format(i, 0)}.relative_position_bias_table" for i in range(stages)]
    if not tables:
        raise _absent(f"{blocks.format(0, 0)}.qkv.weight")
    width = _size(state, "backbone.patch_embed.projection.weight", 0)
    window = (math.isqrt(_size(state, tables[0], 0)) + 1) // 2
    _check_index(state, f"{blocks.format(0, 0)}.relative_position_index", window)
    return {
        "model_type": "swin",
        "embed_dim": width,
        "patch_size": _size(state, "backbone.patch_embed.projection.weight", 2),
        "depths": [count(state, blocks.format(i, "#") + ".qkv.weight") for i in range(stages)],
        "num_heads": [_size(state, table, 1) for table in tables],
        "window_size": window,
        "mlp_ratio": _size(state, "backbone.stages.0.blocks.0.ffn.layers.0.0.weight", 0) / width,
        "out_indices": [i + 1 for i in range(stages) if f"backbone.norm{i}.weight" in state],
    }


def _bert(state: State) -> dict[str, Any]:
    embeddings, layer = f"{BERT}.embeddings", f"{BERT}.encoder.layer"
    width = _size(state, f"{embeddings}.word_embeddings.weight", 1)
    return {
        "model_type": "bert",
        "vocab_size": _size(state, f"{embeddings}.word_embeddings.weight", 0),
        "hidden_size": width,
        "num_hidden_layers": count(state, f"{layer}.#.attention.self.query.weight"),
        "num_attention_heads": max(width // BERT_HEAD_DIM, 1),
        "intermediate_size": _size(state, f"{layer}.0.intermediate.dense.weight", 0),
        "max_position_embeddings": _size(state, f"{embeddings}.position_embeddings.weight", 0),
        "type_vocab_size": _size(state, f"{embeddings}.token_type_embeddings.weight", 0),
    }


def _check_index(state: State, name: str, window: int) -> None:
    """The bias table is of use only in the order that transformers reads it in."""
    found = state.get(name)
    if found is None or found.is_meta:
        return
    expected = relative_position_index(window)
    if found.shape != expected.shape or not torch.equal(found.to(expected.dtype), expected):
        raise EngineError(f"{name} has an order of places that is not Swin's")


def _size(state: State, name: str, axis: int) -> int:
    if name not in state:
        raise _absent(name)
    shape = state[name].shape
    if len(shape) <= axis or shape[axis] == 0:
        raise EngineError(f"{name} has an unexpected shape {tuple(shape)}")
    return shape[axis]


def _absent(name: str) -> EngineError:
    return EngineError(f"found no {name}: expected a Swin Grounding DINO by mmdetection's names")


def _changed(config: PizaConfig, overrides: Mapping[str, Any]) -> PizaConfig:
    known = {field.name for field in dataclasses.fields(config)}
    strange = sorted(set(overrides) - known)
    if strange:
        raise InputError(f"a configuration has no {strange}; it has {sorted(known)}")
    base = overrides.get("base", {})
    if not isinstance(base, Mapping):
        raise InputError(f"expected 'base' to be an object, got {base!r}")
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in overrides.items()
    }
    return dataclasses.replace(config, **values | {"base": _merged(config.base, base)})


def _merged(known: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` over ``known``, objects within objects merged alike."""
    merged = dict(known)
    for name, value in changes.items():
        inner = known.get(name)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(inner, value) if both else value
    return merged
