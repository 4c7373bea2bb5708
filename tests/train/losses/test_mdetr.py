"""MDETR's loss: what it is least for, and where the published one differs."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from train.losses.mdetr import (
    PAPER,
    PUBLISHED,
    Targets,
    Variant,
    alignment,
    costs,
    losses,
    match,
    positive_map,
    soft_tokens,
)
from train.models.mdetr.config import LABELS
from train.models.mdetr.model import Prediction

QUERIES, TOKENS = 4, 6


@pytest.fixture
def targets() -> Targets:
    """Two boxes in the first sentence, one in the second, which has padding."""
    boxes = torch.tensor([[[0.3, 0.3, 0.2, 0.2], [0.7, 0.6, 0.3, 0.4]], [[0.5] * 4, [0.0] * 4]])
    spans = torch.zeros(2, 2, TOKENS, dtype=torch.bool)
    spans[0, 0, 1:3] = spans[0, 1, 3:4] = spans[1, 0, 1:4] = True
    tokens = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    return Targets(boxes, spans, torch.tensor([[True, True], [True, False]]), tokens)


@pytest.fixture
def right(targets: Targets) -> Prediction:
    """Queries 2 and 0 are the boxes of the first sentence, 1 that of the second; sure of it."""
    logits = torch.full((2, QUERIES, LABELS), -9.0)
    logits[..., -1] = 9.0
    boxes = torch.full((2, QUERIES, 4), 0.1)
    queries = torch.zeros(2, QUERIES, 8)
    queries[..., 7] = 1.0
    tokens = torch.zeros(2, TOKENS, 8)
    tokens[..., 6] = 1.0
    for sample, query, target in ((0, 2, 0), (0, 0, 1), (1, 1, 0)):
        span = targets.spans[sample, target]
        logits[sample, query, :TOKENS][span] = 18.0
        boxes[sample, query] = targets.boxes[sample, target]
        queries[sample, query] = torch.eye(8)[target]
        tokens[sample, span] = torch.eye(8)[target]
    return Prediction(*(each[None] for each in (logits, boxes, queries)), tokens)


def found(prediction: Prediction, targets: Targets, variant: Variant = PAPER):
    labels = positive_map(targets.spans, variant)
    cost = costs(prediction.logits[-1], prediction.boxes[-1], targets.boxes, labels)
    return match(cost, targets.valid)


def test_who_stands_for_what(right, targets) -> None:
    pairs = zip(*(each.tolist() for each in found(right, targets)), strict=True)
    assert sorted(pairs) == [(0, 0, 1), (0, 2, 0), (1, 1, 0)]


def test_the_right_answer_costs_nothing_but_the_spread_over_words(right, targets) -> None:
    terms = losses(right, targets)
    assert terms["box0"] == 0
    assert abs(terms["giou0"]) < 1e-6
    # A phrase of n words is a share of 1/n for each: the least that its cross entropy can be.
    least = (math.log(2) + math.log(1) + math.log(3)) / 3
    assert terms["token0"].item() == pytest.approx(least, abs=1e-3)
    assert terms["align0"].item() < 0.7 * losses(worse(right), targets)["align0"].item()


def worse(prediction: Prediction) -> Prediction:
    """Every query like every token."""
    return prediction._replace(
        queries=torch.ones_like(prediction.queries) / 8**0.5,
        tokens=torch.ones_like(prediction.tokens) / 8**0.5,
    )


def test_published_labels_are_one_on_every_word(right, targets) -> None:
    paper, published = (positive_map(targets.spans, v) for v in (PAPER, PUBLISHED))
    torch.testing.assert_close(paper[targets.valid].sum(-1), torch.ones(3), atol=1e-5, rtol=0)
    assert published[targets.valid].sum(-1).tolist() == [2, 1, 3]
    terms, told = losses(right, targets), losses(right, targets, PUBLISHED)
    assert told["token0"].item() == pytest.approx(
        (2 * math.log(2) + math.log(1) + 3 * math.log(3)) / 3, abs=1e-3
    )
    assert terms["box0"] == told["box0"]


def test_published_alignment_hears_padding(right, targets) -> None:
    """What stands behind a sentence changes the published loss, and not the paper's."""
    queries = right.queries[-1]
    noisy = right.tokens.clone()
    noisy[1, 4:] = queries[1, 1]
    pairs = found(right, targets)
    for variant, same in ((PAPER, True), (PUBLISHED, False)):
        before, after = (
            alignment(queries, tokens, targets, pairs, variant) for tokens in (right.tokens, noisy)
        )
        assert torch.isclose(before, after).item() == same


def test_a_query_without_a_target_means_nothing(right, targets) -> None:
    """By a tenth of the weight; sentences without any target have all queries so."""
    nobody = dataclasses.replace(targets, valid=torch.zeros_like(targets.valid))
    terms = losses(right, nobody)
    assert terms["box0"] == terms["giou0"] == terms["align0"] == 0
    # Three queries are sure of a target: each is wrong by its logit, at a tenth of the weight.
    assert terms["token0"].item() == pytest.approx(
        0.1 * (9 + math.log(2) + 9 + 9 + math.log(3)), abs=0.05
    )
    pairs = found(right, targets)
    logits = right.logits[-1].clone().requires_grad_()
    soft_tokens(logits, positive_map(targets.spans, PAPER), pairs).backward()
    assert logits.grad.abs().sum(-1).gt(0).all()


def test_layers_are_matched_by_themselves(right, targets) -> None:
    other = right._replace(
        logits=torch.cat([right.logits.flip(2), right.logits]),
        boxes=torch.cat([right.boxes.flip(2), right.boxes]),
        queries=torch.cat([right.queries.flip(2), right.queries]),
    )
    terms = losses(other, targets)
    for name in ("token", "box", "giou", "align"):
        assert terms[f"{name}0"].item() == pytest.approx(terms[f"{name}1"].item(), abs=1e-6)


def test_what_is_not_finite_is_matched_all_the_same(targets) -> None:
    cost = torch.full((2, QUERIES, 2), float("nan"))
    sample, query, _ = match(cost, targets.valid)
    assert sample.tolist() == [0, 0, 1]
    assert len(set(query[:2].tolist())) == 2
