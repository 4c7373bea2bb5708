"""Multi-scale deformable attention over transformers' module, with static shapes.

Two samplers compute the same bilinear values: ``grid_sampler`` (fast, differentiable) for
training, and ``gather_sampler`` for export, because TensorRT miscompiles GridSample
(https://github.com/NVIDIA/TensorRT/issues/4813).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Shape = tuple[int, int]
Sampler = Callable[[Tensor, Shape, Tensor], Tensor]


def grid_sampler(value: Tensor, shape: Shape, locations: Tensor) -> Tensor:
    """Bilinear samples of one level, zero outside.

    value (B*M, d, h*w) of M heads, locations (B*M, Q, P, 2) with x, y in [0, 1] -> (B*M, d, Q, P).
    """
    grid = 2 * locations - 1
    image = value.unflatten(-1, shape)
    return F.grid_sample(
        image, grid.to(image.dtype), mode="bilinear", padding_mode="zeros", align_corners=False
    )


def gather_sampler(value: Tensor, shape: Shape, locations: Tensor) -> Tensor:
    """``grid_sampler`` out of Gather, Floor and Clip alone, with int32 indices."""
    height, width = shape
    heads, depth, _ = value.shape
    _, queries, points, _ = locations.shape
    x = locations[..., 0] * width - 0.5
    y = locations[..., 1] * height - 0.5
    x0, y0 = torch.floor(x), torch.floor(y)
    total = value.new_zeros(heads, depth, queries * points)
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = x0 + dx, y0 + dy
            weight = (1 - (x - column).abs()) * (1 - (y - row).abs())
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            weight = weight * inside.to(weight.dtype)
            index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
            index = index.to(torch.int64).reshape(heads, 1, -1).expand(-1, depth, -1)
            total = total + torch.gather(value, 2, index) * weight.reshape(heads, 1, -1)
    return total.unflatten(-1, (queries, points))


def deformable_attention(
    module: nn.Module,
    query: Tensor,
    memory: Tensor,
    reference: Tensor,
    shapes: tuple[Shape, ...],
    sampler: Sampler,
) -> Tensor:
    """Deformable attention (Zhu et al. 2021, eq. 3) with the weights of ``module``.

    module: ``MMGroundingDinoMultiscaleDeformableAttention``. query (B, Q, D), position included.
    memory (B, N, D), levels concatenated. reference (B or 1, Q, 2) centres or (B, Q, 4) boxes
    cxcywh in [0, 1]. Returns (B, Q, D).
    """
    batch, queries, dim = query.shape
    heads, levels, points = module.n_heads, module.n_levels, module.n_points
    head_dim = dim // heads
    # (B, N, D) -> (B*M, d, N)
    value = module.value_proj(memory).transpose(1, 2).reshape(batch * heads, head_dim, -1)
    offsets = module.sampling_offsets(query).view(batch, queries, heads, levels, points, 2).float()
    weights = module.attention_weights(query).view(batch, queries, heads, levels * points)
    weights = weights.float().softmax(-1)
    if reference.shape[-1] == 2:
        size = offsets.new_tensor([[w, h] for h, w in shapes])[None, None, None, :, None]
        locations = reference[:, :, None, None, None] + offsets / size
    else:
        centre, extent = reference[:, :, None, None, None, :2], reference[:, :, None, None, None, 2:]
        locations = centre + offsets / points * extent * 0.5
    # (B, Q, M, L, P, 2) -> (B*M, Q, L, P, 2)
    locations = locations.transpose(1, 2).reshape(batch * heads, queries, levels, points, 2)
    weights = weights.transpose(1, 2).reshape(batch * heads, 1, queries, levels * points)
    per_level = value.split([h * w for h, w in shapes], dim=2)
    samples = torch.cat(
        [sampler(per_level[i], shapes[i], locations[:, :, i]) for i in range(levels)], dim=-1
    )  # (B*M, d, Q, L*P)
    out = (samples * weights.to(samples.dtype)).sum(-1)  # (B*M, d, Q)
    return module.output_proj(out.reshape(batch, dim, queries).transpose(1, 2))
