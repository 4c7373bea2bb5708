"""The layers of Grounding DINO over transformers' modules: plain functions, finite masks.

Leading axes ``...`` are the batch. Exported networks have none: a linear layer of a matrix is one
operator, of anything else it is three.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from train.models.grounding_dino.deformable import Sampler, Shape, deformable_attention
from train.models.piza.adapters import AdapterPair, Unadapted
from train.models.piza.lora import effective

MASKED = -1e4  # finite, far below any attention score, and representable in half precision


def block_bias(segments: Tensor) -> Tensor:
    """Segment ids (..., T) -> additive attention bias (..., 1, T, T): 0 within a segment."""
    same = segments[..., None, :, None] == segments[..., None, None, :]
    return torch.where(same, 0.0, MASKED)


def padding_bias(segments: Tensor) -> Tensor:
    """Segment ids (..., T) -> additive bias (..., 1, 1, T): 0 at tokens, ``MASKED`` at padding."""
    return torch.where(segments[..., None, None, :] > 0, 0.0, MASKED)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, heads: int) -> Tensor:
    """Scaled dot-product attention, (..., Q, C) x (..., S, C) -> (..., Q, C)."""
    query, key, value = (_split(tensor, heads) for tensor in (query, key, value))
    scores = (query @ key.transpose(-1, -2)).float() / math.sqrt(query.shape[-1])
    if bias is not None:
        scores = scores + bias
    return _merge(scores.softmax(-1).to(value.dtype) @ value)


def bert(
    model: nn.Module, ids: Tensor, positions: Tensor, bias: Tensor, context: nn.Module | None
) -> Tensor:
    """BERT's last hidden states (..., T, C), of words that may attend a learned context."""
    table, length = model.embeddings, ids.shape[-1]
    hidden = table.word_embeddings(ids) + table.token_type_embeddings.weight[0]
    hidden = table.LayerNorm(hidden + table.position_embeddings(positions))
    if context is not None:
        hidden, bias = context(table, hidden, bias)
    for layer in model.encoder.layer:
        own, output = layer.attention.self, layer.attention.output
        mixed = attend(
            own.query(hidden), own.key(hidden), own.value(hidden), bias, own.num_attention_heads
        )
        hidden = output.LayerNorm(output.dense(mixed) + hidden)
        grown = layer.intermediate.intermediate_act_fn(layer.intermediate.dense(hidden))
        hidden = layer.output.LayerNorm(layer.output.dense(grown) + hidden)
    return hidden if context is None else hidden[..., :length, :]


def fuse(
    layer: nn.Module, image: Tensor, text: Tensor, padding: Tensor, zoom: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Bi-directional attention between image (..., N, D) and text (..., T, D).

    Both directions share one score matrix. Each softmax subtracts its own row's maximum, which
    equals the published global maximum and leaves no reduction over the whole tensor in the graph;
    nor does a softmax over locations notice the padding, which is the same for all of them.

    Our own order of the published products: tokens are fewer than locations, so that each
    projection of the image is multiplied with what it meets on the side of the text, as in
    ``(x V) k^T = x (V k^T)``. That leaves three products over all locations out of six.
    """
    image, text = layer.layer_norm_vision(image), layer.layer_norm_text(text)
    attn = layer.attn
    heads, tokens = attn.num_heads, text.shape[-2]
    asked, asked_bias = _by_head(attn.vision_proj, heads, zoom)  # (M, d, D), (..., M, 1, d)
    given, given_bias = _by_head(attn.values_vision_proj, heads, zoom)
    told, told_bias = effective(attn.out_vision_proj, zoom)  # (D, M*d), (..., 1, D)
    told = (told * layer.vision_param[:, None]).unflatten(-1, (heads, -1)).movedim(-2, -3)

    key = _split(attn.text_proj(text) * attn.scale, heads)  # (..., M, T, d)
    meant = (key @ asked).flatten(-3, -2)  # (..., M*T, D)
    bias = (asked_bias @ key.transpose(-1, -2) + padding).flatten(-3)[..., None, :]
    scores = (image @ meant.transpose(-1, -2) + bias).float()  # (..., N, M*T)
    to_image = scores.unflatten(-1, (heads, tokens)).softmax(-1).flatten(-2).to(image.dtype)
    to_text = scores.transpose(-1, -2).softmax(-1).to(image.dtype)  # (..., M*T, N)

    said = _split(attn.values_text_proj(text), heads) @ told.transpose(-1, -2)  # (..., M, T, D)
    heard = (to_text @ image).unflatten(-2, (heads, tokens)) @ given.transpose(-1, -2) + given_bias
    seen = to_image @ said.flatten(-3, -2) + told_bias * layer.vision_param
    return image + seen, text + attn.out_text_proj(_merge(heard)) * layer.text_param


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
    """Deformable self-attention of image features (..., N, D), adapters told about the zoom."""
    attended = deformable_attention(layer.self_attn, image, place, image, centres, shapes, sampler)
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
    """One decoder layer: queries (..., K, D) among themselves, to the text, to the image."""
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
        layer.encoder_attn, query + place, None, image, reference, shapes, sampler
    )
    query = layer.encoder_attn_layer_norm(query + attended)
    grown = layer.fc2(layer.activation_fn(layer.fc1(query)))
    return layer.final_layer_norm(query + grown)


def contrast(
    head: nn.Module, features: Tensor, text: Tensor, padding: Tensor, scaled: bool
) -> Tensor:
    """Similarity of features (..., Q, D) and tokens: logits (..., Q, T), padding masked.

    text (..., T or more, D): the tokens of the prompt, then what a method adds to them and nothing
    answers to; padding (..., 1, 1, T); scaled: by the root of D.
    """
    text = text[..., : padding.shape[-1], :]
    logits = (features @ text.transpose(-1, -2)).float()
    if scaled:
        logits = logits / math.sqrt(features.shape[-1])
    return logits + (head.bias + padding[..., 0, :, :])


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
    """(..., S, C) -> (..., M, S, C / M)."""
    return tensor.unflatten(-1, (heads, -1)).transpose(-3, -2)


def _merge(tensor: Tensor) -> Tensor:
    """(..., M, S, C / M) -> (..., S, C)."""
    return tensor.transpose(-3, -2).flatten(-2)


def _by_head(module: nn.Module, heads: int, zoom: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weight (M, d, D) and bias (..., M, 1, d) of a projection."""
    weight, bias = effective(module, zoom)
    return weight.unflatten(0, (heads, -1)), _split(bias, heads)
