"""The layers of Grounding DINO over transformers' modules: plain functions, finite masks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from train.models.adapters import AdapterPair, Unadapted
from train.models.deformable import Sampler, Shape, deformable_attention
from train.models.lora import project

MASKED = -1e4  # finite, far below any attention score, and representable in half precision


def block_bias(segments: Tensor) -> Tensor:
    """Segment ids (B, T) -> additive attention bias (B, 1, T, T): 0 within a segment."""
    same = segments[:, None, :, None] == segments[:, None, None, :]
    return torch.where(same, 0.0, MASKED)


def padding_bias(segments: Tensor) -> Tensor:
    """Segment ids (B, T) -> additive bias (B, 1, 1, T): 0 at tokens, ``MASKED`` at padding."""
    return torch.where(segments[:, None, None, :] > 0, 0.0, MASKED)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, heads: int) -> Tensor:
    """Scaled dot-product attention, (B, Q, C) x (B, S, C) -> (B, Q, C)."""
    query, key, value = (_split(tensor, heads) for tensor in (query, key, value))
    scores = (query @ key.transpose(-1, -2)).float() / math.sqrt(query.shape[-1])
    if bias is not None:
        scores = scores + bias
    return _merge(scores.softmax(-1).to(value.dtype) @ value)


def bert(
    model: nn.Module, ids: Tensor, positions: Tensor, bias: Tensor, context: nn.Module | None
) -> Tensor:
    """BERT's last hidden states (B, T, C), of words that may attend a learned context."""
    hidden = model.embeddings(
        input_ids=ids, position_ids=positions, token_type_ids=torch.zeros_like(ids)
    )
    if context is not None:
        hidden, bias = context(model.embeddings, hidden, bias)
    for layer in model.encoder.layer:
        own, output = layer.attention.self, layer.attention.output
        mixed = attend(
            own.query(hidden), own.key(hidden), own.value(hidden), bias, own.num_attention_heads
        )
        hidden = output.LayerNorm(output.dense(mixed) + hidden)
        grown = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(hidden))
        hidden = layer.output.LayerNorm(layer.output.dense(grown) + hidden)
    return hidden if context is None else hidden[:, : ids.shape[1]]


def fuse(
    layer: nn.Module, image: Tensor, text: Tensor, padding: Tensor, zoom: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Bi-directional attention between image (B, N, D) and text (B, T, D).

    Both directions share one score matrix. Each softmax subtracts its own row's maximum, which
    equals the published global maximum and leaves no reduction over the whole tensor in the graph.
    """
    image, text = layer.layer_norm_vision(image), layer.layer_norm_text(text)
    attn = layer.attn
    heads = attn.num_heads
    query = _split(project(attn.vision_proj, image, zoom) * attn.scale, heads)
    key = _split(attn.text_proj(text), heads)
    scores = (query @ key.transpose(-1, -2)).float()  # (B, M, N, T)
    to_image = (scores + padding).softmax(-1).to(image.dtype)
    to_text = scores.transpose(-1, -2).softmax(-1).to(image.dtype)
    from_text = _merge(to_image @ _split(attn.values_text_proj(text), heads))
    from_image = _merge(to_text @ _split(project(attn.values_vision_proj, image, zoom), heads))
    image = image + layer.vision_param * project(attn.out_vision_proj, from_text, zoom)
    return image, text + layer.text_param * attn.out_text_proj(from_image)


def text_layer(
    layer: nn.Module, text: Tensor, code: Tensor, block: Tensor, adapters: AdapterPair | Unadapted
) -> Tensor:
    """Text self-attention within segments; ``code`` is the sine code of the token positions."""
    attended = _self_attention(layer.self_attn, text + code, text, block)
    text = layer.layer_norm_before(adapters.adapter1(text + attended))
    grown = layer.fc2(layer.activation(layer.fc1(text)))
    return layer.layer_norm_after(adapters.adapter2(text + grown))


def image_layer(
    layer: nn.Module,
    image: Tensor,
    place: Tensor,
    centres: Tensor,
    shapes: tuple[Shape, ...],
    adapters: AdapterPair | Unadapted,
    zoom: Tensor | None,
    sampler: Sampler,
) -> Tensor:
    """Deformable self-attention of image features (B, N, D), adapters told about the zoom."""
    attended = deformable_attention(layer.self_attn, image + place, image, centres, shapes, sampler)
    image = layer.self_attn_layer_norm(adapters.adapter1(image + attended, zoom))
    grown = layer.fc2(layer.activation_fn(layer.fc1(image)))
    return layer.final_layer_norm(adapters.adapter2(image + grown, zoom))


def query_layer(
    layer: nn.Module,
    query: Tensor,
    place: Tensor,
    reference: Tensor,
    image: Tensor,
    text: Tensor,
    padding: Tensor,
    shapes: tuple[Shape, ...],
    sampler: Sampler,
) -> Tensor:
    """One decoder layer: queries (B, K, D) among themselves, to the text, to the image."""
    attended = _self_attention(layer.self_attn, query + place, query, None)
    query = layer.self_attn_layer_norm(query + attended)
    cross = layer.encoder_attn_text
    attended = cross.out_proj(
        attend(
            cross.query(query + place),
            cross.key(text),
            cross.value(text),
            padding,
            cross.num_attention_heads,
        )
    )
    query = layer.encoder_attn_text_layer_norm(query + attended)
    attended = deformable_attention(
        layer.encoder_attn, query + place, image, reference, shapes, sampler
    )
    query = layer.encoder_attn_layer_norm(query + attended)
    grown = layer.fc2(layer.activation_fn(layer.fc1(query)))
    return layer.final_layer_norm(query + grown)


def contrast(head: nn.Module, features: Tensor, text: Tensor, padding: Tensor) -> Tensor:
    """Similarity of features (B, Q, D) and tokens: logits (B, Q, T), padding masked.

    text (B, T or more, D): the tokens of the prompt, then what a method adds to them and nothing
    answers to; padding (B, 1, 1, T).
    """
    text = text[:, : padding.shape[-1]]
    logits = (features @ text.transpose(-1, -2)).float() / math.sqrt(features.shape[-1])
    return logits + head.bias + padding[:, 0]


def logit(unit: Tensor, eps: float) -> Tensor:
    """Inverse sigmoid of values in [0, 1], kept away from both ends by eps."""
    return torch.log(unit.clamp(min=eps) / (1 - unit).clamp(min=eps))


def _self_attention(module: nn.Module, query: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    context = attend(
        module.query(query),
        module.key(query),
        module.value(value),
        bias,
        module.num_attention_heads,
    )
    return module.out_proj(context)


def _split(tensor: Tensor, heads: int) -> Tensor:
    return tensor.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, S, C) -> (B, M, S, C / M)


def _merge(tensor: Tensor) -> Tensor:
    return tensor.transpose(1, 2).flatten(2)  # (B, M, S, C / M) -> (B, S, C)
