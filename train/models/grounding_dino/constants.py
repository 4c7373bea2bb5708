"""What depends on the input size alone: positions, centres, proposals. Computed once, float32."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import MMGroundingDinoConfig

from train.models.grounding_dino.deformable import Shape


@dataclass(frozen=True)
class Constants:
    """N locations over all levels, finest level first, row-major within a level."""

    shapes: tuple[Shape, ...]  # (h, w) of each level
    position: Tensor  # (N, D) sine code of the location
    level: Tensor  # (N,) level of the location
    centres: Tensor  # (N, 2) x, y in [0, 1]
    proposals: Tensor  # (N, 4) cxcywh before the sigmoid
    valid: Tensor  # (N, 1) 1 where the proposal lies inside the image
    all_valid: bool


def level_shapes(dino: MMGroundingDinoConfig, input_hw: tuple[int, int]) -> tuple[Shape, ...]:
    """(h, w) of every feature level: strides 2^(stage+1), odd sizes round up."""
    stages = dino.backbone_config.out_indices
    extra = dino.num_feature_levels - len(stages)
    strides = [2 ** (stage + 1) for stage in stages]
    strides += [strides[-1] * 2 ** (i + 1) for i in range(extra)]
    return tuple((_ceil_div(input_hw[0], s), _ceil_div(input_hw[1], s)) for s in strides)


def make_constants(
    dino: MMGroundingDinoConfig, input_hw: tuple[int, int], device: torch.device
) -> Constants:
    shapes = level_shapes(dino, input_hw)
    parts = [_level(dino, index, shape) for index, shape in enumerate(shapes)]
    position, centres, boxes = (torch.cat(column) for column in zip(*parts, strict=True))
    valid = ((boxes > 0.01) & (boxes < 0.99)).all(-1, keepdim=True)
    # Finite where the published code has infinity: the sigmoid of 1e4 is 1 all the same.
    proposals = torch.where(valid, torch.logit(boxes), torch.tensor(1e4))
    level = torch.cat([torch.full((h * w,), i) for i, (h, w) in enumerate(shapes)])
    tensors = [position, level, centres, proposals, valid.float()]
    return Constants(shapes, *(tensor.to(device) for tensor in tensors), bool(valid.all()))


def _level(dino: MMGroundingDinoConfig, index: int, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    height, width = shape
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    rows, columns = rows.flatten().float(), columns.flatten().float()
    centres = torch.stack([(columns + 0.5) / width, (rows + 0.5) / height], dim=-1)
    size = torch.full_like(centres, 0.05 * 2.0**index)
    return _sine(dino, rows, columns, shape), centres, torch.cat([centres, size], dim=-1)


def _sine(dino: MMGroundingDinoConfig, rows: Tensor, columns: Tensor, shape: Shape) -> Tensor:
    """DETR's sine position code (y first), as transformers computes it for a full pixel mask."""
    half = dino.d_model // 2
    exponent = 2 * torch.div(torch.arange(half), 2, rounding_mode="floor") / half
    periods = float(dino.positional_embedding_temperature) ** exponent
    codes = []
    for index, count in ((rows, shape[0]), (columns, shape[1])):
        angle = (index + 1) / (count + 1e-6) * 2 * math.pi
        angle = angle[:, None] / periods
        code = torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=-1).flatten(1)
        codes.append(code)
    return torch.cat(codes, dim=-1)


def _ceil_div(value: int, stride: int) -> int:
    # Strides are powers of two and every convolution rounds up: so does their chain.
    return -(-value // stride)
