"""Losses of a two-stage detector (Faster R-CNN, Ren et al. 2015): what each stage is asked.

Of every input the same number of anchors and of proposals is asked, chosen by chance among those
that are an object's and those that are nobody's. All terms are means over inputs, so that parts of
a batch add up (``train.trainer.task``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from train.losses.bnrl import IGNORED, ClassLoss
from train.losses.boxes import overlap, to_corners
from train.losses.detection import Objects, encode
from train.models.few_shot.detector import FewShotDetector, Seen

ANCHOR_MATCHED, ANCHOR_UNMATCHED = 0.7, 0.3  # IoU from which an anchor is an object's; nobody's
REGION_MATCHED = 0.5  # IoU from which a proposal is an object's
_ROUND = 1.0  # of the smooth L1 distance: where it becomes a square


@dataclass(frozen=True)
class Asked:
    """How many are asked of an input, and which share of them may be an object's.

    Attributes:
        anchors: of the first stage.
        regions: of the second stage; ``region_share`` of them.
        anchor_share: of the anchors.
        region_share: of the regions.
    """

    anchors: int = 256
    regions: int = 64
    anchor_share: float = 0.5
    region_share: float = 0.25


def stage_losses(
    model: FewShotDetector, seen: Seen, objects: Objects, naming: ClassLoss, asked: Asked
) -> dict[str, Tensor]:
    """``object`` and ``offset`` of the first stage, ``class`` and ``move`` of the second."""
    background = len(model.config.labels)
    regions = choose_regions(model.proposals(seen), objects, background, asked)
    classes, moves = model.judge(seen.features, regions.boxes)
    first = _mean(anchor_terms(seen, model.anchors, objects, asked))
    second = _mean(region_terms(classes.float(), moves.float(), regions, naming))
    return dict(zip(("object", "offset", "class", "move"), (*first, *second), strict=True))


def _mean(of_inputs: Iterator[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    first, second = (torch.stack(terms).mean() for terms in zip(*of_inputs, strict=True))
    return first, second


# First stage


def anchor_terms(
    seen: Seen, anchors: Tensor, objects: Objects, asked: Asked
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each input whether anchors are an object's, and how they are moved onto it."""
    logits, offsets = seen.objectness.float(), seen.offsets.float()
    for k in range(len(logits)):
        boxes = objects.boxes[k][objects.valid[k]]
        target, state = claim_anchors(anchors, boxes)
        own, other = _some(state == 1, state == 0, asked.anchors, asked.anchor_share)
        chosen = torch.cat([own, other])
        wanted = (state[chosen] == 1).float()
        said = F.binary_cross_entropy_with_logits(logits[k, chosen], wanted, reduction="sum")
        aim = encode(boxes[target[own]], anchors[own])
        count = max(1, len(chosen))
        yield said / count, _distance(offsets[k, own], aim) / count


@torch.no_grad()
def claim_anchors(anchors: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Which of n boxes each of K anchors is for, and whether it is: 1, 0, or -1, nearly; (K,).

    Every box has at least the anchors that overlap it most.
    """
    if not len(boxes):
        nobody = torch.zeros(len(anchors), dtype=torch.long, device=anchors.device)
        return nobody, nobody
    alike = overlap(boxes[:, None], anchors)  # (n, K)
    best, target = alike.max(0)
    state = torch.where(best >= ANCHOR_MATCHED, 1, torch.where(best < ANCHOR_UNMATCHED, 0, -1))
    most = alike.amax(1, keepdim=True)
    number, own = ((alike >= most - 1e-6) & (most > 0)).nonzero(as_tuple=True)
    target[own], state[own] = number, 1
    return target, state


# Second stage


@dataclass(frozen=True)
class Regions:
    """S proposals of each of B inputs that are asked.

    Attributes:
        boxes: (B, S, 4) xyxy in units of the input.
        labels: (B, S): a class, the number behind the last one for background, ``IGNORED`` where
            there were too few proposals.
        aims: (B, S, 4), the moves onto the object; 0 where there is none.
        background: the number of that label.
    """

    boxes: Tensor
    labels: Tensor
    aims: Tensor
    background: int

    @property
    def owned(self) -> Tensor:
        """(B, S) bool: which are an object's."""
        return (self.labels != self.background) & (self.labels != IGNORED)


@torch.no_grad()
def choose_regions(proposals: Tensor, objects: Objects, background: int, asked: Asked) -> Regions:
    """Some of the proposals (B, R, 4), and of the objects themselves, as what they are."""
    count = asked.regions
    chosen = proposals.new_zeros(len(proposals), count, 4)
    labels = torch.full((len(proposals), count), IGNORED, device=proposals.device)
    aims = torch.zeros_like(chosen)
    for k, offered in enumerate(proposals):
        boxes, kinds = objects.boxes[k][objects.valid[k]], objects.labels[k][objects.valid[k]]
        found = _cxcywh(offered[(offered[:, 2:] > offered[:, :2]).all(-1)])
        found = torch.cat([found, boxes])
        if not len(found):
            continue
        best, target = found.new_zeros(len(found)), torch.zeros_like(found[:, 0], dtype=torch.long)
        if len(boxes):
            best, target = overlap(boxes[:, None], found).max(0)
        matched = best >= REGION_MATCHED
        own, other = _some(matched, ~matched, count, asked.region_share)
        rows = torch.cat([own, other])
        chosen[k, : len(rows)] = to_corners(found[rows])
        labels[k, : len(rows)] = background
        labels[k, : len(own)] = kinds[target[own]]
        aims[k, : len(own)] = encode(boxes[target[own]], found[own])
    return Regions(chosen, labels, aims, background)


def region_terms(
    classes: Tensor, moves: Tensor, regions: Regions, naming: ClassLoss
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each input which class its regions are, and how they are moved onto their object."""
    for k, own in enumerate(regions.owned):
        count = (regions.labels[k] != IGNORED).sum().clamp(min=1)
        moved = _distance(moves[k, own], regions.aims[k, own]) / count
        yield naming(classes[k], regions.labels[k]), moved


def _some(own: Tensor, other: Tensor, count: int, share: float) -> tuple[Tensor, Tensor]:
    """``count`` rows drawn of both masks (N,), at most that share of them of the first; fewer where
    there are not so many."""
    mine, theirs = own.nonzero()[:, 0], other.nonzero()[:, 0]
    kept = min(len(mine), int(count * share))
    rest = min(len(theirs), count - kept)
    return _drawn(mine, kept), _drawn(theirs, rest)


def _drawn(rows: Tensor, count: int) -> Tensor:
    # Drawn on the host: a GPU has a generator of its own, and training repeats itself to the bit.
    return rows[torch.randperm(len(rows))[:count].to(rows.device)]


def _distance(found: Tensor, wanted: Tensor) -> Tensor:
    return F.smooth_l1_loss(found, wanted, reduction="sum", beta=_ROUND)


def _cxcywh(xyxy: Tensor) -> Tensor:
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)
