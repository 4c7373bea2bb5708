"""RoIAlign (He et al. 2017): the features of a box, resampled to a square of fixed size.

Bilinear samples on a grid are a matrix of shares for the rows and one for the columns, since every
sample of a row of the grid lies in the same rows of the map. Two matrix products a box are exact,
differentiable, and what every runtime does well; TensorRT miscompiles GridSample
(https://github.com/NVIDIA/TensorRT/issues/4813), and gathering four cells for each sample takes
many times the memory.
"""

from __future__ import annotations

import torch
from torch import Tensor

SAMPLES = 2  # in a cell of the output, along each side


def roi_align(features: Tensor, boxes: Tensor, size: int, samples: int = SAMPLES) -> Tensor:
    """As torchvision documents it with ``aligned=True`` and a fixed ``sampling_ratio``.

    Args:
        features: (B, C, h, w).
        boxes: (B, R, 4) xyxy in cells of the map, where cell i covers [i, i + 1).
        size: S, cells of the output along each side.
        samples: in each of them, along each side; the output is their mean.

    Returns:
        (B, R, C, S, S). A sample more than half a cell beyond the map is 0, and one nearer than
        that has the value of the border.
    """
    columns = _shares(boxes[..., 0], boxes[..., 2], size, samples, features.shape[3])
    rows = _shares(boxes[..., 1], boxes[..., 3], size, samples, features.shape[2])
    across = features.flatten(1, 2) @ columns.to(features).flatten(1, 2).transpose(1, 2)
    across = across.unflatten(2, columns.shape[1:3]).unflatten(1, features.shape[1:3])
    across = across.permute(0, 3, 2, 1, 4).flatten(3)  # (B, C, h, R, S) -> (B, R, h, C*S)
    return (rows.to(features) @ across).unflatten(3, (-1, size)).transpose(2, 3)


def _shares(low: Tensor, high: Tensor, size: int, samples: int, cells: int) -> Tensor:
    """What each of ``cells`` gives to each cell of the output, (B, R, S, cells), along one axis of
    boxes from ``low`` to ``high`` (B, R)."""
    steps = torch.arange(size * samples, device=low.device, dtype=low.dtype) + 0.5
    steps = steps / (size * samples)
    places = low[..., None] + (high - low)[..., None] * steps - 0.5  # 0: in the middle of cell 0
    inside = (places >= -1) & (places <= cells)
    places = places.clamp(0, cells - 1)
    middles = torch.arange(cells, device=low.device, dtype=low.dtype)
    shares = (1 - (places[..., None] - middles).abs()).clamp(min=0)  # bilinear
    shares = shares * inside[..., None].to(low)
    return shares.unflatten(2, (size, samples)).mean(3)
