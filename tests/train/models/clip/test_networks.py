"""Features of crops and tokens are transformers' own, also where they are trained."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.testing import assert_close

from train.models.clip.networks import crop_features, image_network, text_network, token_features
from train.models.clip.public import KNOWN

SIDE = 24


@pytest.mark.parametrize("kind", KNOWN)
def test_modules_say_what_the_functions_say(public_clip, kind) -> None:
    _, model, _ = public_clip(kind)
    crops = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[3, 4, 5, 2], [6, 7, 1, 0]])
    with torch.no_grad():
        assert_close(image_network(model)(crops), crop_features(model, crops))
        assert_close(text_network(model)(tokens), token_features(model, tokens))


def test_the_patches_of_siglip2_are_learned(public_clip) -> None:
    """Its weights are given to a convolution; gradients reach them."""
    model = copy.deepcopy(public_clip("siglip2")[1]).requires_grad_(True)
    model.zero_grad()
    crop_features(model, torch.randn(2, 3, SIDE, SIDE)).square().sum().backward()
    gradient = model.vision_model.embeddings.patch_embedding.weight.grad
    assert gradient.isfinite().all()
    assert (gradient != 0).float().mean() > 0.9
