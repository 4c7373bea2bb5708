"""Region attention pooling (Li et al. 2022) over transformers' CLIP: no weight is new.

Behind CLIP's own tokens stands a clone of the class token for each region. Nobody attends to the
clones but each to itself, so that patches are what they are in CLIP; a clone attends to the patches
that its mask leaves it. One that has all of them is the class token in the end.

Of a frame in the size of a crop small things are less than a patch: the scene is as many times
larger as makes about 32 patches along each side, and the positions that were learnt are
interpolated, as transformers does for larger pictures.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sdk.regions.region_attention import (
    BLOCKED,
    REGION_FEATURES,
    REGION_MASKS,
    SCENE,
    RegionAttention,
)
from train.families.family import TorchNetwork
from train.models.clip.public import PublicClip

REGIONS = "clip-regions"  # as engines name the network
_GRID = 32  # patches along each side of a scene, or less; so many as CLIP has where it has more
COUNT = 320  # regions of one run: a little more than the 100 + 200 that a frame is divided into


def region_attention_of(opened: PublicClip) -> RegionAttention | None:
    """What a runtime must know of a model's network; None of a SigLIP, which pools by a head of
    its own and has no class token."""
    if opened.kind != "clip":
        return None
    vision = opened.model.config.vision_config
    own = int(vision.image_size) // int(vision.patch_size)
    finer = max(_GRID // own, 1)
    return RegionAttention(REGIONS, COUNT, finer * own, finer * own * int(vision.patch_size))


def region_network(opened: PublicClip, said: RegionAttention) -> TorchNetwork:
    """The network.

    Args:
        opened: a CLIP.
        said: by ``region_attention_of``.
    """
    inputs = {
        SCENE: torch.zeros(1, 3, said.side, said.side),
        REGION_MASKS: torch.zeros(1, said.count, said.grid**2),
    }
    module = RegionPooling(opened.model, said.count, said.side)
    return TorchNetwork(said.network, module, inputs, (REGION_FEATURES,))


class RegionPooling(nn.Module):
    """A scene and masks to vectors.

    Args:
        model: transformers' CLIPModel.
        count: R, of regions.
        side: S, of the scene in pixels.
    """

    def __init__(self, model: Any, count: int, side: int) -> None:
        super().__init__()
        self.model = model
        embeddings = model.vision_model.embeddings
        own = 1 + (side // embeddings.patch_size) ** 2  # the class token and the patches
        self.sizes = [own, count]
        with torch.no_grad():
            alike = torch.empty(1, own, embeddings.embed_dim)
            positions = embeddings.interpolate_pos_encoding(alike, side, side)
        self.register_buffer("_positions", positions.detach().clone(), False)
        nobody = torch.full((1, own, count), BLOCKED)
        self.register_buffer("_own", torch.cat([torch.zeros(1, own, own), nobody], dim=2), False)
        self.register_buffer("_class", torch.full((1, count, 1), BLOCKED), False)
        self.register_buffer("_clones", BLOCKED * (1.0 - torch.eye(count))[None], False)

    def forward(self, scene: Tensor, region_masks: Tensor) -> Tensor:
        """Vectors of regions.

        Args:
            scene: (1, 3, S, S) normalised.
            region_masks: (1, R, patches), 0 where a region has a patch, else ``BLOCKED``.

        Returns:
            (1, R, D), of any length.
        """
        vision = self.model.vision_model
        patches = vision.embeddings.patch_embedding(scene).flatten(2).transpose(1, 2)
        first = vision.embeddings.class_embedding[None, None]
        tokens = torch.cat([first, patches], dim=1) + self._positions  # (1, 1 + patches, C)
        tokens = vision.pre_layrnorm(tokens)
        own, count = self.sizes
        clones = tokens.split([1, own - 1], dim=1)[0].expand(-1, count, -1)
        regions = torch.cat([self._class, region_masks, self._clones], dim=2)
        mask = torch.cat([self._own, regions], dim=1)[:, None]  # (1, 1, tokens, tokens)
        states = vision.encoder(torch.cat([tokens, clones], dim=1), mask).last_hidden_state
        pooled = vision.post_layernorm(states.split(self.sizes, dim=1)[1])
        return self.model.visual_projection(pooled)
