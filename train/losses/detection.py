"""Losses of detectors: who answers for which object, and what a wrong answer costs.

All terms are sums over what answers, divided by the number of objects in the batch, so that parts
of a batch add up (``train.trainer.task``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from train.losses.boxes import generalised_iou, overlap
from train.losses.grounding import assigned
from train.models.detector.detr import Queries
from train.models.detector.ssd import Anchored
from train.models.detector.yolo import Dense

VARIANCES = (0.1, 0.2)  # of SSD's offsets, of centres and of sides: ``sdk.regions.heads.ssd``
MATCHED, UNMATCHED = 0.5, 0.4  # IoU from which an anchor is an object's, below which it is nobody's
NEGATIVES = 3  # anchors that are nobody's, for each that is somebody's
FOCUS = 2.0  # of the quality focal loss
CLASS_POWER, IOU_POWER = 0.5, 6.0  # of the task alignment
REACH = 0.75  # cells from its middle that a small object has candidates within
MOST_CELLS = 10  # locations that answer for an object
MOST_DENSE = 4  # of them where queries are chosen among locations, and should be few
CLASS_COST, L1_COST, GIOU_COST = 2.0, 5.0, 2.0  # as in RT-DETR


@dataclass(frozen=True)
class Objects:
    """What is to be found in B inputs, n objects at most.

    Attributes:
        boxes: (B, n, 4) cxcywh in units of the input.
        labels: (B, n).
        valid: (B, n) bool: rows beyond an input's own objects are not.
    """

    boxes: Tensor
    labels: Tensor
    valid: Tensor

    @property
    def count(self) -> Tensor:
        """How many objects there are, 1 where there are none."""
        return self.valid.sum().clamp(min=1)


# SSD


def ssd_losses(found: Anchored, objects: Objects) -> dict[str, Tensor]:
    """``class`` over anchors and the hardest of the others, ``box`` of the offsets (Liu et al.)."""
    target, state = match_anchors(found.anchors, objects)
    positive = state > 0
    labels = objects.labels.gather(1, target)
    wanted = torch.where(positive, labels + 1, 0)
    costs = F.cross_entropy(found.logits.float().flatten(0, 1), wanted.flatten(), reduction="none")
    costs = costs.view_as(wanted)
    hard = hard_negatives(costs.detach(), positive, state == 0)
    classes = (costs * (positive | hard)).sum() / objects.count
    sample, anchor = positive.nonzero(as_tuple=True)
    boxes = objects.boxes[sample, target[sample, anchor]]
    offsets = found.offsets.float()[sample, anchor]
    distance = F.smooth_l1_loss(offsets, encode(boxes, found.anchors[anchor]), reduction="none")
    return {"class": classes, "box": distance.sum() / objects.count}


@torch.no_grad()
def match_anchors(anchors: Tensor, objects: Objects) -> tuple[Tensor, Tensor]:
    """Which object each of (N, 4) anchors is for, and whether it is: 1, 0, or -1, nearly; (B, N).

    An anchor is for the object that it overlaps most, from ``MATCHED`` on; every object has at
    least the anchor that overlaps it most.
    """
    alike = overlap(objects.boxes[:, :, None], anchors)  # (B, n, N)
    alike = alike * objects.valid[..., None]
    best, target = alike.max(1)
    state = torch.where(best >= MATCHED, 1, torch.where(best < UNMATCHED, 0, -1))
    sample, number = objects.valid.nonzero(as_tuple=True)
    own = alike[sample, number].argmax(-1)
    target[sample, own], state[sample, own] = number, 1
    return target, state


@torch.no_grad()
def hard_negatives(costs: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """(B, N) bool: of the negatives those that cost most, ``NEGATIVES`` for each positive of the
    same input, or as many where there is none."""
    rank = costs.masked_fill(~negative, -torch.inf).argsort(1, descending=True).argsort(1)
    most = NEGATIVES * positive.sum(1, keepdim=True).clamp(min=1)
    return (rank < most) & negative


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Offsets (m, 4) of boxes from anchors, both cxcywh."""
    moved = (boxes[:, :2] - anchors[:, :2]) / anchors[:, 2:] / VARIANCES[0]
    stretched = (boxes[:, 2:] / anchors[:, 2:]).log() / VARIANCES[1]
    return torch.cat([moved, stretched], dim=-1)


# YOLO


def yolo_losses(found: Dense, objects: Objects, most: int = MOST_CELLS) -> dict[str, Tensor]:
    """``class`` and ``box`` of every location (Feng et al. 2021, Li et al. 2020)."""
    logits, boxes = found.logits.float(), found.boxes.float()
    target, quality = align(logits.sigmoid(), boxes, found, objects, most)
    wanted = torch.zeros_like(logits)
    labels = objects.labels.gather(1, target)
    wanted.scatter_(2, labels[..., None], quality[..., None])
    sample, location = (quality > 0).nonzero(as_tuple=True)
    alike = generalised_iou(
        boxes[sample, location], objects.boxes[sample, target[sample, location]]
    )
    box = (quality[sample, location] * (1 - alike)).sum()
    return {
        "class": quality_focal(logits, wanted).sum() / objects.count,
        "box": box / objects.count,
    }


@torch.no_grad()
def align(
    scores: Tensor, boxes: Tensor, places: Dense, objects: Objects, most: int
) -> tuple[Tensor, Tensor]:
    """Task-aligned assignment (Feng et al. 2021): locations answer for the object that they say
    best, by class and box together.

    Args:
        scores: (B, N, C) in 0..1.
        boxes: (B, N, 4) cxcywh.
        places: of the locations.
        objects: n of them at most.
        most: locations for each object.

    Returns:
        Which object each location is for (B, N), and how well it says so (B, N): 0 where it is for
        none, and for the best location of an object the IoU of its box.
    """
    offset = (places.centres - objects.boxes[:, :, None, :2]).abs()  # (B, n, N, 2)
    reach = torch.maximum(REACH * places.cells, objects.boxes[:, :, None, 2:] / 2)
    candidate = (offset < reach).all(-1) & objects.valid[..., None]
    alike = overlap(boxes[:, None], objects.boxes[:, :, None]) * candidate  # (B, n, N)
    said = scores.transpose(1, 2).gather(1, objects.labels[..., None].expand_as(alike))
    aligned = said**CLASS_POWER * alike**IOU_POWER
    least = aligned.topk(min(most, aligned.shape[-1]), dim=-1).values[..., -1:]
    aligned = aligned * (aligned >= least)
    alike = alike * (aligned > 0)
    scale = alike.amax(-1, keepdim=True) / aligned.amax(-1, keepdim=True).clamp(min=1e-30)
    target = alike.argmax(1)  # of several objects, the one that its box is most like
    return target, (aligned * scale).gather(1, target[:, None])[:, 0]


def quality_focal(logits: Tensor, quality: Tensor) -> Tensor:
    """Quality focal loss (Li et al. 2020), elementwise: binary cross entropy with how good an
    answer is for a label, weighed by how far it is off."""
    miss = (quality - logits.sigmoid()).abs()
    return miss**FOCUS * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")


# DETR


def detr_losses(found: Queries, objects: Objects) -> dict[str, Tensor]:
    """``class`` and ``box`` of the queries of every layer, one to one, and of the locations that
    they are chosen among (``dense_class``, ``dense_box``)."""
    dense = yolo_losses(found.dense, objects, MOST_DENSE)
    terms = {f"dense_{name}": term for name, term in dense.items()}
    logits, boxes = found.logits.float(), found.boxes.float()
    for layer, pairs in enumerate(match_queries(logits, boxes, objects)):
        sample, query, number = pairs
        own, theirs = boxes[layer, sample, query], objects.boxes[sample, number]
        alike = generalised_iou(own, theirs)
        wanted = torch.zeros_like(logits[layer])
        wanted[sample, query, objects.labels[sample, number]] = overlap(own, theirs).detach()
        box = L1_COST * (own - theirs).abs().sum(-1) + GIOU_COST * (1 - alike)
        terms[f"class{layer}"] = quality_focal(logits[layer], wanted).sum() / objects.count
        terms[f"box{layer}"] = box.sum() / objects.count
    return terms


@torch.no_grad()
def match_queries(
    logits: Tensor, boxes: Tensor, objects: Objects
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The cheapest one-to-one assignment of queries to objects, for each layer.

    Args:
        logits: (L, B, K, C).
        boxes: (L, B, K, 4).
        objects: n of them at most; where there are more than K, some go without a query.

    Returns:
        For each layer indices (sample, query, object), each (m,).
    """
    scores = logits.sigmoid()
    labels = objects.labels[None, :, None].expand(*scores.shape[:3], -1)
    said = scores.gather(3, labels)  # (L, B, K, n)
    distance = torch.cdist(boxes, objects.boxes.expand(len(boxes), -1, -1, -1), p=1)
    alike = generalised_iou(boxes[:, :, :, None], objects.boxes[:, None])
    cost = L1_COST * distance - CLASS_COST * said - GIOU_COST * alike
    costs = torch.nan_to_num(cost, nan=1e6, posinf=1e6, neginf=-1e6).cpu().numpy()
    valid = objects.valid.cpu().numpy()
    return [assigned(of_layer, valid, boxes.device) for of_layer in costs]
