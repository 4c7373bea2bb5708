"""Two stages over one backbone that do not pull it apart (DeFRCN, Qiao et al. 2021).

Proposing wants features of whatever is an object, naming wants features of which. Between the
backbone and each stage stands a layer that lets little of the stage's gradient through, or none,
and an affine map of the channels, which the stage learns to make do with.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def scale_gradient(values: Tensor, factor: float) -> Tensor:
    """The same values; what is learned from them reaches their source ``factor`` times as strong.

    Without gradients there is nothing to do, and no trace of it in a graph that is exported.
    """
    if not values.requires_grad or factor == 1.0:
        return values
    still = values.detach()
    return still if factor == 0.0 else still + factor * (values - still)  # the difference is 0


class Decoupled(nn.Module):
    """(B, C, h, w) -> (B, C, h, w): a scaled gradient, then a weight and a bias for each channel.

    Args:
        channels: C.
        factor: of the gradient that goes on into the backbone; those of weight and bias are whole.
    """

    def __init__(self, channels: int, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.weight = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        return scale_gradient(features, self.factor) * self.weight + self.bias
