"""From mmdetection's names and layouts to ours: one table of rules.

The names are those of mmdetection's Grounding DINO (github.com/open-mmlab/mmdetection) and of the
PIZA adapters; ours are those of transformers' MMGroundingDino below ``base``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sdk.errors import CheckpointError

Change = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Rule:
    """Names that match ``pattern`` as a whole become ``targets``, a template for each tensor that
    ``change`` makes of theirs; without targets they are known and left out."""

    pattern: str
    targets: tuple[str, ...]
    change: Change


@dataclass(frozen=True)
class Translation:
    """``tensors`` by our names and what they were called; names that no rule knows, and names
    that were left out on purpose."""

    tensors: dict[str, Tensor]
    sources: dict[str, str]
    unknown: tuple[str, ...]
    dropped: tuple[str, ...]


def belongs_to_piza(name: str) -> bool:
    """Whether a tensor of this name is one that PIZA adds to Grounding DINO."""
    return bool(_ADDED.match(name))


def as_is(tensor: Tensor) -> tuple[Tensor, ...]:
    return (tensor,)


def in_three(tensor: Tensor) -> tuple[Tensor, ...]:
    """Query, key and value, which mmdetection stacks along the first axis."""
    return tuple(tensor.chunk(3))


def scalar(tensor: Tensor) -> tuple[Tensor, ...]:
    """(1,) -> ()."""
    return (tensor.reshape(()),)


def quarters(tensor: Tensor) -> tuple[Tensor, ...]:
    """The last axis (4 C) of Swin's patch merging from mmdetection's order to transformers'.

    mmdetection unfolds 2x2 patches: column c * 4 + 2 * dy + dx. transformers concatenates the four
    quarters, dy running first: column (2 * dx + dy) * C + c.
    """
    channels = tensor.shape[-1] // 4
    patches = tensor.unflatten(-1, (channels, 2, 2))  # (..., C, dy, dx)
    return (patches.transpose(-3, -1).flatten(-3),)  # (..., dx, dy, C)


BASE = "base.model"
SWIN = f"{BASE}.backbone.conv_encoder.model"
BLOCK = rf"{SWIN}.swin.encoder.layers.\1.blocks.\2"
LAYER = rf"{BASE}.encoder.layers.\1"
DECODER = rf"{BASE}.decoder.layers.\1"
BERT = "language_model.language_backbone.body.model"
HISTORY = "(?:bbox_encoder|bbox2eos_zoom_model)"  # in training, in the demo
_ADDED = re.compile(rf"encoder\.(text_)?layers\.\d+\.adapter|zoom_embedding\.|{HISTORY}\.")

# Pattern (dots are dots, # is a number, * the rest) -> template.
_PLAIN = {
    "level_embed": f"{BASE}.level_embed",
    "query_embedding.weight": f"{BASE}.query_position_embeddings.weight",
    "memory_trans_fc.*": rf"{BASE}.enc_output.\1",
    "memory_trans_norm.*": rf"{BASE}.enc_output_norm.\1",
    "text_feat_map.*": rf"{BASE}.text_projection.\1",
    f"{BERT}.*": rf"{BASE}.text_backbone.\1",
    "backbone.patch_embed.projection.*": rf"{SWIN}.swin.embeddings.patch_embeddings.projection.\1",
    "backbone.patch_embed.norm.*": rf"{SWIN}.swin.embeddings.norm.\1",
    "backbone.stages.#.blocks.#.norm1.*": rf"{BLOCK}.layernorm_before.\3",
    "backbone.stages.#.blocks.#.norm2.*": rf"{BLOCK}.layernorm_after.\3",
    "backbone.stages.#.blocks.#.attn.w_msa.relative_position_bias_table": (
        f"{BLOCK}.attention.relative_position_bias.relative_position_bias_table"
    ),
    "backbone.stages.#.blocks.#.attn.w_msa.proj.*": rf"{BLOCK}.attention.o_proj.\3",
    "backbone.stages.#.blocks.#.ffn.layers.0.0.*": rf"{BLOCK}.mlp.fc1.\3",
    "backbone.stages.#.blocks.#.ffn.layers.1.*": rf"{BLOCK}.mlp.fc2.\3",
    "neck.convs.#.conv.*": rf"{BASE}.input_proj_vision.\1.0.\2",
    "neck.convs.#.gn.*": rf"{BASE}.input_proj_vision.\1.1.\2",
    "encoder.fusion_layers.#.gamma_v": rf"{LAYER}.fusion_layer.vision_param",
    "encoder.fusion_layers.#.gamma_l": rf"{LAYER}.fusion_layer.text_param",
    "encoder.fusion_layers.#.layer_norm_v.*": rf"{LAYER}.fusion_layer.layer_norm_vision.\2",
    "encoder.fusion_layers.#.layer_norm_l.*": rf"{LAYER}.fusion_layer.layer_norm_text.\2",
    "encoder.fusion_layers.#.attn.v_proj.*": rf"{LAYER}.fusion_layer.attn.vision_proj.\2",
    "encoder.fusion_layers.#.attn.l_proj.*": rf"{LAYER}.fusion_layer.attn.text_proj.\2",
    "encoder.fusion_layers.#.attn.values_v_proj.*": (
        rf"{LAYER}.fusion_layer.attn.values_vision_proj.\2"
    ),
    "encoder.fusion_layers.#.attn.values_l_proj.*": (
        rf"{LAYER}.fusion_layer.attn.values_text_proj.\2"
    ),
    "encoder.fusion_layers.#.attn.out_v_proj.*": rf"{LAYER}.fusion_layer.attn.out_vision_proj.\2",
    "encoder.fusion_layers.#.attn.out_l_proj.*": rf"{LAYER}.fusion_layer.attn.out_text_proj.\2",
    "encoder.layers.#.self_attn.*": rf"{LAYER}.deformable_layer.self_attn.\2",
    "encoder.layers.#.norms.0.*": rf"{LAYER}.deformable_layer.self_attn_layer_norm.\2",
    "encoder.layers.#.norms.1.*": rf"{LAYER}.deformable_layer.final_layer_norm.\2",
    "encoder.layers.#.ffn.layers.0.0.*": rf"{LAYER}.deformable_layer.fc1.\2",
    "encoder.layers.#.ffn.layers.1.*": rf"{LAYER}.deformable_layer.fc2.\2",
    "encoder.layers.#.adapter#.*": r"adapters.\1.adapter\2.\3",
    "encoder.text_layers.#.self_attn.attn.out_proj.*": (
        rf"{LAYER}.text_enhancer_layer.self_attn.out_proj.\2"
    ),
    "encoder.text_layers.#.norms.0.*": rf"{LAYER}.text_enhancer_layer.layer_norm_before.\2",
    "encoder.text_layers.#.norms.1.*": rf"{LAYER}.text_enhancer_layer.layer_norm_after.\2",
    "encoder.text_layers.#.ffn.layers.0.0.*": rf"{LAYER}.text_enhancer_layer.fc1.\2",
    "encoder.text_layers.#.ffn.layers.1.*": rf"{LAYER}.text_enhancer_layer.fc2.\2",
    "encoder.text_layers.#.adapter#.*": r"text_adapters.\1.adapter\2.\3",
    "decoder.norm.*": rf"{BASE}.decoder.layer_norm.\1",
    "decoder.ref_point_head.layers.#.*": rf"{BASE}.decoder.reference_points_head.layers.\1.\2",
    "decoder.layers.#.self_attn.attn.out_proj.*": rf"{DECODER}.self_attn.out_proj.\2",
    "decoder.layers.#.cross_attn_text.attn.out_proj.*": rf"{DECODER}.encoder_attn_text.out_proj.\2",
    "decoder.layers.#.cross_attn.*": rf"{DECODER}.encoder_attn.\2",
    "decoder.layers.#.norms.0.*": rf"{DECODER}.self_attn_layer_norm.\2",
    "decoder.layers.#.norms.1.*": rf"{DECODER}.encoder_attn_text_layer_norm.\2",
    "decoder.layers.#.norms.2.*": rf"{DECODER}.encoder_attn_layer_norm.\2",
    "decoder.layers.#.norms.3.*": rf"{DECODER}.final_layer_norm.\2",
    "decoder.layers.#.ffn.layers.0.0.*": rf"{DECODER}.fc1.\2",
    "decoder.layers.#.ffn.layers.1.*": rf"{DECODER}.fc2.\2",
    "zoom_embedding.*": r"zoom_embedding.\1",
    f"{HISTORY}.*": r"history.\1",
}

_PROJECTIONS = ("query", "key", "value")
# Query, key and value in one tensor -> template with the projection's name in braces.
_STACKED = {
    "backbone.stages.#.blocks.#.attn.w_msa.qkv.*": (rf"{BLOCK}.attention.{{}}_proj.\3", "qkv"),
    "encoder.text_layers.#.self_attn.attn.in_proj_*": (
        rf"{LAYER}.text_enhancer_layer.self_attn.{{}}.\2",
        _PROJECTIONS,
    ),
    "decoder.layers.#.self_attn.attn.in_proj_*": (rf"{DECODER}.self_attn.{{}}.\2", _PROJECTIONS),
    "decoder.layers.#.cross_attn_text.attn.in_proj_*": (
        rf"{DECODER}.encoder_attn_text.{{}}.\2",
        _PROJECTIONS,
    ),
}

_LEFT_OUT = (
    "dn_query_generator.*",  # denoising queries, for training
    f"{HISTORY}.box_encoder.transformer_layer.*",  # an unused copy of transformer.layers.0
    f"{BERT}.embeddings.position_ids",  # 0, 1, 2, ...: older transformers stored them
    "backbone.stages.#.blocks.#.attn.w_msa.relative_position_index",  # follows from the window
)


def rules(decoder_layers: int, maps: int, levels: int) -> tuple[Rule, ...]:
    """All rules for a model of so many decoder layers, backbone maps and feature levels.

    The first that matches a name holds.
    """
    made = [Rule(regex(pattern), (), as_is) for pattern in _LEFT_OUT]
    for pattern, (template, names) in _STACKED.items():
        targets = tuple(template.format(name) for name in names)
        made.append(Rule(regex(pattern), targets, in_three))
    stage = rf"{SWIN}.swin.encoder.layers.\1.downsample"
    for name in ("reduction", "norm"):
        pattern = regex(f"backbone.stages.#.downsample.{name}.*")
        made.append(Rule(pattern, (rf"{stage}.{name}.\2",), quarters))
    for index in range(4):
        pattern = regex(f"backbone.norm{index}.*")
        made.append(Rule(pattern, (rf"{SWIN}.hidden_states_norms.stage{index + 1}.\1",), as_is))
    for extra in range(levels - maps):
        target = f"{BASE}.input_proj_vision.{maps + extra}"
        for part, name in enumerate(("conv", "gn")):
            pattern = regex(f"neck.extra_convs.{extra}.{name}.*")
            made.append(Rule(pattern, (rf"{target}.{part}.\1",), as_is))
    for branch in range(decoder_layers + 1):
        # The branch after the last decoder layer's answers for the locations of the encoder.
        own, inner = (
            (f"{BASE}.encoder_output_class_embed", f"{BASE}.encoder_output_bbox_embed")
            if branch == decoder_layers
            else (f"{BASE}.decoder.class_embed.{branch}", f"{BASE}.decoder.bbox_embed.{branch}")
        )
        pattern = regex(f"bbox_head.cls_branches.{branch}.bias")
        made.append(Rule(pattern, (f"{own}.bias",), scalar))
        for index in range(3):
            pattern = regex(f"bbox_head.reg_branches.{branch}.{2 * index}.*")
            made.append(Rule(pattern, (rf"{inner}.layers.{index}.\1",), as_is))
    made += [Rule(regex(pattern), (target,), as_is) for pattern, target in _PLAIN.items()]
    return tuple(made)


def translate(state: Mapping[str, Tensor], table: Iterable[Rule]) -> Translation:
    """Renames and rearranges every tensor.

    Raises CheckpointError when a tensor cannot be rearranged, or two claim one of our names.
    """
    compiled = [(re.compile(rule.pattern), rule) for rule in table]
    tensors: dict[str, Tensor] = {}
    sources: dict[str, str] = {}
    unknown, dropped = [], []
    for name, tensor in state.items():
        found = next(((m, rule) for p, rule in compiled if (m := p.fullmatch(name))), None)
        if found is None:
            unknown.append(name)
            continue
        match, rule = found
        if not rule.targets:
            dropped.append(name)
            continue
        try:
            parts = dict(zip(map(match.expand, rule.targets), rule.change(tensor), strict=True))
        except (RuntimeError, ValueError, IndexError) as error:
            raise CheckpointError(
                f"{name} has an unexpected shape {tuple(tensor.shape)}"
            ) from error
        for target, part in parts.items():
            if target in tensors:
                raise CheckpointError(f"found the same tensor twice: {sources[target]} and {name}")
            tensors[target], sources[target] = part, name
    return Translation(tensors, sources, tuple(unknown), tuple(dropped))


def relative_position_index(window: int) -> Tensor:
    """Row of the bias table for each pair of places in a window, (w * w, w * w) int64."""
    rows, columns = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    place = (rows * (2 * window - 1) + columns).flatten()
    return place[:, None] - place[None] + place[-1]


def regex(pattern: str) -> str:
    """Dots are dots, # a number, * the rest: a pattern of our tables as a regular expression."""
    return pattern.replace(".", r"\.").replace("#", r"(\d+)").replace("*", "(.+)")
