"""The heads: vectors of an image and of a sentence in, boxes or the values of actions out.

CLIP's vectors have length 1 here, as the vehicle has them; a head makes numbers of the size of 1 of
them. Forward passes are those of the graphs; what training needs besides has names of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from sdk.regions.refiners.acting import ACTIONS, REMEMBERED
from train.losses.boxes import to_corners
from train.models.box_refiners.config import (
    DIFFUSION,
    DQN,
    PROJECTION,
    PROJECTION_IOU,
    BoxConfig,
)

TIME_WIDTH = 64  # numbers that tell the network how far the noise is


def make_head(config: BoxConfig) -> Head:
    """The head of a configuration, with random weights."""
    return HEADS[config.method](config)


def layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers of these widths with ReLUs between."""
    found: list[nn.Module] = []
    for before, after in pairwise(widths):
        found += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*found[:-1])


def joined(image_features: Tensor, text_features: Tensor) -> Tensor:
    """(B, D) each, of length 1 -> (B, 2 D), numbers of the size of 1."""
    both = torch.cat([image_features, text_features], dim=-1)
    return both * math.sqrt(image_features.shape[-1])


def observed(image_features: Tensor, text_features: Tensor, past: Tensor, box: Tensor) -> Tensor:
    """The state of a search as one vector each, (B, 2 D + 94): see ``QNetwork``."""
    return torch.cat([joined(image_features, text_features), past, box], dim=-1)


class Projection(nn.Module):
    """Both vectors -> 512 -> 256 -> 128 -> four numbers, as published in two variants.

    ``projection`` ends in a ReLU, and means pixels of the frame, xyxy. ``projection-iou`` ends in a
    sigmoid, and means cxcywh as shares of it.
    """

    def __init__(self, config: BoxConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = layers([2 * config.features, *config.widths, 4])

    @torch.no_grad()
    def begin_at(self, box: Tensor) -> None:
        """Every sentence means this box (4,) at first, as ``regress`` says boxes.

        Not published: where a ReLU at the end says 0 for all, nothing is ever learned.
        """
        last = self.layers[-1]
        last.weight.mul_(0.1)
        last.bias.copy_(box if self.config.method == PROJECTION else torch.logit(box))

    def regress(self, image_features: Tensor, text_features: Tensor) -> Tensor:
        """(B, 4), as the loss wants them: xyxy pixels, or cxcywh shares."""
        found = self.layers(joined(image_features, text_features))
        return found.relu() if self.config.method == PROJECTION else found.sigmoid()

    def forward(self, image_features: Tensor, text_features: Tensor) -> Tensor:
        """(B, 4) xyxy, pixels or shares."""
        found = self.regress(image_features, text_features)
        return found if self.config.method == PROJECTION else to_corners(found)


class QNetwork(nn.Module):
    """The values of the actions, of what is seen, said and done, and where the box is."""

    def __init__(self, config: BoxConfig) -> None:
        super().__init__()
        self.config = config
        wide = 2 * config.features + REMEMBERED * len(ACTIONS) + 4
        self.layers = layers([wide, *config.widths, len(ACTIONS)])

    def forward(
        self, image_features: Tensor, text_features: Tensor, past: Tensor, box: Tensor
    ) -> Tensor:
        """(B, D) twice, (B, 90), (B, 4) xyxy shares of the frame -> (B, 9)."""
        return self.layers(observed(image_features, text_features, past, box))


class Denoiser(nn.Module):
    """The noise in a box, by both vectors and by how far the noise is (Ho et al. 2020).

    The forward pass is the engine's: so many boxes that begin as the mean box in noise are denoised
    by DDIM (Song et al. 2021) in few steps, which are unrolled. The noise is part of the network,
    so that the same frame has the same answer.

    The published noise leaves 0.6 of the box at the last of 100 steps, where an engine knows
    nothing of it yet: so it begins with the mean box in its place, and as much noise.
    """

    def __init__(self, config: BoxConfig) -> None:
        super().__init__()
        self.config = config
        wide = 4 + TIME_WIDTH + 2 * config.features
        self.layers = layers([wide, *config.widths, 4])
        for name, values in (("centre", config.centre), ("spread", config.spread)):
            self.register_buffer(name, torch.tensor(values), persistent=False)
        betas = torch.linspace(*config.betas, config.times, dtype=torch.float64)
        self.left: list[float] = torch.cumprod(1.0 - betas, 0).tolist()  # alpha bar, of each step
        noise = torch.Generator().manual_seed(config.seed)
        self.register_buffer("starts", torch.randn(config.starts, 4, generator=noise))

    def normalised(self, cxcywh: Tensor) -> Tensor:
        """Boxes (B, 4) as shares of the frame -> numbers of the size of 1."""
        return (cxcywh - self.centre) / self.spread

    def noise_in(
        self, noisy: Tensor, time: Tensor, image_features: Tensor, text_features: Tensor
    ) -> Tensor:
        """The noise (B, 4) in normalised boxes at steps (B,), counted from 0."""
        both = joined(image_features, text_features)
        return self.layers(torch.cat([noisy, encoded(time, noisy.dtype), both], dim=-1))

    def times(self) -> list[int]:
        """The steps that the engine takes, from the last one down ("trailing", Lin et al. 2024)."""
        every = self.config.times / self.config.unrolled
        return [round(self.config.times - k * every) - 1 for k in range(self.config.unrolled)]

    def denoised(self, image_features: Tensor, text_features: Tensor) -> Tensor:
        """(1, D) twice -> boxes (starts, 4), cxcywh shares of the frame."""
        boxes = self.starts * math.sqrt(1.0 - self.left[-1])  # of the mean box, which is 0
        count, taken = len(self.starts), self.times()
        image, text = image_features.expand(count, -1), text_features.expand(count, -1)
        left = self.left
        for time, following in zip(taken, [*taken[1:], -1], strict=True):
            moment = torch.full((count,), time, device=boxes.device)
            noise = self.noise_in(boxes, moment, image, text)
            clean = (boxes - math.sqrt(1.0 - left[time]) * noise) / math.sqrt(left[time])
            before = left[following] if following >= 0 else 1.0
            boxes = math.sqrt(before) * clean + math.sqrt(1.0 - before) * noise
        return boxes * self.spread + self.centre

    def forward(self, image_features: Tensor, text_features: Tensor) -> Tensor:
        """(1, D) twice -> boxes (starts, 4), xyxy shares of the frame."""
        return to_corners(self.denoised(image_features, text_features))


def encoded(time: Tensor, dtype: torch.dtype) -> Tensor:
    """Steps (B,) as sines and cosines (B, TIME_WIDTH), as positions in a transformer."""
    half = TIME_WIDTH // 2
    rates = torch.exp(-math.log(10_000.0) * torch.arange(half, device=time.device) / half)
    angles = time[:, None].to(rates.dtype) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1).to(dtype)


Head = Projection | QNetwork | Denoiser
HEADS: Mapping[str, Callable[[BoxConfig], Head]] = {
    PROJECTION: Projection,
    PROJECTION_IOU: Projection,
    DQN: QNetwork,
    DIFFUSION: Denoiser,
}
