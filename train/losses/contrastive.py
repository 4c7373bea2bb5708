"""Crops and sentences that belong together are alike, all others are not.

What is known to belong together as well is no counter-example, and no example either: another
sentence of the same object, another object of the very same sentence.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def together(*numbers: Tensor) -> Tensor:
    """(B, B) bool: pairs that have one of these numbers in common, each with itself among them.

    Args:
        numbers: (B,) each, the number of a pair's object, say, and that of its sentence.
    """
    return torch.stack([each[:, None] == each[None] for each in numbers]).any(0)


def softmax_loss(logits: Tensor, same: Tensor) -> Tensor:
    """Cross entropy of choosing a crop's sentence and a sentence's crop, the mean of both ways
    (CLIP, Radford et al. 2021).

    Args:
        logits: (B, B) cosines of crops (rows) and sentences over the temperature; pair k is on the
            diagonal.
        same: (B, B) bool, by ``together``: left out of what is chosen from.

    Returns:
        A mean over the pairs; 0 for a single one, which has nothing to be chosen from.
    """
    chosen_from = logits.masked_fill(same & ~_own(logits), -torch.inf)
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(chosen_from, right) + F.cross_entropy(chosen_from.T, right)) / 2


def sigmoid_loss(logits: Tensor, same: Tensor) -> Tensor:
    """Whether a crop and a sentence belong together, of each two by themselves (SigLIP, Zhai et al.
    2023).

    Args:
        logits: as for ``softmax_loss``, shifted by the bias.
        same: as for ``softmax_loss``: nothing is said of them.

    Returns:
        The sum over all two, divided by the pairs, as published.
    """
    own = _own(logits)
    losses = F.softplus(torch.where(own, -logits, logits))
    return losses.masked_fill(same & ~own, 0.0).sum() / len(logits)


def _own(logits: Tensor) -> Tensor:
    return torch.eye(len(logits), dtype=torch.bool, device=logits.device)
