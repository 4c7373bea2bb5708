"""Training losses: DETR's set loss for the queries, and dense supervision of every location.

The dense part is what makes a model from scratch learn fast: every location near the middle of a
target is a positive for the target's tokens and regresses its box. Ranking terms compare whole
sentences: of all locations, and of all queries, the target's must score highest. Verification is
about the score that the search goes by: high for the best right query, low for the best wrong one,
and where a sentence is true of nothing all are wrong.
"""

from __future__ import annotations

from string import digits

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from train.data.batches import Batch
from train.losses.boxes import generalised_iou
from train.models.grounding_dino.constants import Constants
from train.models.grounding_dino.grounder import Prediction
from train.models.grounding_dino.layers import MASKED

CLASS_COST, L1_COST, GIOU_COST = 1.0, 5.0, 2.0  # as in MM-Grounding-DINO, losses alike
ALPHA, GAMMA = 0.25, 2.0
# Finding is easily learned, choosing is not: what chooses weighs more than in the published loss.
WEIGHTS = {
    "dense_class": 2.0,
    "dense_box": 1.0,
    "dense_rank": 0.5,
    "class": 2.0,
    "box": 1.0,
    "rank": 0.5,
    "verify": 0.5,
    "kind": 0.3,
    "colour": 0.5,
    "mention": 2.0,
}
SAME_BOX = 0.7  # IoU from which a query says the same as the one that the target was given
OTHER_BOX = 0.5  # IoU below which it says something else; nothing is said of what lies between


def answer_losses(prediction: Prediction, batch: Batch, constants: Constants) -> dict[str, Tensor]:
    """Loss terms by name, of every decoder layer (``class0``, ``class1``, ...)."""
    tokens = batch.segments > 0
    close = near(batch.places, batch.valid, constants)
    dense_class, dense_box = _location_loss(prediction, batch, close, tokens)
    terms = {"dense_class": dense_class, "dense_box": dense_box}
    terms["dense_rank"] = rank_loss(prediction.location_logits, close, batch)
    pairs = match(prediction.query_logits, prediction.query_boxes, batch, tokens)
    for index, found in enumerate(pairs):
        logits, boxes = prediction.query_logits[index], prediction.query_boxes[index]
        query_class, query_box = _query_loss(logits, boxes, batch, tokens, found)
        terms[f"class{index}"], terms[f"box{index}"] = query_class, query_box
        alike = generalised_iou(batch.boxes[:, :, None], boxes[:, None].detach())  # (B, n, K)
        right = _right_queries(alike, found)
        terms[f"rank{index}"] = rank_loss(logits, right, batch)
        terms[f"verify{index}"] = verify_loss(logits, right, alike < OTHER_BOX, batch)
    return terms


def weighted(terms: dict[str, Tensor]) -> Tensor:
    """The sum that is minimised; weights by the sort of term."""
    return torch.stack([WEIGHTS[name.rstrip(digits)] * term for name, term in terms.items()]).sum()


def focal(logits: Tensor, positive: Tensor) -> Tensor:
    """Sigmoid focal loss (Lin et al. 2017), elementwise."""
    positive = positive.to(logits.dtype)
    plain = F.binary_cross_entropy_with_logits(logits, positive, reduction="none")
    miss = torch.abs(positive - logits.sigmoid())
    weight = ALPHA * positive + (1 - ALPHA) * (1 - positive)
    return weight * miss**GAMMA * plain


def box_loss(boxes: Tensor, targets: Tensor) -> Tensor:
    """L1 + GIoU of paired boxes (m, 4) cxcywh -> (m,)."""
    distance = (boxes - targets).abs().sum(-1)
    return L1_COST * distance + GIOU_COST * (1 - generalised_iou(boxes, targets))


def near(places: Tensor, valid: Tensor, constants: Constants) -> Tensor:
    """Places (B, n, 4) cxcywh, valid (B, n) -> (B, n, N) bool: locations within 0.75 cells, or a
    quarter of its size, of its middle."""
    cells = torch.tensor([[1 / w, 1 / h] for h, w in constants.shapes])
    cell = cells.to(places.device)[constants.level]  # (N, 2)
    offset = (constants.centres - places[:, :, None, :2]).abs()  # (B, n, N, 2)
    reach = torch.maximum(0.75 * cell, 0.25 * places[:, :, None, 2:])
    return (offset < reach).all(-1) & valid[..., None]


def meaning(places: Tensor, words: Tensor) -> Tensor:
    """Which objects are near a location (B, n, N), which tokens mean them (B, n, T) -> (B, N, T)
    bool: the tokens that a location should be like."""
    return torch.einsum("bnl,bnt->blt", places.float(), words.float()) > 0


def same_phrase(batch: Batch) -> Tensor:
    """(B, n, n) bool: targets of one and the same phrase, the second of them a valid one."""
    return (batch.spans[:, :, None] == batch.spans[:, None]).all(-1) & batch.valid[:, None]


def rank_loss(logits: Tensor, right: Tensor, batch: Batch) -> Tensor:
    """Cross entropy over the candidates of each sentence, by their scores in the search.

    logits (B, C, T), right (B, n, C) bool: which candidates are the target. A phrase that means
    several objects is answered by any of them.
    """
    sentence = _asked_by(batch)[:, None].expand(-1, logits.shape[1], -1)
    scores = sentence_scores(logits, batch).gather(2, sentence).transpose(1, 2)  # (B, n, C)
    right = torch.einsum("bnm,bmc->bnc", same_phrase(batch).float(), right.float()) > 0
    asked = batch.valid & right.any(-1)
    losses = scores.logsumexp(-1) - scores.masked_fill(~right, -torch.inf).logsumexp(-1)
    return losses[asked].sum() / asked.sum().clamp(min=1)


def verify_loss(logits: Tensor, right: Tensor, wrong: Tensor, batch: Batch) -> Tensor:
    """Binary cross entropy of the scores that the search goes by.

    logits (B, K, T), right and wrong (B, n, K) bool: which queries are each target, and which are
    clearly not. Of every sentence, true or not, the best right query should score 1 and the best
    wrong one 0; a query is wrong when it is none of what its sentence means.
    """
    scores = sentence_scores(logits, batch)  # (B, K, S)
    own = F.one_hot(_asked_by(batch), scores.shape[-1]) * batch.valid[..., None]  # (B, n, S)
    is_right, is_near = (
        torch.einsum("bns,bnk->bks", own.float(), mask.float()) > 0 for mask in (right, ~wrong)
    )
    best_right = scores.masked_fill(~is_right, MASKED).amax(1)  # (B, S)
    best_wrong = scores.masked_fill(is_right | is_near, MASKED).amax(1)
    losses = F.softplus(best_wrong) + F.softplus(-best_right) * is_right.any(1)
    asked = torch.zeros_like(losses).scatter(1, sentence_numbers(batch), 1.0)
    asked = asked * (torch.arange(len(asked[0]), device=asked.device) > 0)
    return (losses * asked).sum() / asked.sum().clamp(min=1)


def sentence_numbers(batch: Batch) -> Tensor:
    """(B, T): the segment of each token of a sentence or a phrase, 0 for what is around them."""
    segments = batch.segments
    last = segments.amax(1, keepdim=True)  # [SEP]; [CLS] is 1
    return torch.where((segments > 1) & (segments < last), segments, 0)


def sentence_scores(logits: Tensor, batch: Batch) -> Tensor:
    """Logits (B, C, T) -> (B, C, T + 1): by the number of a sentence, the highest of its tokens.

    That is what the search goes by; numbers that no sentence has are ``MASKED``.
    """
    number = sentence_numbers(batch)[:, None].expand(logits.shape)
    blank = logits.new_full((*logits.shape[:2], logits.shape[2] + 1), MASKED)
    return blank.scatter_reduce(2, number, logits, "amax")


def _asked_by(batch: Batch) -> Tensor:
    """(B, n): the number of the sentence that asks for each target."""
    return torch.where(batch.spans, sentence_numbers(batch)[:, None], 0).amax(-1)


def _location_loss(
    prediction: Prediction, batch: Batch, close: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    wanted = meaning(close, batch.spans)
    losses = focal(prediction.location_logits, wanted) * tokens[:, None]
    # Normalised by the positives of the whole batch, tokens and locations alike.
    classes = losses.sum() / wanted.sum().clamp(min=1)
    sample, target, location = close.nonzero(as_tuple=True)
    if len(sample) == 0:
        return classes, prediction.location_boxes.sum() * 0
    boxes = box_loss(prediction.location_boxes[sample, location], batch.boxes[sample, target])
    return classes, boxes.mean()


def _query_loss(
    logits: Tensor,
    boxes: Tensor,
    batch: Batch,
    tokens: Tensor,
    found: tuple[Tensor, Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """logits (B, K, T), boxes (B, K, 4), found: what ``match`` gave."""
    sample, query, target = found
    wanted = torch.zeros_like(logits, dtype=torch.bool)
    wanted[sample, query] = batch.spans[sample, target]
    losses = focal(logits, wanted) * tokens[:, None]
    classes = losses.sum() / wanted.sum().clamp(min=1)
    if len(sample) == 0:
        return classes, boxes.sum() * 0
    return classes, box_loss(boxes[sample, query], batch.boxes[sample, target]).mean()


def _right_queries(alike: Tensor, found: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """(B, n, K) bool: the matched query of each target, and others that say the same.

    alike: generalised IoU of targets and queries.
    """
    right = alike >= SAME_BOX
    sample, query, target = found
    right[sample, target, query] = True
    return right


@torch.no_grad()
def match(
    logits: Tensor, boxes: Tensor, batch: Batch, tokens: Tensor
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """One-to-one assignment of queries to targets, for each decoder layer.

    logits (L, B, K, T), boxes (L, B, K, 4), tokens (B, T) bool. Returns for each layer indices
    (sample, query, target), each (m,).
    """
    positive = focal(logits, torch.ones_like(logits)) - focal(logits, torch.zeros_like(logits))
    positive = positive * tokens[:, None]
    spans = batch.spans.float()
    classes = torch.einsum("lbkt,bnt->lbkn", positive, spans)
    classes = classes / spans.sum(-1)[:, None].clamp(min=1)
    distance = torch.cdist(boxes, batch.boxes.expand(len(boxes), *batch.boxes.shape), p=1)
    overlap = generalised_iou(boxes[:, :, :, None], batch.boxes[:, None])
    cost = CLASS_COST * classes + L1_COST * distance - GIOU_COST * overlap
    cost = torch.nan_to_num(cost, nan=1e6, posinf=1e6, neginf=-1e6)
    # One copy for all layers: each is a moment in which a GPU has nothing to do.
    known = batch.valid.expand(len(cost), 1, *batch.valid.shape).transpose(1, 2)
    costs = torch.cat([cost, known.to(cost)], dim=2).cpu().numpy()
    valid = costs[0, :, -1] > 0
    return [assigned(of_layer[:, :-1], valid, boxes.device) for of_layer in costs]


def assigned(
    costs: NDArray[np.float32], valid: NDArray[np.bool_], device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """The cheapest pairs by costs (B, K, n), of the targets that are valid (B, n)."""
    pairs = []
    for index in np.flatnonzero(valid.any(1)):
        targets = np.flatnonzero(valid[index])
        rows, columns = linear_sum_assignment(costs[index][:, targets])
        pairs.append(np.stack([np.full(len(rows), index), rows, targets[columns]]))
    found = np.concatenate(pairs, axis=1) if pairs else np.zeros((3, 0), dtype=np.int64)
    sample, query, target = torch.from_numpy(found).to(device)
    return sample, query, target
