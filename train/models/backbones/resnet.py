"""ResNet with bottlenecks (He et al. 2016), by torchvision's names: stride on the 3x3 convolution.

Published checkpoints have its batch norms frozen. Here they are ordinary ones, which are the same
in eval mode and can be trained from scratch.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

EXPANSION = 4  # channels of a block's output, over those inside


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions beside a shortcut."""

    def __init__(self, channels: int, planes: int, stride: int) -> None:
        super().__init__()
        grown = planes * EXPANSION
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, grown, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(grown)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != grown:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, grown, 1, stride, bias=False), nn.BatchNorm2d(grown)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 4 * planes, h / stride, w / stride)."""
        inner = self.bn1(self.conv1(x)).relu()
        inner = self.bn2(self.conv2(inner)).relu()
        return (self.bn3(self.conv3(inner)) + self.downsample(x)).relu()


class ResNet(nn.Module):
    """The last stage's map; ``channels`` wide, ``stride`` pixels a cell.

    stem: channels of the first convolution. planes, blocks: of each stage, of which every one but
    the first halves the map.
    """

    def __init__(self, stem: int, planes: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.channels, self.stride = planes[-1] * EXPANSION, 2 ** (len(planes) + 1)
        self.conv1 = nn.Conv2d(3, stem, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        channels = stem
        self.stages = [f"layer{index + 1}" for index in range(len(planes))]
        for index, name in enumerate(self.stages):
            layers = []
            for number in range(blocks[index]):
                stride = 2 if index and not number else 1
                layers.append(Bottleneck(channels, planes[index], stride))
                channels = planes[index] * EXPANSION
            self.add_module(name, nn.Sequential(*layers))

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, channels, H / stride, W / stride), sizes rounded up."""
        x = self.maxpool(self.bn1(self.conv1(pixels)).relu())
        for name in self.stages:
            x = self.get_submodule(name)(x)
        return x
