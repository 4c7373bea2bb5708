"""The box-history encoder: when to stop, and how far along the search is.

It sees boxes only. The vehicle runs the same arithmetic in C++ (``sdk.zoom.history``); names and
shapes are those of the authors' checkpoint, without its ``bbox_encoder.`` prefix.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FEATURES = 6


def box_features(history_xywh: Tensor) -> Tensor:
    """Six numbers a box, (B, k, 4) xywh frame pixels -> (B, k, 6).

    Area over the first area, area over the previous area (1 for the first), w / W, h / H,
    centre x / W, centre y / H; W and H are the first box's.
    """
    x, y, w, h = history_xywh.unbind(-1)
    frame_w, frame_h = w[:, :1], h[:, :1]
    area = w * h
    previous = torch.cat([area[:, :1], area[:, :-1]], dim=1)
    columns = [
        area / area[:, :1],
        area / previous.clamp(min=1e-6),
        w / frame_w,
        h / frame_h,
        (x + w / 2) / frame_w,
        (y + h / 2) / frame_h,
    ]
    return torch.stack(columns, dim=-1)


class FourierFeatures(nn.Module):
    """Learnable Fourier features (Li et al. 2021): random projection, cos and sin, MLP."""

    def __init__(self, in_dim: int, width: int) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(width)
        self.Wr = nn.Parameter(torch.randn(width // 2, in_dim))
        self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, 8))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, k, groups, in_dim) -> (B, k, groups * 8)."""
        angles = x @ self.Wr.T
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1) * self.scale
        return self.mlp(waves).flatten(2)


class _BoxEncoder(nn.Module):
    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.lff1 = FourierFeatures(in_dim=1, width=16)  # the two areas, one by one
        self.lff2 = FourierFeatures(in_dim=2, width=8)  # (w, h) and (cx, cy)
        layer = nn.TransformerEncoderLayer(dim, nhead=4, dim_feedforward=2048, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.fc3 = nn.Linear(dim, dim // 2)


def _head() -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))


class BoxHistoryEncoder(nn.Module):
    """History of boxes -> (end-of-search logit, progress)."""

    def __init__(self) -> None:
        super().__init__()
        self.box_encoder = _BoxEncoder()
        self.binary_classifier = _head()
        self.continuous_regressor = _head()

    def forward(self, history_xywh: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """history_xywh (B, k, 4), valid (B, k) bool -> stop logit (B,), raw progress (B,)."""
        encoder = self.box_encoder
        features = box_features(history_xywh)
        areas = encoder.lff1(features[..., :2].unsqueeze(-1))
        places = encoder.lff2(features[..., 2:].unflatten(-1, (2, 2)))
        tokens = torch.cat([areas, places], dim=-1)  # (B, k, 32)
        tokens = encoder.transformer(tokens, src_key_padding_mask=~valid)
        tokens = encoder.fc3(tokens) * valid[..., None]
        pooled = tokens.sum(1) / valid.sum(1, keepdim=True)
        pooled = pooled / pooled.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        return self.binary_classifier(pooled)[:, 0], self.continuous_regressor(pooled)[:, 0]
