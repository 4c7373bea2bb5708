"""A YOLO without anchors: every cell says what it is the middle of, and how far the sides are.

Class and box have towers of their own, shared by all levels but for their batch norms, as in
NanoDet: an object is the same at every size. Distances are exponentials in cells, not
distributions over bins: they learn in fewer steps, and a box to within a pixel or two is enough
to be proposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdk.regions.heads.head import grid
from sdk.regions.heads.yolo import STRIDES, Yolo
from train.models.detector.config import DetectorConfig
from train.models.detector.pyramid import Pyramid, flat

_FARTHEST = 4.0  # logarithm of a distance in cells
_CELLS_AN_OBJECT, _OBJECTS = 4, 8  # that a class is expected in before anything is learned


@dataclass(frozen=True)
class Dense:
    """What every location says of B inputs.

    Attributes:
        logits: (B, N, C), of each class by itself.
        boxes: (B, N, 4) cxcywh in units of the input.
        centres: (N, 2) of the locations, in units of the input.
        cells: (N, 2) their width and height.
    """

    logits: Tensor
    boxes: Tensor
    centres: Tensor
    cells: Tensor


class Tower(nn.Module):
    """Convolutions that all levels share, each with batch norms of its own."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(depth)
        )
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.BatchNorm2d(width) for _ in STRIDES) for _ in range(depth)
        )

    def forward(self, features: Tensor, level: int) -> Tensor:
        for convolution, norms in zip(self.convolutions, self.norms, strict=True):
            features = F.silu(norms[level](convolution(features)))
        return features


class SmallYolo(nn.Module):
    """Pixels (B, 3, H, W) -> ``Dense``.

    Args:
        config: of the kind ``yolo``.
    """

    centres: Tensor
    cells: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.pyramid = Pyramid(width)
        self.class_tower, self.box_tower = Tower(width, 2), Tower(width, 2)
        self.logits = nn.Conv2d(width, len(config.labels), 1)
        self.distances = nn.Conv2d(width, 4, 1)
        places, strides = grid(config.input_hw, STRIDES)
        cells = torch.from_numpy(strides)[:, None] / torch.tensor(config.input_hw[::-1])
        centres = (torch.from_numpy(places) + 0.5) * cells
        self.register_buffer("cells", cells.float(), persistent=False)
        self.register_buffer("centres", centres.float(), persistent=False)
        often = _CELLS_AN_OBJECT * _OBJECTS / len(config.labels) / len(cells)
        nn.init.normal_(self.logits.weight, std=0.01)
        nn.init.constant_(self.logits.bias, math.log(often / (1 - often)))
        nn.init.normal_(self.distances.weight, std=0.01)
        nn.init.constant_(self.distances.bias, math.log(2.0))

    def forward(self, pixels: Tensor) -> Dense:
        levels = self.pyramid(pixels)
        logits = [self.logits(self.class_tower(each, k)) for k, each in enumerate(levels)]
        sides = [self.distances(self.box_tower(each, k)) for k, each in enumerate(levels)]
        # left, top, right, bottom, in cells -> units of the input
        distances = flat(sides, 4).float().clamp(max=_FARTHEST).exp() * self.cells.repeat(1, 2)
        low, high = distances[..., :2], distances[..., 2:]
        boxes = torch.cat([self.centres + (high - low) / 2, low + high], dim=-1)
        return Dense(flat(logits, len(self.config.labels)), boxes, self.centres, self.cells)

    def answer(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The output of ``head``, (B, 4 + C, N): a box and its scores a column."""
        found = self(pixels)
        height, width = self.config.input_hw
        boxes = found.boxes * found.boxes.new_tensor([width, height, width, height])
        return (torch.cat([boxes, found.logits.sigmoid()], dim=-1).transpose(1, 2),)

    @property
    def head(self) -> Yolo:
        """How the output becomes boxes."""
        return Yolo("boxes", "columns", len(self.config.labels), self.config.input_hw)
