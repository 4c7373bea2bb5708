"""Box algebra on tensors, for losses; everything else uses ``sdk.geometry``."""

from __future__ import annotations

import torch
from torch import Tensor


def to_corners(cxcywh: Tensor) -> Tensor:
    """(..., 4) centre and size -> corners."""
    centre, half = cxcywh[..., :2], cxcywh[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def generalised_iou(a_cxcywh: Tensor, b_cxcywh: Tensor) -> Tensor:
    """GIoU (Rezatofighi et al. 2019) of boxes (..., 4), broadcast over the leading axes."""
    a, b = to_corners(a_cxcywh), to_corners(b_cxcywh)
    inner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    outer = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    shared = inner.clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    hull = outer.prod(-1)
    return shared / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)
