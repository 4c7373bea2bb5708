"""EfficientNet (Tan and Le 2019) without its head, by timm's names, padded as TensorFlow pads.

MDETR's published code takes it from timm with frozen batch norms. From timm 1.x on it loads there
and computes something else: norms that hold their activation are exchanged for norms without one.
The right one has an activation behind every norm that is followed by a convolution.

EfficientNet-Lite is the same without squeeze-and-excite, and with ReLU6 in place of SiLU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
LITE0: tuple[Stage, ...] = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)
LITE0_STEM = 32


@dataclass(frozen=True)
class Style:
    """What the blocks of a network have in common.

    lite: they are EfficientNet-Lite's. norms: a batch norm behind every convolution; without,
    convolutions have a bias, into which norms that stay as they are go.
    """

    lite: bool = False
    norms: bool = True

    @property
    def activation(self) -> Callable[[Tensor], Tensor]:
        return F.relu6 if self.lite else F.silu

    def conv(
        self, channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> SameConv2d:
        """A convolution that a norm follows, if there are any."""
        return SameConv2d(channels, out, kernel, stride, groups=groups, bias=not self.norms)

    def norm(self, channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels) if self.norms else nn.Identity()

    def excite(self, channels: int, squeezed: int) -> nn.Module:
        return nn.Identity() if self.lite else SqueezeExcite(channels, squeezed)


class SameConv2d(nn.Conv2d):
    """A convolution whose map is the input's size over the stride, rounded up; where padding is
    odd, there is one more at the right and at the bottom."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C', h / stride, w / stride)."""
        tall, wide = (
            max((-(-size // stride) - 1) * stride + kernel - size, 0)
            for size, kernel, stride in zip(
                x.shape[-2:], self.kernel_size, self.stride, strict=True
            )
        )
        if tall % 2 or wide % 2:
            x = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
            tall, wide = 0, 0
        around = (tall // 2, wide // 2)  # by the convolution itself, which copies nothing
        return F.conv2d(x, self.weight, self.bias, self.stride, around, groups=self.groups)


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

    def __init__(self, style: Style, channels: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.skips, self.activation = stride == 1 and channels == out, style.activation
        self.conv_dw = style.conv(channels, channels, kernel, stride, channels)
        self.bn1 = style.norm(channels)
        self.se = style.excite(channels, channels // SQUEEZE)
        self.conv_pw = style.conv(channels, out)
        self.bn2 = style.norm(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, out, h / stride, w / stride)."""
        inner = self.se(self.activation(self.bn1(self.conv_dw(x))))
        inner = self.bn2(self.conv_pw(inner))
        return x + inner if self.skips else inner


class Inverted(nn.Module):
    """A block that is wider inside than at its ends."""

    def __init__(
        self, style: Style, channels: int, out: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        grown = channels * expansion
        self.skips, self.activation = stride == 1 and channels == out, style.activation
        self.conv_pw = style.conv(channels, grown)
        self.bn1 = style.norm(grown)
        self.conv_dw = style.conv(grown, grown, kernel, stride, grown)
        self.bn2 = style.norm(grown)
        self.se = style.excite(grown, channels // SQUEEZE)
        self.conv_pwl = style.conv(grown, out)
        self.bn3 = style.norm(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, out, h / stride, w / stride)."""
        inner = self.activation(self.bn1(self.conv_pw(x)))
        inner = self.se(self.activation(self.bn2(self.conv_dw(inner))))
        inner = self.bn3(self.conv_pwl(inner))
        return x + inner if self.skips else inner


class EfficientNet(nn.Module):
    """``stem`` channels, then ``stages``; lite, norms: see ``Style``.

    Attributes:
        channels: of the last stage's map. stride: pixels a cell of it.
        ends: the last stage of every resolution, finest first; each has half of the one before.
    """

    def __init__(
        self, stem: int, stages: Sequence[Sequence[int]], lite: bool = False, norms: bool = True
    ) -> None:
        super().__init__()
        style = Style(lite, norms)
        self.activation = style.activation
        self.channels, self.stride = stages[-1][1], 2
        self.conv_stem = style.conv(3, stem, 3, 2)
        self.bn1 = style.norm(stem)
        channels, made = stem, []
        for expansion, out, blocks, kernel, stride in stages:
            self.stride *= stride
            layers: list[nn.Module] = []
            for number in range(blocks):
                step = 1 if number else stride
                layers.append(
                    Separable(style, channels, out, kernel, step)
                    if expansion == 1
                    else Inverted(style, channels, out, kernel, step, expansion)
                )
                channels = out
            made.append(nn.Sequential(*layers))
        self.blocks = nn.Sequential(*made)
        halving = [number for number, stage in enumerate(stages) if stage[4] > 1]
        self.ends = [*(number - 1 for number in halving if number), len(stages) - 1]

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, channels, H / stride, W / stride), sizes rounded up."""
        return self.maps(pixels)[-1]

    def maps(self, pixels: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> one map of each of ``ends``."""
        x, found = self.activation(self.bn1(self.conv_stem(pixels))), []
        for number, stage in enumerate(self.blocks):
            x = stage(x)
            if number in self.ends:
                found.append(x)
        return found

    def until(self, resolutions: int) -> list[nn.Module]:
        """The modules that make the maps of the first so many resolutions."""
        if not resolutions:
            return []
        return [self.conv_stem, self.bn1, *self.blocks[: self.ends[resolutions - 1] + 1]]
