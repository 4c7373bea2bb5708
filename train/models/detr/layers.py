"""DETR's transformer layers (Carion et al. 2020): norms behind, places added to queries and keys.

Leading axes ``...`` are the batch; exported networks have none. Dropout is on what is added to the
residual, as published, but not on attention weights.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from train.models.grounding_dino.layers import attend


class Attention(nn.Module):
    """Multi-head attention, (..., Q, C) x (..., S, C) -> (..., Q, C)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        """bias (..., 1, 1, S): added to the scores."""
        given = self.query(query), self.key(key), self.value(value)
        if not self.training:
            return self.out(attend(*given, bias, self.heads))
        # The same without the scores in memory, which is half of the time of a step.
        asked, heard, said = (x.unflatten(-1, (self.heads, -1)).transpose(-3, -2) for x in given)
        mask = None if bias is None else bias.to(asked.dtype)
        mixed = F.scaled_dot_product_attention(asked, heard, said, mask)
        return self.out(mixed.transpose(-3, -2).flatten(-2))


class FeedForward(nn.Module):
    """Two linear layers on each token by itself."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., S, C) -> (..., S, C)."""
        return self.linear2(self.dropout(self.linear1(x).relu()))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.forward_part = FeedForward(width, inner, dropout)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, places: Tensor, bias: Tensor) -> Tensor:
        """x and places (..., S, C), bias (..., 1, 1, S) -> (..., S, C)."""
        placed = x + places
        x = self.norm1(x + self.dropout(self.attention(placed, placed, x, bias)))
        return self.norm2(x + self.dropout(self.forward_part(x)))


class DecoderLayer(nn.Module):
    """Self-attention of queries, attention to a memory, feed-forward."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention, self.cross = Attention(width, heads), Attention(width, heads)
        self.forward_part = FeedForward(width, inner, dropout)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm3 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, asked: Tensor, memory: Tensor, placed: Tensor, bias: Tensor
    ) -> Tensor:
        """x and asked (..., Q, C): queries and what is added to them. memory (..., S, C) and
        placed, the same with its places; bias (..., 1, 1, S)."""
        query = x + asked
        x = self.norm1(x + self.dropout(self.attention(query, query, x, None)))
        x = self.norm2(x + self.dropout(self.cross(x + asked, placed, memory, bias)))
        return self.norm3(x + self.dropout(self.forward_part(x)))


class Mlp(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, width: int, out: int, count: int) -> None:
        super().__init__()
        sizes = [width] * count + [out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., out)."""
        *inner, last = self.layers
        for layer in inner:
            x = layer(x).relu()
        return last(x)


def initialise(parts: nn.Module) -> None:
    """Glorot's uniform weights in all linear layers, as DETR begins."""
    for module in parts.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
