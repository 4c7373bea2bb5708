"""The levels of a small detector's pyramid as one map."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.models.detector.pyramid import Pyramid


class Levels(nn.Module):
    """Strides 8, 16 and 32 side by side at 16: the finer one is averaged, the coarser one repeated.

    So a one-look model can begin with what a detector has learned, as the published ones begin with
    a backbone that knows ImageNet, and TransVG with a DETR.

    width: channels of each level.
    """

    stride = 16

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channels = 3 * width
        self.pyramid = Pyramid(width)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, channels, H / 16, W / 16)."""
        fine, middle, coarse = self.pyramid(pixels)
        repeated = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return torch.cat([F.avg_pool2d(fine, 2), middle, repeated], 1)
