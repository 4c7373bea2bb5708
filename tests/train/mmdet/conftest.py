"""Checkpoints in the authors' naming, made up: as small as possible, or as large as published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from evaluation.scenes import vocabulary
from train.data.vocabulary import SPECIAL
from train.mmdet.names import relative_position_index

Shapes = dict[str, tuple[int, ...]]
WORDS = [*SPECIAL, *sorted(set(vocabulary()) - set(SPECIAL))]


@dataclass(frozen=True)
class Size:
    """The least that has every kind of tensor and a shifted window."""

    swin: int = 8
    depths: tuple[int, ...] = (1, 2, 1, 1)
    heads: tuple[int, ...] = (1, 2, 2, 4)
    window: int = 3
    width: int = 32
    layers: int = 1
    decoder_layers: int = 2
    ffn: int = 32
    queries: int = 5
    words: int = len(WORDS)
    bert: int = 64
    bert_layers: int = 1
    bert_ffn: int = 32
    positions: int = 64
    bottleneck: int = 8
    zoom: int = 16
    history: str = "bbox_encoder"
    told: bool = True  # image adapters project the zoom embedding


SWIN_T = Size(
    swin=96,
    depths=(2, 2, 6, 2),
    heads=(3, 6, 12, 24),
    window=7,
    width=256,
    layers=6,
    decoder_layers=6,
    ffn=2048,
    queries=900,
    words=30522,
    bert=768,
    bert_layers=12,
    bert_ffn=3072,
    positions=512,
    bottleneck=256,
    zoom=256,
)


def shapes(size: Size) -> Shapes:
    """Every name of a published PIZA model and its shape."""
    found: Shapes = {
        "level_embed": (4, size.width),
        "query_embedding.weight": (size.queries, size.width),
        "dn_query_generator.label_embedding.weight": (256, size.width),
    }
    _linear(found, "memory_trans_fc", size.width, size.width)
    _norm(found, "memory_trans_norm", size.width)
    _linear(found, "text_feat_map", size.width, size.bert)
    _swin(found, size)
    _neck(found, size)
    _bert(found, size)
    for index in range(size.layers):
        _encoder_layer(found, size, index)
    for index in range(size.decoder_layers):
        _decoder_layer(found, size, index)
    _norm(found, "decoder.norm", size.width)
    _linear(found, "decoder.ref_point_head.layers.0", size.width, 2 * size.width)
    _linear(found, "decoder.ref_point_head.layers.1", size.width, size.width)
    for branch in range(size.decoder_layers + 1):
        found[f"bbox_head.cls_branches.{branch}.bias"] = (1,)
        for index, rows in ((0, size.width), (2, size.width), (4, 4)):
            _linear(found, f"bbox_head.reg_branches.{branch}.{index}", rows, size.width)
    _linear(found, "zoom_embedding.temb.dense.0", size.zoom, size.zoom)
    _linear(found, "zoom_embedding.temb.dense.1", size.zoom, size.zoom)
    _history(found, size.history)
    return found


def _linear(found: Shapes, name: str, rows: int, columns: int, bias: bool = True) -> None:
    found[f"{name}.weight"] = (rows, columns)
    if bias:
        found[f"{name}.bias"] = (rows,)


def _norm(found: Shapes, name: str, width: int) -> None:
    found[f"{name}.weight"] = found[f"{name}.bias"] = (width,)


def _ffn(found: Shapes, name: str, width: int, inner: int) -> None:
    _linear(found, f"{name}.ffn.layers.0.0", inner, width)
    _linear(found, f"{name}.ffn.layers.1", width, inner)


def _swin(found: Shapes, size: Size) -> None:
    found["backbone.patch_embed.projection.weight"] = (size.swin, 3, 4, 4)
    found["backbone.patch_embed.projection.bias"] = (size.swin,)
    _norm(found, "backbone.patch_embed.norm", size.swin)
    for stage, (depth, heads) in enumerate(zip(size.depths, size.heads, strict=True)):
        width = size.swin * 2**stage
        for block in range(depth):
            name = f"backbone.stages.{stage}.blocks.{block}"
            attention = f"{name}.attn.w_msa"
            table = ((2 * size.window - 1) ** 2, heads)
            found[f"{attention}.relative_position_bias_table"] = table
            found[f"{attention}.relative_position_index"] = (size.window**2, size.window**2)
            _linear(found, f"{attention}.qkv", 3 * width, width)
            _linear(found, f"{attention}.proj", width, width)
            _norm(found, f"{name}.norm1", width)
            _norm(found, f"{name}.norm2", width)
            _ffn(found, name, width, 4 * width)
        if stage < 3:
            merging = f"backbone.stages.{stage}.downsample"
            _linear(found, f"{merging}.reduction", 2 * width, 4 * width, bias=False)
            _norm(found, f"{merging}.norm", 4 * width)
        if stage > 0:
            _norm(found, f"backbone.norm{stage}", width)


def _neck(found: Shapes, size: Size) -> None:
    for index in range(4):
        name = f"neck.convs.{index}" if index < 3 else "neck.extra_convs.0"
        kernel = 1 if index < 3 else 3
        channels = size.swin * 2 ** min(index + 1, 3)
        found[f"{name}.conv.weight"] = (size.width, channels, kernel, kernel)
        found[f"{name}.conv.bias"] = (size.width,)
        _norm(found, f"{name}.gn", size.width)


def _bert(found: Shapes, size: Size) -> None:
    bert = "language_model.language_backbone.body.model"
    rows = {"word": size.words, "position": size.positions, "token_type": 2}
    for kind, count in rows.items():
        found[f"{bert}.embeddings.{kind}_embeddings.weight"] = (count, size.bert)
    _norm(found, f"{bert}.embeddings.LayerNorm", size.bert)
    for index in range(size.bert_layers):
        layer = f"{bert}.encoder.layer.{index}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            _linear(found, f"{layer}.attention.{name}", size.bert, size.bert)
        _norm(found, f"{layer}.attention.output.LayerNorm", size.bert)
        _linear(found, f"{layer}.intermediate.dense", size.bert_ffn, size.bert)
        _linear(found, f"{layer}.output.dense", size.bert, size.bert_ffn)
        _norm(found, f"{layer}.output.LayerNorm", size.bert)


def _attention(found: Shapes, name: str, width: int) -> None:
    found[f"{name}.attn.in_proj_weight"] = (3 * width, width)
    found[f"{name}.attn.in_proj_bias"] = (3 * width,)
    _linear(found, f"{name}.attn.out_proj", width, width)


def _deformable(found: Shapes, name: str, width: int) -> None:
    _linear(found, f"{name}.sampling_offsets", 8 * 4 * 4 * 2, width)
    _linear(found, f"{name}.attention_weights", 8 * 4 * 4, width)
    _linear(found, f"{name}.value_proj", width, width)
    _linear(found, f"{name}.output_proj", width, width)


def _adapters(found: Shapes, layer: str, size: Size, told: bool) -> None:
    for name in (f"{layer}.adapter1", f"{layer}.adapter2"):
        found[f"{name}.scaling"] = (size.width,)
        _linear(found, f"{name}.linear_down", size.bottleneck, size.width)
        _linear(found, f"{name}.linear_up", size.width, size.bottleneck)
        if told:
            _linear(found, f"{name}.emb_proj", size.width, size.zoom)


def _encoder_layer(found: Shapes, size: Size, index: int) -> None:
    image, text = f"encoder.layers.{index}", f"encoder.text_layers.{index}"
    _deformable(found, f"{image}.self_attn", size.width)
    _attention(found, f"{text}.self_attn", size.width)
    for layer, ffn in ((image, size.ffn), (text, size.ffn // 2)):
        _ffn(found, layer, size.width, ffn)
        _norm(found, f"{layer}.norms.0", size.width)
        _norm(found, f"{layer}.norms.1", size.width)
    _adapters(found, image, size, size.told)
    _adapters(found, text, size, told=False)
    fusion = f"encoder.fusion_layers.{index}"
    for side in "vl":
        found[f"{fusion}.gamma_{side}"] = (size.width,)
        _norm(found, f"{fusion}.layer_norm_{side}", size.width)
        _linear(found, f"{fusion}.attn.{side}_proj", size.ffn // 2, size.width)
        _linear(found, f"{fusion}.attn.values_{side}_proj", size.ffn // 2, size.width)
        _linear(found, f"{fusion}.attn.out_{side}_proj", size.width, size.ffn // 2)


def _decoder_layer(found: Shapes, size: Size, index: int) -> None:
    layer = f"decoder.layers.{index}"
    _attention(found, f"{layer}.self_attn", size.width)
    _attention(found, f"{layer}.cross_attn_text", size.width)
    _deformable(found, f"{layer}.cross_attn", size.width)
    _ffn(found, layer, size.width, size.ffn)
    for norm in range(4):
        _norm(found, f"{layer}.norms.{norm}", size.width)


def _history(found: Shapes, prefix: str) -> None:
    encoder = f"{prefix}.box_encoder"
    for name, half, inputs in (("lff1", 8, 1), ("lff2", 4, 2)):
        found[f"{encoder}.{name}.Wr"] = (half, inputs)
        _linear(found, f"{encoder}.{name}.mlp.0", 32, 2 * half)
        _linear(found, f"{encoder}.{name}.mlp.2", 8, 32)
    for layer in ("transformer_layer", "transformer.layers.0"):
        name = f"{encoder}.{layer}"
        found[f"{name}.self_attn.in_proj_weight"] = (96, 32)
        found[f"{name}.self_attn.in_proj_bias"] = (96,)
        _linear(found, f"{name}.self_attn.out_proj", 32, 32)
        _linear(found, f"{name}.linear1", 2048, 32)
        _linear(found, f"{name}.linear2", 32, 2048)
        _norm(found, f"{name}.norm1", 32)
        _norm(found, f"{name}.norm2", 32)
    _linear(found, f"{encoder}.fc3", 16, 32)
    for head in ("binary_classifier", "continuous_regressor"):
        _linear(found, f"{prefix}.{head}.0", 16, 16)
        _linear(found, f"{prefix}.{head}.2", 1, 16)


def random_state(size: Size, seed: int = 0) -> dict[str, Tensor]:
    """Random values that half precision holds exactly."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, shape in shapes(size).items():
        if name.endswith("relative_position_index"):
            state[name] = relative_position_index(size.window)
            continue
        scale = shape[-1] ** -0.5 if len(shape) > 1 else 0.3
        tensor = torch.randn(shape, generator=generator) * scale
        norm = any(part in name.lower() for part in ("norm", ".gn.", "scaling"))
        state[name] = (tensor + 1 if norm and not name.endswith("bias") else tensor).half().float()
    return state


def is_of_piza(name: str) -> bool:
    """What the authors publish apart from the base: adapters, norms, zoom, history."""
    return any(
        part in name.lower() for part in ("adapter", "norm", "zoom_embedding", "bbox_e", "bbox2eos")
    )


@pytest.fixture(scope="session")
def sizes() -> type[Size]:
    return Size


@pytest.fixture(scope="session")
def swin_t_size() -> Size:
    return SWIN_T


@pytest.fixture(scope="session")
def authors_shapes() -> Callable[[Size], Shapes]:
    return shapes


@pytest.fixture(scope="session")
def authors_state() -> Callable[..., dict[str, Tensor]]:
    """``authors_state(size, seed)``: all tensors of a PIZA model by the authors' names."""
    return random_state


@pytest.fixture(scope="session")
def two_files() -> Callable[[Size], tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """``two_files(size)``: the base, with norms of its own, and the PIZA file."""

    def make(size: Size) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        whole, stock = random_state(size, 0), random_state(size, 1)
        added = ("adapter", "zoom_embedding", "bbox_e", "bbox2eos")
        base = {
            name: (stock if is_of_piza(name) else whole)[name]
            for name in whole
            if not any(part in name for part in added)
        }
        return base, {name: tensor for name, tensor in whole.items() if is_of_piza(name)}

    return make


@pytest.fixture(scope="session")
def vocab_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``vocab.txt`` with every word of the scenes."""
    path = tmp_path_factory.mktemp("vocab") / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return path
