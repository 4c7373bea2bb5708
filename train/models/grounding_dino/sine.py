"""Sine codes of token positions and of boxes, as Grounding DINO has them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TEMPERATURE = 10000.0
_PUBLISHED_ORDER = (1, 0, 2, 3)  # y, x, w, h


def token_codes(count: int, width: int, device: torch.device) -> Tensor:
    """Codes (count, width) of the positions 0 to count - 1: sine and cosine by turns."""
    angles = torch.arange(count, device=device)[:, None] * _waves(width, device)
    return torch.stack([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=-1).flatten(1)


def box_codes(boxes: Tensor, width: int) -> Tensor:
    """Boxes (..., K, 4) cxcywh in [0, 1] -> codes (..., K, 2 * width), half of ``width`` a side.

    A cosine is the sine a quarter turn ahead, so that one operator makes them all.
    """
    waves = _waves(width // 2, boxes.device)
    ahead = torch.arange(width // 2, device=boxes.device) % 2 * (math.pi / 2)
    order = torch.tensor(_PUBLISHED_ORDER, dtype=torch.int32, device=boxes.device)
    sides = boxes.index_select(-1, order)
    return (sides[..., None] * waves + ahead).sin().flatten(-2)


def _waves(width: int, device: torch.device) -> Tensor:
    """Angular frequencies (width,), each one twice."""
    exponent = torch.arange(width, device=device) // 2 * 2 / width
    return 2 * math.pi / _TEMPERATURE**exponent
