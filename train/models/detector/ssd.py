"""An SSD (Liu et al. 2016) over a feature pyramid: six anchors a cell, moved and stretched."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdk.regions.heads.head import Scoring
from sdk.regions.heads.ssd import PYRAMID, SHAPES, STRIDES, Ssd, pyramid_anchors
from train.models.detector.config import DetectorConfig
from train.models.detector.pyramid import ConvNorm, Pyramid, flat

_PRIOR = 0.01  # share of anchors that are taken for an object before anything is learned


@dataclass(frozen=True)
class Anchored:
    """What an SSD says of B inputs.

    Attributes:
        logits: (B, N, C + 1), no object first.
        offsets: (B, N, 4) from the anchors, as ``sdk.regions.heads.ssd`` has them.
        anchors: (N, 4) cxcywh in units of the input.
    """

    logits: Tensor
    offsets: Tensor
    anchors: Tensor


class SmallSsd(nn.Module):
    """Pixels (B, 3, H, W) -> ``Anchored``.

    Args:
        config: of the kind ``ssd``.
    """

    anchors: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        width, shapes = config.width, len(SHAPES)
        columns = len(config.labels) + 1
        self.pyramid = Pyramid(width)
        self.towers = nn.ModuleList(ConvNorm(width, width) for _ in STRIDES)
        self.logits = nn.ModuleList(nn.Conv2d(width, shapes * columns, 1) for _ in STRIDES)
        self.offsets = nn.ModuleList(nn.Conv2d(width, shapes * 4, 1) for _ in STRIDES)
        anchors = torch.from_numpy(pyramid_anchors(config.input_hw)).float()
        self.register_buffer("anchors", anchors, persistent=False)
        nothing = math.log((1 - _PRIOR) * (columns - 1) / _PRIOR)
        for layer in self.logits:
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
            with torch.no_grad():
                layer.bias[::columns] = nothing
        for layer in self.offsets:
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Anchored:
        levels = [
            tower(level) for tower, level in zip(self.towers, self.pyramid(pixels), strict=True)
        ]
        logits = [layer(level) for layer, level in zip(self.logits, levels, strict=True)]
        offsets = [layer(level) for layer, level in zip(self.offsets, levels, strict=True)]
        columns = len(self.config.labels) + 1
        return Anchored(flat(logits, columns), flat(offsets, 4), self.anchors)

    def answer(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The outputs of ``head``: logits (B, N, C + 1), offsets (B, N, 4)."""
        found = self(pixels)
        return found.logits, found.offsets

    @property
    def head(self) -> Ssd:
        """How outputs become boxes."""
        config, scoring = self.config, Scoring("softmax", "first")
        classes = len(config.labels)
        return Ssd("scores", "offsets", classes, scoring, PYRAMID, input_hw=config.input_hw)
