"""Features of an image at strides 8, 16 and 32, from convolutions alone.

A residual network, and a path back from coarse to fine (Lin et al. 2017). Most of its work is done
where maps are small already: what trains on a processor core has no time for wide layers at full
resolution, and objects of a dozen pixels are seen well enough at stride 8.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, SiLU."""

    def __init__(self, inside: int, outside: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outside),
            nn.SiLU(inplace=True),
        )


class Residual(nn.Module):
    """Two convolutions through half as many channels, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            ConvNorm(channels, channels // 2), ConvNorm(channels // 2, channels)
        )

    def forward(self, features: Tensor) -> Tensor:
        return features + self.inner(features)


class Pyramid(nn.Module):
    """Pixels (B, 3, H, W) -> features (B, width, H / s, W / s) for s = 8, 16 and 32.

    Args:
        width: channels of its outputs.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = (width // 4, width // 2, width, 2 * width, 3 * width)
        depths = (0, 1, 2, 2, 1)
        stages, inside = [], 3
        for outside, depth in zip(sizes, depths, strict=True):
            blocks = (Residual(outside) for _ in range(depth))
            stages.append(nn.Sequential(ConvNorm(inside, outside, stride=2), *blocks))
            inside = outside
        self.stages = nn.ModuleList(stages)
        self.context = ConvNorm(3 * sizes[-1], width, 1)
        self.across = nn.ModuleList(ConvNorm(size, width, 1) for size in sizes[2:4])
        self.smooth = nn.ModuleList(ConvNorm(width, width) for _ in range(3))

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        levels, features = [], pixels
        for stage in self.stages:
            features = stage(features)
            levels.append(features)
        # What lies far around: pooled twice, so that the coarsest cells see the whole input.
        near = F.max_pool2d(features, 5, 1, 2)
        top = self.context(torch.cat([features, near, F.max_pool2d(near, 5, 1, 2)], 1))
        downwards = [top]
        for across, finer in zip(reversed(self.across), reversed(levels[2:4]), strict=True):
            coarser = F.interpolate(downwards[-1], scale_factor=2.0, mode="nearest")
            downwards.append(coarser + across(finer))
        return tuple(
            smooth(level) for smooth, level in zip(self.smooth, reversed(downwards), strict=True)
        )


def flat(levels: list[Tensor], columns: int) -> Tensor:
    """Maps (B, A * columns, h, w) of several levels -> (B, N, columns), row by row and level by
    level, the A of a cell side by side: as ``sdk.regions.heads`` counts cells."""
    rows = [level.permute(0, 2, 3, 1).reshape(len(level), -1, columns) for level in levels]
    return torch.cat(rows, dim=1)
