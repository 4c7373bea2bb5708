"""What the shapes of mmdetection's tensors say about the model, and what they leave open."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sdk.errors import CheckpointError, InputError
from train.mmdet.names import BERT, belongs_to_piza, relative_position_index
from train.models.grounding_dino.config import PizaConfig, swin_t

# No shape shows these: they are the published configuration's.
HEADS = 8  # of the deformable attention and the decoder; text and fusion have half as many
BERT_HEAD_DIM = 64

State = Mapping[str, Tensor]


def read_config(state: State, name: str, overrides: Mapping[str, Any]) -> PizaConfig:
    """Configuration of the model that ``state`` (mmdetection's names) holds the weights of.

    Its method is ``piza-adapter+``, or ``zero-shot`` where there is nothing but the base.
    overrides: part of a checkpoint's ``config.json``, for what shapes do not show or what shall be
    different. Raises CheckpointError when a tensor is missing that the architecture is read from,
    InputError when ``overrides`` names what no configuration has.
    """
    config = dataclasses.replace(swin_t(), name=name, base=_base(state))
    if any(map(belongs_to_piza, state)):
        config = dataclasses.replace(
            config,
            bottleneck=_size(state, "encoder.layers.0.adapter1.linear_down.weight", 0),
            zoom_dim=_size(state, "zoom_embedding.temb.dense.0.weight", 0),
        )
    else:
        config = dataclasses.replace(config, method="zero-shot")
    return _changed(config, overrides)


def _count(state: State, parent: str) -> int:
    """How many numbered children ``parent`` has: layers, blocks, convolutions."""
    child = re.compile(re.escape(parent) + r"\.(\d+)\.")
    return len({match[1] for name in state if (match := child.match(name))})


def _base(state: State) -> dict[str, Any]:
    levels, points = _size(state, "level_embed", 0), "self_attn.sampling_offsets.bias"
    return {
        "backbone_config": _swin(state),
        "text_config": _bert(state),
        "d_model": _size(state, "level_embed", 1),
        "num_feature_levels": levels,
        "num_queries": _size(state, "query_embedding.weight", 0),
        "encoder_layers": _count(state, "encoder.layers"),
        "encoder_ffn_dim": _size(state, "encoder.layers.0.ffn.layers.0.0.weight", 0),
        "encoder_attention_heads": HEADS,
        "encoder_n_points": _size(state, f"encoder.layers.0.{points}", 0) // (2 * HEADS * levels),
        "decoder_layers": _count(state, "decoder.layers"),
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
    stages = max(_count(state, "backbone.stages"), 1)
    tables = [f"{blocks.format(i, 0)}.relative_position_bias_table" for i in range(stages)]
    width = _size(state, "backbone.patch_embed.projection.weight", 0)
    window = (math.isqrt(_size(state, tables[0], 0)) + 1) // 2
    _check_index(state, f"{blocks.format(0, 0)}.relative_position_index", window)
    return {
        "model_type": "swin",
        "embed_dim": width,
        "patch_size": _size(state, "backbone.patch_embed.projection.weight", 2),
        "depths": [_count(state, f"backbone.stages.{i}.blocks") for i in range(stages)],
        "num_heads": [_size(state, table, 1) for table in tables],
        "window_size": window,
        "mlp_ratio": _size(state, "backbone.stages.0.blocks.0.ffn.layers.0.0.weight", 0) / width,
        # Every published neck takes the maps of the last stages.
        "out_indices": list(range(stages + 1))[-max(_count(state, "neck.convs"), 1) :],
    }


def _bert(state: State) -> dict[str, Any]:
    embeddings, layer = f"{BERT}.embeddings", f"{BERT}.encoder.layer"
    width = _size(state, f"{embeddings}.word_embeddings.weight", 1)
    return {
        "model_type": "bert",
        "vocab_size": _size(state, f"{embeddings}.word_embeddings.weight", 0),
        "hidden_size": width,
        "num_hidden_layers": _count(state, layer),
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
        raise CheckpointError(f"{name} has an order of places that is not Swin's")


def _size(state: State, name: str, axis: int) -> int:
    if name not in state:
        raise _absent(name)
    shape = state[name].shape
    if len(shape) <= axis or shape[axis] == 0:
        raise CheckpointError(f"{name} has an unexpected shape {tuple(shape)}")
    return shape[axis]


def _absent(name: str) -> CheckpointError:
    if belongs_to_piza(name):
        return CheckpointError(f"found no {name}: expected it among the adapters of the PIZA file")
    return CheckpointError(
        f"found no {name}: expected a Swin Grounding DINO by mmdetection's names"
    )


def _changed(config: PizaConfig, overrides: Mapping[str, Any]) -> PizaConfig:
    known = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    strange = sorted(set(overrides) - set(known))
    if strange:
        raise InputError(f"a configuration has no {strange}; it has {sorted(known)}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in _merged(known, overrides).items()
    }
    return dataclasses.replace(config, **values)


def _merged(known: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` over ``known``, objects within objects merged alike; raises InputError for a
    value of another kind than the one that it replaces."""
    merged = dict(known)
    for name, value in changes.items():
        if name in known and not _alike(known[name], value):
            raise InputError(f"expected {name!r} to be something like {known[name]}, got {value!r}")
        inner = known.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, Mapping) else value
    return merged


def _alike(old: Any, new: Any) -> bool:
    if isinstance(old, list | tuple):
        return isinstance(new, list | tuple) and len(new) == len(old) and all(map(_alike, old, new))
    if isinstance(old, float) and not isinstance(new, bool):
        return isinstance(new, int | float)
    return isinstance(new, Mapping) if isinstance(old, Mapping) else type(new) is type(old)
