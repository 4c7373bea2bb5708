"""Box algebra on tensors, for losses; everything else uses ``sdk.geometry``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def to_corners(cxcywh: Tensor) -> Tensor:
    """(..., 4) centre and size -> corners."""
    centre, half = cxcywh[..., :2], cxcywh[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def overlap(a_cxcywh: Tensor, b_cxcywh: Tensor) -> Tensor:
    """IoU of boxes (..., 4), broadcast over the leading axes."""
    shared, union, _ = _areas(a_cxcywh, b_cxcywh)
    return shared / union.clamp(min=1e-9)


def generalised_iou(a_cxcywh: Tensor, b_cxcywh: Tensor) -> Tensor:
    """GIoU (Rezatofighi et al. 2019) of boxes (..., 4), broadcast over the leading axes."""
    shared, union, hull = _areas(a_cxcywh, b_cxcywh)
    return shared / union.clamp(min=1e-9) - (hull - union) / hull.clamp(min=1e-9)


def _areas(a_cxcywh: Tensor, b_cxcywh: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What two boxes share, what they cover together, and what the smallest box round both does."""
    a, b = to_corners(a_cxcywh), to_corners(b_cxcywh)
    inner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    outer = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    shared = inner.clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    return shared, union, outer.prod(-1)


def regression_terms(boxes: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """TransVG's loss (Deng et al. 2021) of paired boxes (B, 4) cxcywh: the L1 distance, summed over
    the four numbers, and 1 - GIoU, both means over the boxes; weighted alike."""
    return {
        "box": (boxes - wanted).abs().sum(-1).mean(),
        "giou": (1 - generalised_iou(boxes, wanted)).mean(),
    }


def pixel_terms(boxes: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """The published loss of a projection head: the mean squared error of boxes (B, 4) in pixels."""
    return {"pixels": F.mse_loss(boxes, wanted)}


def noise_terms(noise: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Huber's loss, bent at 1, of the noise (B, 4) that a denoiser finds in boxes."""
    return {"noise": F.smooth_l1_loss(noise, wanted)}
