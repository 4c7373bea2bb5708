"""Losses of detectors: who answers for what, and what the right answer costs."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from sdk.geometry import cxcywh_to_xyxy, pairwise_iou
from sdk.regions.heads.head import grid
from sdk.regions.heads.ssd import ANCHORS, PYRAMID, pyramid_anchors
from train.losses.boxes import overlap
from train.losses.detection import (
    MATCHED,
    MOST_CELLS,
    NEGATIVES,
    UNMATCHED,
    VARIANCES,
    Objects,
    align,
    detr_losses,
    encode,
    hard_negatives,
    match_anchors,
    match_queries,
    quality_focal,
    ssd_losses,
    yolo_losses,
)
from train.models.detector.detr import Queries
from train.models.detector.ssd import Anchored
from train.models.detector.yolo import Dense

HW, CLASSES = (64, 96), 3
SURE = 12.0
SIDE, PLACE = st.floats(1 / 8, 1 / 2, width=32), st.floats(1 / 4, 3 / 4, width=32)
BOX = st.tuples(PLACE, PLACE, SIDE, SIDE)
ROWS = st.lists(st.tuples(BOX, st.integers(0, CLASSES - 1)), max_size=4)


def objects_of(*samples: list) -> Objects:
    most = max(1, *(len(rows) for rows in samples))
    boxes, labels = torch.zeros(len(samples), most, 4), torch.zeros(len(samples), most).long()
    valid = torch.zeros(len(samples), most, dtype=torch.bool)
    for sample, rows in enumerate(samples):
        for row, (box, label) in enumerate(rows):
            boxes[sample, row], labels[sample, row] = torch.tensor(box), label
            valid[sample, row] = True
    return Objects(boxes, labels, valid)


def places(boxes: Tensor | None = None, logits: Tensor | None = None, samples: int = 1) -> Dense:
    cells, strides = grid(HW, (8, 16, 32))
    sides = torch.from_numpy(strides)[:, None].float() / torch.tensor(HW[::-1])
    centres = (torch.from_numpy(cells).float() + 0.5) * sides
    own = torch.cat([centres, 2 * sides], 1).expand(samples, -1, -1)
    nothing = torch.full((samples, len(cells), CLASSES), -SURE)
    return Dense(
        nothing if logits is None else logits, own if boxes is None else boxes, centres, sides
    )


@given(st.lists(BOX, min_size=1, max_size=5), st.lists(BOX, min_size=1, max_size=5))
def test_overlap_is_iou(a, b) -> None:
    one, other = torch.tensor(a), torch.tensor(b)
    expected = pairwise_iou(cxcywh_to_xyxy(one.numpy()), cxcywh_to_xyxy(other.numpy()))
    np.testing.assert_allclose(overlap(one[:, None], other), expected, atol=1e-5)


# SSD


ANCHOR_TABLE = torch.from_numpy(pyramid_anchors(HW)).float()


def test_offsets_are_what_the_head_reads() -> None:
    assert ANCHORS[PYRAMID].variances == VARIANCES
    assert ANCHORS[PYRAMID].order == (0, 1, 2, 3)


@given(ROWS, ROWS)
def test_anchors_are_matched(first, second) -> None:
    objects = objects_of(first, second)
    target, state = match_anchors(ANCHOR_TABLE, objects)
    alike = overlap(objects.boxes[:, :, None], ANCHOR_TABLE) * objects.valid[..., None]
    for sample, rows in enumerate((first, second)):
        assert ((state[sample] > 0).any()) == bool(rows)
        taken = target[sample][state[sample] > 0].tolist()
        assert set(taken) <= set(range(len(rows)))
        best = alike[sample].amax(0)
        assert (state[sample][best >= MATCHED] == 1).all()
        assert (best[state[sample] == 0] < UNMATCHED).all()


@given(st.integers(0, 1000), st.integers(0, 5))
def test_the_hardest_negatives_are_taken(seed, positives) -> None:
    costs = torch.rand(2, 40, generator=torch.Generator().manual_seed(seed))
    positive = torch.zeros(2, 40, dtype=torch.bool)
    positive[0, :positives] = True
    negative = ~positive
    negative[:, 39] = False  # nearly somebody's
    hard = hard_negatives(costs, positive, negative)
    assert hard.sum(1).tolist() == [NEGATIVES * max(positives, 1), NEGATIVES]
    assert not (hard & ~negative).any()
    for sample in range(2):
        left = costs[sample][negative[sample] & ~hard[sample]]
        assert costs[sample][hard[sample]].min() >= left.max()


@given(ROWS.filter(len))
def test_an_ssd_that_is_right_costs_nothing(rows) -> None:
    objects = objects_of(rows)
    target, state = match_anchors(ANCHOR_TABLE, objects)
    wanted = torch.where(state > 0, objects.labels[0][target] + 1, 0)
    logits = torch.nn.functional.one_hot(wanted, CLASSES + 1) * 2 * SURE - SURE
    offsets = encode(objects.boxes[0][target[0]], ANCHOR_TABLE)[None]
    right = ssd_losses(Anchored(logits.float(), offsets, ANCHOR_TABLE), objects)
    assert max(term.item() for term in right.values()) < 1e-3
    wrong = ssd_losses(Anchored(-logits.float(), offsets + 1, ANCHOR_TABLE), objects)
    assert min(term.item() for term in wrong.values()) > 0.9


# YOLO


@given(ROWS, ROWS, st.integers(0, 1000))
def test_locations_are_aligned(first, second, seed) -> None:
    objects = objects_of(first, second)
    generator = torch.Generator().manual_seed(seed)
    near = places(samples=2)
    scores = torch.rand(near.logits.shape, generator=generator)
    target, quality = align(scores, near.boxes, near, objects, MOST_CELLS)
    assert ((quality >= 0) & (quality <= 1)).all()
    for sample, rows in enumerate((first, second)):
        own = quality[sample] > 0
        taken = target[sample][own]
        assert set(taken.tolist()) <= set(range(len(rows)))
        assert all((taken == row).sum() <= MOST_CELLS for row in range(len(rows)))
        offset = (near.centres[own] - objects.boxes[sample][taken][:, :2]).abs()
        reach = torch.maximum(objects.boxes[sample][taken][:, 2:] / 2, 0.75 * near.cells[own])
        assert (offset < reach).all()
    if len(first) == 1:
        alike = overlap(near.boxes[0], objects.boxes[0, :1])
        assert_close(quality[0].max(), alike[quality[0] > 0].max())


@given(st.tuples(BOX, st.integers(0, CLASSES - 1)))
def test_a_yolo_that_is_right_costs_little(row) -> None:
    objects = objects_of([row])
    empty = places()
    boxes = objects.boxes[:, :1].expand_as(empty.boxes)
    scores = torch.full_like(empty.logits, 0.5)
    _, quality = align(scores, boxes, empty, objects, MOST_CELLS)
    logits = torch.full_like(empty.logits, -SURE)
    logits[0, quality[0] > 0, row[1]] = SURE
    right = yolo_losses(places(boxes, logits), objects)
    assert max(term.item() for term in right.values()) < 1e-3
    wrong = yolo_losses(places(empty.boxes + 0.02, -logits), objects)
    assert wrong["class"] > 1
    assert wrong["box"] >= 0


def test_quality_focal_is_the_formula() -> None:
    logit, quality = torch.tensor(0.3), torch.tensor(0.8)
    p = logit.sigmoid()
    expected = (0.8 - p) ** 2 * -(0.8 * p.log() + 0.2 * (1 - p).log())
    assert_close(quality_focal(logit, quality), expected)
    assert quality_focal(torch.tensor(0.8).logit(), quality).item() < 1e-9


# DETR


def queries(objects: Objects, count: int, layers: int = 2) -> Queries:
    """Query k says object k, in every layer."""
    samples, most = objects.valid.shape
    logits = torch.full((layers, samples, count, CLASSES), -SURE)
    boxes = torch.full((layers, samples, count, 4), 0.05)
    for sample, row in objects.valid.nonzero().tolist():
        if row < count:
            logits[:, sample, row, objects.labels[sample, row]] = SURE
            boxes[:, sample, row] = objects.boxes[sample, row]
    assert most >= 1
    return Queries(logits, boxes, places(samples=samples))


@given(
    st.lists(st.tuples(BOX, st.integers(0, CLASSES - 1)), min_size=1, max_size=4, unique=True), ROWS
)
def test_queries_are_matched_one_to_one(first, second) -> None:
    objects = objects_of(first, second)
    found = queries(objects, 6)
    for sample, query, number in match_queries(found.logits, found.boxes, objects):
        assert len(sample) == objects.valid.sum()
        pairs = list(zip(sample.tolist(), query.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)
        apart = overlap(found.boxes[0][sample, query], objects.boxes[sample, number])
        assert (apart > 0.99).all()


def test_more_objects_than_queries() -> None:
    objects = objects_of([((0.3 + 0.1 * k, 0.5, 0.1, 0.1), k % CLASSES) for k in range(5)])
    found = queries(objects, 3)
    for sample, query, number in match_queries(found.logits, found.boxes, objects):
        assert len(sample) == len(set(query.tolist())) == len(set(number.tolist())) == 3


def test_a_detr_that_is_right_costs_little() -> None:
    objects = objects_of([((0.3, 0.5, 0.2, 0.2), 1)], [])
    terms = detr_losses(queries(objects, 4), objects)
    assert set(terms) == {"class0", "box0", "class1", "box1", "dense_class", "dense_box"}
    assert all(terms[name].item() < 1e-3 for name in terms if not name.startswith("dense"))
    nothing = detr_losses(queries(objects_of([], []), 4), objects_of([], []))
    assert all(torch.isfinite(term) and term.item() < 1e-3 for term in nothing.values())


@given(ROWS)
def test_parts_of_a_batch_add_up(rows) -> None:
    """Terms are sums over objects, divided by how many there are."""
    other = [((0.5, 0.5, 0.3, 0.3), 0)]
    generator = torch.Generator().manual_seed(0)
    whole = objects_of(rows, other)
    parts = [Objects(*(value[k : k + 1] for value in vars(whole).values())) for k in range(2)]
    near = places(samples=2)
    logits = torch.randn(near.logits.shape, generator=generator)
    together = yolo_losses(places(near.boxes, logits), whole)
    for name, term in together.items():
        sums = [
            yolo_losses(places(near.boxes[k : k + 1], logits[k : k + 1]), part)[name] * part.count
            for k, part in enumerate(parts)
        ]
        assert_close(sum(sums) / whole.count, term)
