"""Multi-scale deformable attention over transformers' module, with static shapes.

Two samplers compute the same values: ``grid_sampler`` (fast, differentiable) for training, and
``gather_sampler`` for export, because TensorRT miscompiles GridSample
(https://github.com/NVIDIA/TensorRT/issues/4813).

Leading axes ``...`` are the batch; there may be none, which makes the smallest graphs. M heads of
width d, L levels, P points a level, Q queries, N locations over all levels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Shape = tuple[int, int]
# (value (..., N, M, d), level shapes, places (..., M, L, P, 2, Q), weights (..., M, L, P, Q))
# -> (..., Q, M, d). Places are x and y in cells of their level, 0 at the centre of its first cell;
# queries come last because runtimes are slow where the last axes are short
Sampler = Callable[[Tensor, tuple[Shape, ...], Tensor, Tensor], Tensor]


def grid_sampler(
    value: Tensor, shapes: tuple[Shape, ...], places: Tensor, weights: Tensor
) -> Tensor:
    """Weighted sum of bilinear samples, zero outside."""
    *batch, count, heads, depth = value.shape
    levels, points, _, queries = places.shape[-4:]
    maps = value.reshape(-1, count, heads, depth).permute(0, 2, 3, 1).flatten(0, 1)
    places = places.reshape(-1, levels, points, 2, queries)  # (B*M, L, P, 2, Q)
    samples = []
    for index, level in enumerate(maps.split([h * w for h, w in shapes], dim=-1)):
        height, width = shapes[index]
        cells = places[:, index].permute(0, 3, 1, 2)  # (B*M, Q, P, 2)
        grid = (2 * cells + 1) / cells.new_tensor([width, height]) - 1
        samples.append(
            F.grid_sample(
                level.unflatten(-1, (height, width)),
                grid.to(level.dtype),
                mode="bilinear",
                padding_mode="zeros",
                align_corners=False,
            )
        )
    stacked = torch.cat(samples, dim=-1)  # (B*M, d, Q, L*P)
    weights = weights.reshape(-1, 1, levels * points, queries).transpose(-1, -2)
    out = (stacked * weights.to(stacked.dtype)).sum(-1)  # (B*M, d, Q)
    return out.reshape(*batch, heads, depth, queries).movedim(-1, -3)


def gather_sampler(
    value: Tensor, shapes: tuple[Shape, ...], places: Tensor, weights: Tensor
) -> Tensor:
    """``grid_sampler`` as one Gather and one MatMul over all levels, points and corners.

    Columns and rows are worked out apart: our own choice, for there is half as much to compute. The
    two of each are the nearest ones within the map, and their shares 1 - distance, or 0 from a
    distance of 1 on, which is bilinear within the map and fades to zero outside. Rows of memory are
    bounded as integers, so that a place which is not a number reads what is there, and not beyond;
    its share is not a number either, and the answer tells.

    Args:
        value: ``(..., N, M, d)``, the locations of all levels one after another, row by row.
        shapes: height and width of each level, whose products add up to N.
        places: ``(..., M, L, P, 2, Q)``, x and y in cells of their level, 0 at the centre of its
            first cell; any value.
        weights: ``(..., M, L, P, Q)`` of the samples.

    Returns:
        ``(..., Q, M, d)``, the weighted sums of the samples.
    """
    batch, (count, heads, depth) = value.shape[:-3], value.shape[-3:]
    sizes = torch.tensor([[[[w], [h]]] for h, w in shapes], dtype=torch.int32)  # (L, 1, 2, 1)
    sizes = sizes.to(value.device)
    low = places.floor().to(torch.int32)
    low = torch.minimum(torch.maximum(low, torch.zeros_like(sizes)), (sizes - 2).clamp(min=0))
    corner = torch.arange(2, dtype=torch.int32, device=value.device)[:, None]  # (2, 1)
    away = (places - low.to(places.dtype))[..., None, :] - corner.to(places.dtype)
    share = (1 - away.abs()).clamp(min=0)  # (..., M, L, P, 2, 2, Q): of x and y, at two corners
    if any(1 in shape for shape in shapes):  # a single column or row has no second one
        share = share * (corner < sizes[..., None]).to(share.dtype)
    weight = share[..., 1, :, :] * weights[..., None, :]
    weight = weight[..., None, :] * share[..., 0, None, :, :]  # (..., M, L, P, 2, 2, Q)

    width = sizes[:, :, 0]  # (L, 1, 1)
    starts = [sum(h * w for h, w in shapes[:index]) for index in range(len(shapes))]
    start = torch.tensor(starts, dtype=torch.int32, device=value.device)[:, None, None]
    head = torch.arange(heads, dtype=torch.int32, device=value.device)[:, None, None, None]
    row = (low[..., 1, :] * (width * heads) + (start * heads + head))[..., None, :]
    last = (sizes - 1).clamp(max=1)[..., None] * corner  # (L, 1, 2, 2, 1): 0 and 1, or 0 and 0
    row = row + last[..., 1, :, :] * (width * heads)[..., None]
    column = (low[..., 0, :] * heads)[..., None, :] + last[..., 0, :, :] * heads
    index = row[..., None, :] + column[..., None, :, :]  # (..., M, L, P, 2, 2, Q)

    weight, index = (
        corners.flatten(-6, -2).transpose(-1, -2).unflatten(-1, (heads, -1))
        for corners in (weight, index)
    )  # (..., Q, M, L*P*4)
    if batch:
        sample = torch.arange(batch.numel(), dtype=torch.int32, device=value.device)
        index = index + (sample * (count * heads)).reshape(*batch, 1, 1, 1)
    picked = torch.index_select(value.reshape(-1, depth), 0, index.flatten())
    picked = picked.reshape(*weight.shape, depth)
    return (weight[..., None, :] @ picked).squeeze(-2)


def deformable_attention(
    module: nn.Module,
    query: Tensor,
    place: Tensor | None,
    memory: Tensor,
    reference: Tensor,
    shapes: tuple[Shape, ...],
    sampler: Sampler,
) -> Tensor:
    """Deformable attention (Zhu et al. 2021, eq. 3) with the weights of ``module``.

    module: ``MMGroundingDinoMultiscaleDeformableAttention``. query (..., Q, D). place (Q, D) is
    added to the queries, when it is not in them already; what it adds to offsets and weights is a
    constant where it is one. memory (..., N, D), levels concatenated. reference: (Q, 2) centres or
    (..., Q, 4) boxes cxcywh in [0, 1]. Returns (..., Q, D).
    """
    heads, levels, points = module.n_heads, module.n_levels, module.n_points
    value = module.value_proj(memory).unflatten(-1, (heads, -1))
    sizes = reference.new_tensor([[[[w], [h]]] for h, w in shapes])  # (L, 1, 2, 1)
    # Sides in front of the queries, and axes for M, L and P: (..., 1, 1, 1, 2 or 4, Q).
    reference = reference.transpose(-1, -2)[..., None, None, None, :, :]
    shift = reference[..., :2, :] * sizes - 0.5
    boxes = reference.shape[-2] == 4
    scale = reference[..., 2:, :] * (sizes * (0.5 / points)) if boxes else None

    def by_point(columns: Tensor) -> Tensor:
        """Offsets (..., Q, M*L*P*2) in cells (..., M, L, P, 2, Q)."""
        offsets = columns.transpose(-1, -2).float()
        offsets = offsets.unflatten(-2, (heads, levels, points, 2))
        return offsets if scale is None else offsets * scale

    def by_head(columns: Tensor) -> Tensor:
        """(..., Q, M*L*P) -> (..., M, L*P, Q)."""
        return columns.transpose(-1, -2).float().unflatten(-2, (heads, levels * points))

    scores = by_head(module.attention_weights(query))
    if place is not None:
        shift = shift + by_point(F.linear(place, module.sampling_offsets.weight))
        scores = scores + by_head(F.linear(place, module.attention_weights.weight))
    places = by_point(module.sampling_offsets(query)) + shift
    weights = scores.softmax(-2).unflatten(-2, (levels, points))
    return module.output_proj(sampler(value, shapes, places, weights).flatten(-2))
