"""Adapter+ and the zoom embedding that conditions it (PIZA, arXiv 2510.03701, section 3).

Parameter names follow the authors' checkpoint, so that its tensors load without renaming.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def sinusoid(progress: Tensor, dim: int) -> Tensor:
    """Sinusoidal code of a scalar, (B,) -> (B, dim): the time embedding of diffusion models."""
    half = dim // 2
    step = math.log(10000.0) / (half - 1)
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32, device=progress.device) * -step)
    angles = progress.float()[:, None] * frequencies[None]
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class _TimeMLP(nn.Module):
    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.dense = nn.ModuleList([nn.Linear(dim, width), nn.Linear(width, width)])


class ZoomEmbedding(nn.Module):
    """Progress in [0, 1] -> embedding (B, width): sinusoid of ``dim``, Linear, SiLU, Linear.

    width: ``dim`` by default, as in the authors' checkpoint.
    """

    def __init__(self, dim: int, width: int | None = None) -> None:
        super().__init__()
        self.dim = dim
        self.temb = _TimeMLP(dim, width or dim)

    def forward(self, progress: Tensor) -> Tensor:
        hidden = self.temb.dense[0](sinusoid(progress, self.dim))
        return self.temb.dense[1](F.silu(hidden))


class AdapterPlus(nn.Module):
    """``x + scaling * Up(GELU(Down(x))) [+ Linear(SiLU(e))]``; e is the zoom embedding."""

    def __init__(self, dim: int, bottleneck: int, zoom_dim: int | None) -> None:
        super().__init__()
        self.linear_down = nn.Linear(dim, bottleneck)
        self.linear_up = nn.Linear(bottleneck, dim)
        self.scaling = nn.Parameter(torch.ones(dim))
        self.emb_proj = nn.Linear(zoom_dim, dim) if zoom_dim is not None else None
        for linear in (self.linear_down, self.linear_up):
            nn.init.trunc_normal_(linear.weight, std=0.01)
            nn.init.zeros_(linear.bias)
        if self.emb_proj is not None:  # starts as the plain adapter: our choice
            nn.init.zeros_(self.emb_proj.weight)
            nn.init.zeros_(self.emb_proj.bias)

    def forward(self, x: Tensor, zoom: Tensor | None = None) -> Tensor:
        """x (..., N, D), zoom (..., 1, zoom_dim) -> (..., N, D)."""
        weight, bias = self.linear_up.weight.T * self.scaling, self.linear_up.bias * self.scaling
        if self.emb_proj is not None and zoom is not None:
            bias = bias + self.emb_proj(F.silu(zoom))  # (..., 1, D)
        return x + (F.gelu(self.linear_down(x)) @ weight + bias)


class AdapterPair(nn.Module):
    """The two adapters of one layer: after the attention's residual and after the FFN's."""

    def __init__(self, dim: int, bottleneck: int, zoom_dim: int | None) -> None:
        super().__init__()
        self.adapter1 = AdapterPlus(dim, bottleneck, zoom_dim)
        self.adapter2 = AdapterPlus(dim, bottleneck, zoom_dim)


class Unadapted(nn.Module):
    """Stands in the place of an ``AdapterPair`` where a layer has no adapters."""

    def adapter1(self, x: Tensor, zoom: Tensor | None = None) -> Tensor:
        """x as it is."""
        return x

    adapter2 = adapter1
