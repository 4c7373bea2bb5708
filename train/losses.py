"""Training losses: DETR's set loss for the queries, and dense supervision of every location.

The dense part is what makes a model from scratch learn fast: every location near the middle of a
target is a positive for the target's tokens and regresses its box.
"""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from train.boxes import generalised_iou
from train.data.batches import Batch
from train.models.constants import Constants
from train.models.grounder import Prediction

CLASS_COST, L1_COST, GIOU_COST = 1.0, 5.0, 2.0  # as in MM-Grounding-DINO, losses alike
ALPHA, GAMMA = 0.25, 2.0


def total_loss(prediction: Prediction, batch: Batch, constants: Constants) -> dict[str, Tensor]:
    """Loss terms by name, ``"loss"`` is their sum."""
    tokens = batch.segments > 0
    dense_class, dense_box = _location_loss(prediction, batch, constants, tokens)
    terms = {"dense_class": dense_class, "dense_box": dense_box}
    for index in range(len(prediction.query_logits)):
        logits, boxes = prediction.query_logits[index], prediction.query_boxes[index]
        query_class, query_box = _query_loss(logits, boxes, batch, tokens)
        terms[f"class{index}"], terms[f"box{index}"] = query_class, query_box
    terms["loss"] = torch.stack(list(terms.values())).sum()
    return terms


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


def near(batch: Batch, constants: Constants) -> Tensor:
    """(B, n, N) bool: within 0.75 cells, or a quarter of its size, of a target's middle."""
    cells = torch.tensor([[1 / w, 1 / h] for h, w in constants.shapes])
    cell = cells.to(batch.places.device)[constants.level]  # (N, 2)
    offset = (constants.centres[:, None] - batch.places[:, :, None, :2]).abs()  # (B, n, N, 2)
    reach = torch.maximum(0.75 * cell, 0.25 * batch.places[:, :, None, 2:])
    return (offset < reach).all(-1) & batch.valid[..., None]


def _location_loss(
    prediction: Prediction, batch: Batch, constants: Constants, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    close = near(batch, constants)
    # (B, n, N) x (B, n, T) -> (B, N, T): a location means every token of every target near it
    wanted = torch.einsum("bnl,bnt->blt", close.float(), batch.spans.float()) > 0
    losses = focal(prediction.location_logits, wanted) * tokens[:, None]
    # Normalised by the positives of the whole batch, tokens and locations alike.
    classes = losses.sum() / wanted.sum().clamp(min=1)
    sample, target, location = close.nonzero(as_tuple=True)
    if len(sample) == 0:
        return classes, prediction.location_boxes.sum() * 0
    boxes = box_loss(prediction.location_boxes[sample, location], batch.boxes[sample, target])
    return classes, boxes.mean()


def _query_loss(
    logits: Tensor, boxes: Tensor, batch: Batch, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """logits (B, K, T), boxes (B, K, 4)."""
    sample, query, target = match(logits, boxes, batch, tokens)
    wanted = torch.zeros_like(logits, dtype=torch.bool)
    wanted[sample, query] = batch.spans[sample, target]
    losses = focal(logits, wanted) * tokens[:, None]
    classes = losses.sum() / wanted.sum().clamp(min=1)
    if len(sample) == 0:
        return classes, boxes.sum() * 0
    return classes, box_loss(boxes[sample, query], batch.boxes[sample, target]).mean()


@torch.no_grad()
def match(
    logits: Tensor, boxes: Tensor, batch: Batch, tokens: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One-to-one assignment of queries to targets: indices (sample, query, target), each (m,)."""
    positive = focal(logits, torch.ones_like(logits)) - focal(logits, torch.zeros_like(logits))
    positive = positive * tokens[:, None]
    spans = batch.spans.float()
    classes = torch.einsum("bkt,bnt->bkn", positive, spans)
    classes = classes / spans.sum(-1)[:, None].clamp(min=1)
    distance = torch.cdist(boxes, batch.boxes, p=1)
    overlap = generalised_iou(boxes[:, :, None], batch.boxes[:, None])
    cost = CLASS_COST * classes + L1_COST * distance - GIOU_COST * overlap
    cost = torch.nan_to_num(cost, nan=1e6, posinf=1e6, neginf=-1e6).cpu()
    triples = []
    for index, valid in enumerate(batch.valid.cpu()):
        targets = valid.nonzero()[:, 0]
        rows, columns = linear_sum_assignment(cost[index][:, targets].numpy())
        triples += [(index, int(r), int(targets[c])) for r, c in zip(rows, columns, strict=True)]
    found = torch.tensor(triples, dtype=torch.long, device=boxes.device).reshape(-1, 3)
    return found[:, 0], found[:, 1], found[:, 2]
