"""Crop, antialiased resize, letterbox and normalise, as two products of matrices on any device.

The arithmetic is that of ``sdk.preprocess.network_input``, a separable triangle filter: each axis
of a window is a matrix of weights. On a GPU, products of matrices cost next to nothing, and no
kernel has to be compiled.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdk.letterbox import Letterbox


def crop(
    frames: Tensor,
    windows_xyxy: NDArray[np.float64],
    input_hw: tuple[int, int],
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    dtype: torch.dtype | None = None,
) -> Tensor:
    """One window of each frame: (B, h, w, 3) uint8 BGR, (B, 4) frame pixels -> (B, 3, H, W) RGB.

    dtype: of the products; by default float32 on a CPU, elsewhere float16, which holds every byte
    exactly and is right to a quarter of a grey level.
    """
    device, (height, width) = frames.device, frames.shape[1:3]
    dtype = dtype or (torch.float32 if device.type == "cpu" else torch.float16)
    boxes = [Letterbox(tuple(window), input_hw) for window in windows_xyxy.tolist()]
    rows = [_axis(b.window_xyxy[1::2], b.content_wh[1], b.offset_xy[1], height) for b in boxes]
    columns = [_axis(b.window_xyxy[::2], b.content_wh[0], b.offset_xy[0], width) for b in boxes]
    by_row, in_rows = _weights(rows, input_hw[0], height, device)
    by_column, in_columns = _weights(columns, input_hw[1], width, device)
    low = by_row.to(dtype) @ frames.to(dtype).flatten(2)  # (B, H, w * 3)
    low = low.unflatten(2, (width, 3)).permute(0, 3, 1, 2).flatten(1, 2)  # (B, 3 * H, w)
    made = (low @ by_column.to(dtype).transpose(1, 2)).float().unflatten(1, (3, -1)).flip(1)
    centre, scale = (torch.tensor(v, device=device)[:, None, None] for v in (mean, std))
    inside = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return torch.where(inside, (made - centre) / scale, 0.0)


def _axis(ends: tuple[float, ...], content: int, offset: int, size: int) -> tuple[float, ...]:
    """One axis of a window in numbers: start, source pixels a content pixel, where the content
    begins and ends, and the source pixels that overlap the window, [low, high)."""
    start, stop = ends
    low = min(max(math.floor(start), 0), size - 1)
    high = min(max(math.ceil(stop), low + 1), size)
    return start, (stop - start) / content, offset, offset + content, low, high


def _weights(
    axes: list[tuple[float, ...]], out: int, size: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Weights (B, out, size) that sum up to 1, and which of the outputs are content (B, out)."""
    numbers = torch.tensor(axes, dtype=torch.float64)
    start, ratio, begin, end, low, high = numbers.to(device)[..., None].unbind(1)
    place = torch.arange(out, device=device, dtype=torch.float64)
    inside = (place >= begin) & (place < end)
    centre = start + (place - begin + 0.5) * ratio  # (B, out)
    pixel = torch.arange(size, device=device)
    reach = 1 / ratio.clamp(min=1)
    # Single precision holds a hundredth of a pixel in any frame; the difference is what counts.
    distance = (pixel + 0.5 - centre[..., None].float()).abs()
    weights = (1 - distance * reach[..., None].float()).clamp(min=0)
    known = (pixel >= low[..., None]) & (pixel < high[..., None])
    weights = weights * (known & inside[..., None])
    return weights / weights.sum(-1, keepdim=True).clamp(min=1e-6), inside
