"""MDETR (Kamath et al. 2021): one encoder over the cells of an image and the tokens of a sentence,
queries that look at both, and for each query a box and the words that it means.

Image and sentence are encoded apart, so that each is encoded once; training, evaluation and export
run this one pass. Leading axes ``...`` are the batch; exported networks have none.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.models.detr import places
from train.models.detr.config import make_backbone
from train.models.detr.layers import DecoderLayer, EncoderLayer, Mlp, initialise
from train.models.detr.text import TextEncoder
from train.models.grounding_dino.layers import padding_bias
from train.models.mdetr.config import LABELS, MdetrConfig

RESIZER_EPS = 1e-12  # of the norm behind the text encoder, as published


class Seen(NamedTuple):
    """An image of N cells, row by row: what each shows, the code of its place, whether it shows
    anything of the frame."""

    features: Tensor  # (..., N, D)
    places: Tensor  # (..., N, D)
    shown: Tensor  # (..., N), 1 or 0


class Prediction(NamedTuple):
    """What Q queries say after each of L decoder layers, and the tokens that they are compared
    with in training (``queries`` and ``tokens`` have length 1; what is of use in training alone is
    None where only the last layer is asked).

    logits (L, ..., Q, 256): of each place in the sentence, of nothing in the last one.
    boxes (L, ..., Q, 4): cxcywh, as shares of the part of the input that shows the frame.
    """

    logits: Tensor
    boxes: Tensor
    queries: Tensor | None = None  # (L, ..., Q, A)
    tokens: Tensor | None = None  # (..., T, A)
    cells: Tensor | None = None  # (..., N, D), the image after the sentence was heard


class Mdetr(nn.Module):
    """The model of a checkpoint: ``encode_text``, ``encode_image`` and ``ground``."""

    def __init__(self, config: MdetrConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.backbone = make_backbone(config.backbone)
        self.image_projection = nn.Conv2d(self.backbone.channels, width, 1)
        self.text_backbone = TextEncoder(config.text)
        self.text_projection = nn.Linear(self.text_backbone.width, width)
        self.text_norm = nn.LayerNorm(width, eps=RESIZER_EPS)
        layer = width, config.heads, config.inner, config.dropout
        self.encoder = nn.ModuleList(EncoderLayer(*layer) for _ in range(config.layers))
        self.decoder = nn.ModuleList(DecoderLayer(*layer) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.LayerNorm(width)
        self.queries = nn.Embedding(config.queries, width)
        self.class_head, self.box_head = nn.Linear(width, LABELS), Mlp(width, 4, 3)
        self.aligned_query = nn.Linear(width, config.aligned)
        self.aligned_token = nn.Linear(width, config.aligned)
        initialise(self.encoder)
        initialise(self.decoder)

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask (..., T) -> text features (..., T, D)."""
        return self.text_norm(self.text_projection(self.text_backbone(ids, mask)))

    def encode_image(self, pixels: Tensor) -> Seen:
        """Normalised pixels (B, 3, H, W), 0 where nothing is shown -> B images of N cells."""
        features = self.image_projection(self.backbone(pixels))  # (B, D, h, w)
        height, width = features.shape[-2:]
        shown = places.shown(pixels, (height, width))
        codes = places.codes(shown, self.config.width)
        return Seen(features.flatten(2).transpose(1, 2), codes, shown.flatten(1))

    def ground(self, seen: Seen, text: Tensor, mask: Tensor, last_only: bool = False) -> Prediction:
        """An image, text features (..., T, D) and their mask (..., T); last_only: the last decoder
        layer's answer is enough."""
        bias = torch.cat([padding_bias(seen.shown), padding_bias(mask)], dim=-1)
        placed = torch.cat([seen.places, torch.zeros_like(text)], dim=-2)
        memory = torch.cat([seen.features, text], dim=-2)  # (..., N + T, D)
        for layer in self.encoder:
            memory = layer(memory, placed, bias)
        asked = self.queries.weight.expand(*memory.shape[:-2], -1, -1)
        query, found = torch.zeros_like(asked), []
        for layer in self.decoder:
            query = layer(query, asked, memory, memory + placed, bias)
            found.append(query)
        hidden = self.decoder_norm(torch.stack(found[-1:] if last_only else found))
        logits, boxes = self.class_head(hidden).float(), self.box_head(hidden).float().sigmoid()
        if last_only:
            return Prediction(logits, boxes)
        cells, said = memory.split([seen.features.shape[-2], text.shape[-2]], dim=-2)
        return Prediction(
            logits,
            boxes,
            F.normalize(self.aligned_query(hidden).float(), dim=-1),
            F.normalize(self.aligned_token(said).float(), dim=-1),
            cells,
        )


def scores(logits: Tensor) -> Tensor:
    """Logits (..., Q, 256) -> (..., Q): how likely each query means anything at all, as published
    for referring expressions."""
    return 1 - logits.softmax(-1)[..., -1]
