"""Multi-scale deformable attention over transformers' module, with static shapes.

Two samplers compute the same values: ``grid_sampler`` (fast, differentiable) for training, and
``gather_sampler`` for export, because TensorRT miscompiles GridSample
(https://github.com/NVIDIA/TensorRT/issues/4813).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Shape = tuple[int, int]
# (value (B*M, N, d), level shapes, locations (2, L, P, B*M, Q), weights (L, P, B*M, Q))
# -> (B*M, Q, d), for M heads, L levels and P points a level; queries come last because runtimes are
# slow where the last axes are short
Sampler = Callable[[Tensor, tuple[Shape, ...], Tensor, Tensor], Tensor]


def grid_sampler(
    value: Tensor, shapes: tuple[Shape, ...], locations: Tensor, weights: Tensor
) -> Tensor:
    """Weighted sum of bilinear samples, zero outside; locations are x and y in [0, 1]."""
    grids = (2 * locations - 1).permute(1, 3, 4, 2, 0)  # (L, B*M, Q, P, 2)
    levels = value.transpose(1, 2).split([h * w for h, w in shapes], dim=2)
    samples = [
        F.grid_sample(
            level.unflatten(-1, shape),
            grids[index].to(level.dtype),
            mode="bilinear",
            padding_mode="zeros",
            align_corners=False,
        )
        for index, (level, shape) in enumerate(zip(levels, shapes, strict=True))
    ]
    stacked = torch.cat(samples, dim=-1)  # (B*M, d, Q, L*P)
    weights = weights.permute(2, 3, 0, 1).flatten(2)[:, None]  # (B*M, 1, Q, L*P)
    return (stacked * weights.to(stacked.dtype)).sum(-1).transpose(1, 2)


def gather_sampler(
    value: Tensor, shapes: tuple[Shape, ...], locations: Tensor, weights: Tensor
) -> Tensor:
    """``grid_sampler`` as one Gather and one MatMul over all levels, points and corners.

    Columns and rows are worked out apart: our own choice, for there is half as much to compute.
    Rows of memory are bounded as integers, so that a location which is not a number reads what is
    there, and not beyond; its weight is not a number either, and the answer tells.
    """
    heads, count, depth = value.shape
    sizes = locations.new_tensor([[w for _, w in shapes], [h for h, _ in shapes]])
    sizes = sizes[:, :, None, None]  # (2, L, 1, 1)
    starts = [sum(h * w for h, w in shapes[:index]) for index in range(len(shapes))]
    width, limit = sizes[0].to(torch.int32), sizes.to(torch.int32) - 1
    start = limit.new_tensor(starts)[:, None, None]  # (L, 1, 1)
    place = locations.flatten(3) * sizes - 0.5  # (2, L, P, B*M*Q)
    low = torch.floor(place)
    far = place - low
    share = torch.stack([1 - far, far])  # (2, 2, L, P, B*M*Q)
    cell = torch.stack([low, low + 1]).to(torch.int32)
    nearest = torch.minimum(torch.maximum(cell, torch.zeros_like(limit)), limit)
    share = share * (nearest == cell).to(share.dtype)
    begin = nearest[:, 1] * width + start  # of the row that the corner is in
    index = begin[:, None] + nearest[None, :, 0]  # (2, 2, L, P, B*M*Q)
    weight = (share[:, 1] * weights.flatten(2))[:, None] * share[None, :, 0]
    weight, index = (
        corners.flatten(0, 3).transpose(0, 1).unflatten(0, (heads, -1))  # (B*M, Q, 4*L*P)
        for corners in (weight, index)
    )
    head = torch.arange(heads, dtype=torch.int32, device=value.device)[:, None, None] * count
    rows = (index + head).flatten()
    picked = torch.index_select(value.reshape(heads * count, depth), 0, rows)
    picked = picked.reshape(heads, -1, weight.shape[-1], depth)  # (B*M, Q, 4*L*P, d)
    return (weight[:, :, None] @ picked)[:, :, 0]


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
    batch, queries, _ = query.shape
    heads, levels, points = module.n_heads, module.n_levels, module.n_points
    # (B, N, D) -> (B*M, N, d)
    value = module.value_proj(memory).unflatten(-1, (heads, -1)).transpose(1, 2).flatten(0, 1)
    offsets = module.sampling_offsets(query).view(batch, queries, heads, levels, points, 2).float()
    offsets = offsets.permute(5, 3, 4, 0, 2, 1)  # (2, L, P, B, M, Q)
    weights = module.attention_weights(query).view(batch, queries, heads, levels * points)
    weights = weights.float().softmax(-1).unflatten(-1, (levels, points)).permute(3, 4, 0, 2, 1)
    reference = reference.permute(2, 0, 1)[:, None, None, :, None]  # (2 or 4, 1, 1, B or 1, 1, Q)
    if len(reference) == 2:
        sizes = offsets.new_tensor([[w for _, w in shapes], [h for h, _ in shapes]])
        locations = reference + offsets / sizes[..., None, None, None, None]
    else:
        centre, extent = reference.split(2)
        locations = centre + offsets / points * extent * 0.5
    locations, weights = locations.flatten(3, 4), weights.flatten(2, 3)
    out = sampler(value, shapes, locations, weights)  # (B*M, Q, d)
    out = out.unflatten(0, (batch, heads)).transpose(1, 2).flatten(2)
    return module.output_proj(out)
