"""MDETR's loss (Kamath et al. 2021): which words each query means, and where it is.

The published code departs from the paper in two places, which ``PUBLISHED`` repeats: its targets
are 1 on every token of a phrase, where the paper spreads one probability over them, and its
contrastive alignment counts padding among the tokens that a query is told apart from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from train.losses.boxes import generalised_iou
from train.losses.grounding import assigned
from train.models.grounding_dino.layers import MASKED
from train.models.mdetr.config import LABELS
from train.models.mdetr.model import Prediction

L1_COST, TOKEN_COST, GIOU_COST = 5.0, 1.0, 2.0
WEIGHTS = {"token": 1.0, "box": 5.0, "giou": 2.0, "align": 1.0}
NOTHING_WEIGHT = 0.1  # of a query that was given no target
TEMPERATURE = 0.07
_EPS = 1e-6

Found = tuple[Tensor, Tensor, Tensor]  # sample, query, target, each (m,)


@dataclass(frozen=True)
class Variant:
    """What the loss is: see the module. ``whole_tokens``: 1 on every token of a phrase.
    ``padding_counts``: in the contrastive alignment."""

    whole_tokens: bool = False
    padding_counts: bool = False


PAPER, PUBLISHED = Variant(), Variant(whole_tokens=True, padding_counts=True)


@dataclass(frozen=True)
class Targets:
    """n boxes at most in each of B sentences of T tokens."""

    boxes: Tensor  # (B, n, 4) cxcywh
    spans: Tensor  # (B, n, T) bool: tokens that mean the box
    valid: Tensor  # (B, n) bool
    tokens: Tensor  # (B, T) bool: no padding

    @property
    def count(self) -> Tensor:
        """How many boxes there are, at least 1."""
        return self.valid.sum().clamp(min=1)


def losses(prediction: Prediction, targets: Targets, variant: Variant = PAPER) -> dict[str, Tensor]:
    """The terms of each decoder layer by name (``token0``, ``box0``, ...), over the number of
    boxes; ``WEIGHTS`` by the sort of term."""
    assert prediction.queries is not None
    assert prediction.tokens is not None
    labels = positive_map(targets.spans, variant)
    terms: dict[str, Tensor] = {}
    for index, (logits, boxes, queries) in enumerate(
        zip(prediction.logits, prediction.boxes, prediction.queries, strict=True)
    ):
        found = match(costs(logits, boxes, targets.boxes, labels), targets.valid)
        sample, query, target = found
        wanted, given = targets.boxes[sample, target], boxes[sample, query]
        count = targets.count
        terms |= {
            f"token{index}": soft_tokens(logits, labels, found) / count,
            f"box{index}": (given - wanted).abs().sum() / count,
            f"giou{index}": (1 - generalised_iou(given, wanted)).sum() / count,
            f"align{index}": alignment(queries, prediction.tokens, targets, found, variant) / count,
        }
    return terms


def positive_map(spans: Tensor, variant: Variant) -> Tensor:
    """Spans (B, n, T) bool -> (B, n, 256): how likely a query of the target means each place."""
    labels = F.pad(spans.float(), (0, LABELS - spans.shape[-1]))
    if variant.whole_tokens:
        return labels
    return labels / (labels.sum(-1, keepdim=True) + _EPS)


@torch.no_grad()
def costs(logits: Tensor, boxes: Tensor, wanted: Tensor, labels: Tensor) -> Tensor:
    """What it costs that a query stands for a target, (B, Q, n).

    logits (B, Q, 256), boxes (B, Q, 4), wanted (B, n, 4), labels (B, n, 256).
    """
    tokens = logits.softmax(-1) @ labels.transpose(-1, -2)
    distance = torch.cdist(boxes, wanted, p=1)
    overlap = generalised_iou(boxes[:, :, None], wanted[:, None])
    return L1_COST * distance - TOKEN_COST * tokens - GIOU_COST * overlap


def match(cost: Tensor, valid: Tensor) -> Found:
    """The cheapest one-to-one assignment of queries to targets, in each sample."""
    finite = torch.nan_to_num(cost, nan=1e6, posinf=1e6, neginf=-1e6).cpu().numpy()
    return assigned(finite, valid.cpu().numpy(), cost.device)


def soft_tokens(logits: Tensor, labels: Tensor, found: Found) -> Tensor:
    """Cross entropy of the places that each query means; those without a target mean nothing."""
    sample, query, target = found
    wanted, weight = torch.zeros_like(logits), torch.full_like(logits[..., 0], NOTHING_WEIGHT)
    wanted[..., -1] = 1.0
    wanted[sample, query] = labels[sample, target]
    weight[sample, query] = 1.0
    return -((wanted * logits.log_softmax(-1)).sum(-1) * weight).sum()


def alignment(
    queries: Tensor, tokens: Tensor, targets: Targets, found: Found, variant: Variant
) -> Tensor:
    """Contrastive: a query is like the tokens that mean it, and these are like it.

    queries (B, Q, A) and tokens (B, T, A), of length 1.
    """
    sample, query, target = found
    positive = queries.new_zeros(*queries.shape[:2], tokens.shape[1])  # (B, Q, T)
    positive[sample, query] = targets.spans[sample, target].float()
    logits = queries @ tokens.transpose(-1, -2) / TEMPERATURE
    heard = logits
    if not variant.padding_counts:
        heard = logits.masked_fill(~targets.tokens[:, None], MASKED)
    return (_told_apart(logits, heard, positive, -1) + _told_apart(logits, logits, positive, 1)) / 2


def _told_apart(logits: Tensor, heard: Tensor, positive: Tensor, axis: int) -> Tensor:
    """Along an axis: the mean logit of what is right against all that are heard, where any is."""
    count = positive.sum(axis)
    right = (logits * positive).sum(axis) / (count + _EPS)
    return ((heard.logsumexp(axis) - right) * (count > 0)).sum()
