"""Which cells of a map show something of the frame, and the sine code of where they are.

Around the content of a network input lies the mean colour, which is exactly 0 after normalisation
and which no pixel of a frame is: three channels of whole numbers are never the three means. So the
pixels themselves tell what is padding, for one that is fitted into a canvas and for a batch that is
padded to its largest image alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TEMPERATURE = 10000.0
_EPS = 1e-6


def shown(pixels: Tensor, grid: tuple[int, int]) -> Tensor:
    """Normalised pixels (B, 3, H, W) -> (B, h, w): 1 for a cell that shows the frame, else 0.

    As published: the nearest pixel, that of the cell's top left corner, decides.
    """
    rows, columns = (
        torch.arange(cells, device=pixels.device) * size // cells
        for cells, size in zip(grid, pixels.shape[-2:], strict=True)
    )
    corners = pixels.index_select(2, rows).index_select(3, columns)  # (B, 3, h, w)
    return (corners.abs().sum(1) > 0).to(pixels.dtype)


def codes(visible: Tensor, width: int) -> Tensor:
    """Cells that are shown (B, h, w) -> sine codes (B, h * w, width) of their places.

    DETR's: half of the channels for the row, half for the column, each counted over the cells that
    are shown and scaled to one turn; sine and cosine by turns, a cosine being the sine a quarter
    turn ahead.
    """
    half = width // 2
    channel = torch.arange(half, device=visible.device)
    waves = 2 * math.pi / _TEMPERATURE ** (channel // 2 * 2 / half)
    ahead = channel % 2 * (math.pi / 2)
    sides = []
    for axis in (1, 2):
        count = visible.cumsum(axis)
        share = count / (count.narrow(axis, count.shape[axis] - 1, 1) + _EPS)
        sides.append((share[..., None] * waves + ahead).sin())
    return torch.cat(sides, dim=-1).flatten(1, 2)
