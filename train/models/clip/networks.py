"""CLIP, SigLIP and SigLIP 2 of transformers: crops and tokens in, features out, whichever it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sdk.regions.clip import CROP_FEATURES, CROPS, TOKEN_FEATURES, TOKENS, Clip
from train.families.family import TorchNetwork
from train.models.clip.public import PublicClip

SIGLIP2 = "siglip2"
IMAGE, TEXT = "clip-image", "clip-text"  # as engines name the two networks


def clip_of(opened: PublicClip, batch: int) -> Clip:
    """What a runtime must know of a model.

    Args:
        opened: the model.
        batch: crops of one run.
    """
    by_softmax = opened.kind == "clip"
    return Clip(
        TEXT,
        IMAGE,
        opened.image,
        batch,
        opened.max_tokens,
        opened.pad_id,
        opened.pad_left,
        "softmax" if by_softmax else "sigmoid",
        float(opened.model.logit_scale.detach().exp()),
        0.0 if by_softmax else float(opened.model.logit_bias.detach()),
    )


def clip_networks(opened: PublicClip, clip: Clip) -> dict[str, TorchNetwork]:
    """The two networks of a model by name, the text's first.

    Args:
        opened: the model.
        clip: by ``clip_of``.
    """
    device = opened.model.logit_scale.device
    ids = torch.full((1, clip.max_tokens), clip.pad_id, dtype=torch.int32, device=device)
    crops = torch.zeros(clip.batch, 3, *clip.image.hw, device=device)
    text, image = text_network(opened.model), image_network(opened.model)
    return {
        TEXT: TorchNetwork(TEXT, text, {TOKENS: ids}, (TOKEN_FEATURES,)),
        IMAGE: TorchNetwork(IMAGE, image, {CROPS: crops}, (CROP_FEATURES,)),
    }


def token_features(model: Any, tokens: Tensor) -> Tensor:
    """Texts as the text network has them.

    Args:
        model: transformers' CLIPModel, SiglipModel or Siglip2Model.
        tokens: (B, T) ids, filled up without a mask.

    Returns:
        (B, D), of any length.
    """
    return model.get_text_features(input_ids=tokens).pooler_output


def crop_features(model: Any, crops: Tensor) -> Tensor:
    """Crops as the image network has them.

    Args:
        model: as for ``token_features``.
        crops: (B, 3, S, S) normalised squares of the size that the model was made for.

    Returns:
        (B, D), of any length.
    """
    if model.config.model_type == SIGLIP2:
        return _by_patches(model.vision_model, crops, _filters(model.vision_model))
    return model.get_image_features(pixel_values=crops).pooler_output


def text_network(model: Any) -> nn.Module:
    """``token_features`` of this model as a module."""
    return _Text(model)


def image_network(model: Any) -> nn.Module:
    """``crop_features`` of this model as a module, for graphs: what is constant is worked out."""
    return _Patches(model.vision_model) if model.config.model_type == SIGLIP2 else _Image(model)


class _Text(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        return token_features(self.model, tokens)


class _Image(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> Tensor:
        return crop_features(self.model, crops)


class _Patches(nn.Module):
    """The image network of SigLIP 2, which has no use for the model's other half."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.filters = nn.Parameter(_filters(model).detach().clone())

    def forward(self, crops: Tensor) -> Tensor:
        return _by_patches(self.model, crops, self.filters)


def _filters(vision: Any) -> Tensor:
    """The weights (D, 3, P, P) of SigLIP 2's patches as a convolution has them."""
    side = vision.config.patch_size
    rows = vision.embeddings.patch_embedding.weight.unflatten(1, (side, side, -1))
    return rows.permute(0, 3, 1, 2).contiguous()  # (D, y, x, channels) before


def _by_patches(vision: Any, crops: Tensor, filters: Tensor) -> Tensor:
    """Features of squares of the size that SigLIP 2 was trained with.

    transformers has it take patches of a picture, a row each, and fits its positions to the
    picture's shape. Of a square nothing is to be fitted, and rows times a matrix are a convolution.
    """
    bias, side = vision.embeddings.patch_embedding.bias, filters.shape[-1]
    patches = nn.functional.conv2d(crops, filters, bias, side).flatten(2).transpose(1, 2)
    patches = patches + vision.embeddings.position_embedding.weight
    states = vision.encoder(inputs_embeds=patches, attention_mask=None).last_hidden_state
    return vision.head(vision.post_layernorm(states), None)
