"""TransVG (Deng et al. 2021): an image encoded by DETR's encoder, a sentence by BERT, and one
learned token before both of them, from which the box is read.

There is no score: every sentence has its box. Image and sentence are encoded apart, so that each is
encoded once. Leading axes ``...`` are the batch; exported networks have none.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sdk.errors import CheckpointError
from train.models.detr import places
from train.models.detr.config import make_backbone
from train.models.detr.layers import EncoderLayer, Mlp, initialise
from train.models.detr.text import TextEncoder
from train.models.grounding_dino.layers import padding_bias
from train.models.transvg.config import TransvgConfig


class Seen(NamedTuple):
    """An image of N cells, row by row: what each shows, whether it shows anything of the frame."""

    features: Tensor  # (..., N, D)
    shown: Tensor  # (..., N), 1 or 0


class Answer(NamedTuple):
    """The box (..., 4), cxcywh as shares of the input, and the image after the sentence was heard,
    (..., N, D)."""

    box: Tensor
    cells: Tensor


class Transvg(nn.Module):
    """The model of a checkpoint: ``encode_text``, ``encode_image`` and ``ground``."""

    def __init__(self, config: TransvgConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = make_backbone(config.backbone)
        stride, inner = self.backbone.stride, config.visual_width
        if any(side % stride for side in config.input_hw):
            raise CheckpointError(
                f"expected an input size in multiples of {stride} px, got {config.input_hw}"
            )
        grid = config.input_hw[0] // stride, config.input_hw[1] // stride
        self.image_projection = nn.Conv2d(self.backbone.channels, inner, 1)
        visual = inner, config.visual_heads, config.visual_inner, config.dropout
        self.visual = nn.ModuleList(EncoderLayer(*visual) for _ in range(config.visual_layers))
        self.visual_projection = nn.Linear(inner, config.width)
        self.text_backbone = TextEncoder(config.text)
        self.text_projection = nn.Linear(self.text_backbone.width, config.width)
        self.regression_token = nn.Embedding(1, config.width)
        # Of the token, of the sentence's tokens, of the image's cells. These begin with DETR's
        # codes: from random ones, each cell would have to learn where it is.
        codes = places.codes(torch.ones(1, *grid), config.width)[0]
        self.places = nn.Embedding(1 + config.max_tokens + len(codes), config.width)
        with torch.no_grad():
            self.places.weight[-len(codes) :] = codes
        layer = config.width, config.heads, config.inner, config.dropout
        self.encoder = nn.ModuleList(EncoderLayer(*layer) for _ in range(config.layers))
        self.box_head = Mlp(config.width, 4, 3)
        initialise(self.visual)
        initialise(self.encoder)

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask (..., T) -> text features (..., T, D)."""
        return self.text_projection(self.text_backbone(ids, mask))

    def encode_image(self, pixels: Tensor) -> Seen:
        """Normalised pixels (B, 3, H, W), 0 where nothing is shown -> B images of N cells."""
        features = self.image_projection(self.backbone(pixels))  # (B, C, h, w)
        height, width = features.shape[-2:]
        shown = places.shown(pixels, (height, width))
        codes, bias = places.codes(shown, features.shape[1]), padding_bias(shown.flatten(1))
        cells = features.flatten(2).transpose(1, 2)
        for layer in self.visual:
            cells = layer(cells, codes, bias)
        return Seen(self.visual_projection(cells), shown.flatten(1))

    def ground(self, seen: Seen, text: Tensor, mask: Tensor) -> Answer:
        """An image, text features (..., T, D) and their mask (..., T)."""
        bias = torch.cat([padding_bias(mask), padding_bias(seen.shown)], dim=-1)
        bias = nn.functional.pad(bias, (1, 0))  # everybody hears the regression token
        first = self.regression_token.weight.expand(*text.shape[:-2], -1, -1)
        tokens = torch.cat([first, text, seen.features], dim=-2)  # (..., 1 + T + N, D)
        for layer in self.encoder:
            tokens = layer(tokens, self.places.weight, bias)
        box = self.box_head(tokens[..., 0, :]).float().sigmoid()
        return Answer(box, tokens[..., 1 + text.shape[-2] :, :])
