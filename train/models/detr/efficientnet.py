"""EfficientNet (Tan and Le 2019) without its head, by timm's names, padded as TensorFlow pads.

MDETR's published code takes it from timm with frozen batch norms. From timm 1.x on it loads there
and computes something else: norms that hold their activation are exchanged for norms without one.
The right one has an activation behind every norm that is followed by a convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

SQUEEZE = 4  # channels that come into a block, over those of its squeeze-and-excite
# Expansion, channels, blocks, kernel, stride of each stage.
Stage = tuple[int, int, int, int, int]
B3: tuple[Stage, ...] = (
    (1, 24, 2, 3, 1),
    (6, 32, 3, 3, 2),
    (6, 48, 3, 5, 2),
    (6, 96, 5, 3, 2),
    (6, 136, 5, 5, 1),
    (6, 232, 6, 5, 2),
    (6, 384, 2, 3, 1),
)
B3_STEM = 40


class SameConv2d(nn.Conv2d):
    """A convolution whose map is the input's size over the stride, rounded up; where padding is
    odd, there is one more at the right and at the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h / stride, w / stride)."""
        sides: list[int] = []
        for size, kernel, stride in zip(
            (x.shape[-1], x.shape[-2]), self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(x, sides) if any(sides) else x)


def _conv(channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return SameConv2d(channels, out, kernel, stride, groups=groups, bias=False)


class SqueezeExcite(nn.Module):
    """Every channel weighted by what the whole map says of it."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, squeezed, 1)
        self.conv_expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        said = x.mean((2, 3), keepdim=True)
        return x * self.conv_expand(F.silu(self.conv_reduce(said))).sigmoid()


class Separable(nn.Module):
    """Each channel by itself, then all of them: a block without expansion."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.skips = stride == 1 and channels == out
        self.conv_dw = _conv(channels, channels, kernel, stride, channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.se = SqueezeExcite(channels, channels // SQUEEZE)
        self.conv_pw = _conv(channels, out)
        self.bn2 = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, out, h / stride, w / stride)."""
        inner = self.se(F.silu(self.bn1(self.conv_dw(x))))
        inner = self.bn2(self.conv_pw(inner))
        return x + inner if self.skips else inner


class Inverted(nn.Module):
    """A block that is wider inside than at its ends."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        grown = channels * expansion
        self.skips = stride == 1 and channels == out
        self.conv_pw = _conv(channels, grown)
        self.bn1 = nn.BatchNorm2d(grown)
        self.conv_dw = _conv(grown, grown, kernel, stride, grown)
        self.bn2 = nn.BatchNorm2d(grown)
        self.se = SqueezeExcite(grown, channels // SQUEEZE)
        self.conv_pwl = _conv(grown, out)
        self.bn3 = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, out, h / stride, w / stride)."""
        inner = F.silu(self.bn1(self.conv_pw(x)))
        inner = self.se(F.silu(self.bn2(self.conv_dw(inner))))
        inner = self.bn3(self.conv_pwl(inner))
        return x + inner if self.skips else inner


class EfficientNet(nn.Module):
    """The last stage's map; ``channels`` wide, ``stride`` pixels a cell."""

    def __init__(self, stem: int, stages: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.channels, self.stride = stages[-1][1], 2
        self.conv_stem = _conv(3, stem, 3, 2)
        self.bn1 = nn.BatchNorm2d(stem)
        channels, made = stem, []
        for expansion, out, blocks, kernel, stride in stages:
            self.stride *= stride
            layers: list[nn.Module] = []
            for number in range(blocks):
                step = 1 if number else stride
                layers.append(
                    Separable(channels, out, kernel, step)
                    if expansion == 1
                    else Inverted(channels, out, kernel, step, expansion)
                )
                channels = out
            made.append(nn.Sequential(*layers))
        self.blocks = nn.Sequential(*made)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, channels, H / stride, W / stride), sizes rounded up."""
        return self.blocks(F.silu(self.bn1(self.conv_stem(pixels))))
