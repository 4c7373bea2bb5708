"""Losses: known values, matching, and what must have no influence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from sdk.geometry import cxcywh_to_xyxy
from train.data.batches import Batch
from train.losses.boxes import generalised_iou, to_corners
from train.losses.grounding import (
    ALPHA,
    GAMMA,
    answer_losses,
    box_loss,
    focal,
    match,
    near,
    rank_loss,
    sentence_numbers,
    sentence_scores,
    verify_loss,
    weighted,
)
from train.models.grounding_dino.constants import Constants
from train.models.grounding_dino.grounder import PizaGrounder, Prediction
from train.models.grounding_dino.layers import MASKED

UNIT = st.floats(1 / 64, 1, width=32)
BOXES = st.tuples(UNIT, UNIT, UNIT, UNIT).map(torch.tensor)


@pytest.fixture(scope="module")
def model(make_model) -> PizaGrounder:
    return make_model()


@pytest.fixture(scope="module")
def constants(model) -> Constants:
    return model.constants(torch.device("cpu"))


@pytest.fixture
def batch(model, make_batch) -> Batch:
    return make_batch(model.config)


def predict(model: PizaGrounder, batch: Batch) -> Prediction:
    text = model.encode_text(batch.ids, batch.segments, batch.positions)
    image = model.encode_image(batch.pixels)
    return model.ground(image, text, batch.segments, batch.positions, batch.progress)


def perfect(batch: Batch, constants: Constants, queries: int = 5) -> Prediction:
    """What the losses ask for: in each sample query i + 1 says target i, in every layer."""
    sure = 12.0
    close = near(batch.places, batch.valid, constants)
    spans = batch.spans.float()
    locations = (torch.einsum("bnl,bnt->blt", close.float(), spans) > 0) * 2 * sure - sure
    boxes = torch.full((len(close), close.shape[-1], 4), 0.5)
    logits = torch.full((len(close), queries, spans.shape[-1]), -sure)
    chosen = torch.full((len(close), queries, 4), 0.5)
    for sample, target in batch.valid.nonzero().tolist():
        boxes[sample, close[sample, target]] = batch.boxes[sample, target]
        logits[sample, target + 1, batch.spans[sample, target]] = sure
        chosen[sample, target + 1] = batch.boxes[sample, target]
    return Prediction(locations, boxes, torch.stack([logits] * 2), torch.stack([chosen] * 2))


@pytest.mark.parametrize("logit", [-8.0, -1.5, 0.0, 0.3, 6.0])
@pytest.mark.parametrize("positive", [False, True])
def test_focal_is_the_formula(logit: float, positive: bool) -> None:
    p = 1 / (1 + math.exp(-logit))
    pt, alpha = (p, ALPHA) if positive else (1 - p, 1 - ALPHA)
    expected = -alpha * (1 - pt) ** GAMMA * math.log(pt)
    found = focal(torch.tensor(logit, dtype=torch.float64), torch.tensor(positive))
    assert found.item() == pytest.approx(expected, rel=1e-9)


def test_focal_of_masked_logits_is_finite() -> None:
    logits = torch.tensor([-1e4, 1e4, -1e4, 1e4], requires_grad=True)
    losses = focal(logits, torch.tensor([False, True, True, False]))
    losses.sum().backward()
    assert losses[:2].tolist() == [0, 0]
    assert torch.isfinite(losses).all()
    assert torch.isfinite(logits.grad).all()


@given(BOXES)
def test_corners_are_those_of_the_geometry(box: Tensor) -> None:
    expected = torch.from_numpy(cxcywh_to_xyxy(box.numpy()))
    assert_close(to_corners(box).double(), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0.5, 0.5, 0.2, 0.2), (0.5, 0.5, 0.2, 0.2), 1.0),
        ((0.5, 0.5, 0.4, 0.4), (0.5, 0.5, 0.2, 0.2), 0.25),  # nested: the IoU
        ((0.3, 0.5, 0.2, 0.2), (0.5, 0.5, 0.2, 0.2), 0.0),  # side by side
        ((0.2, 0.5, 0.2, 0.2), (0.6, 0.5, 0.2, 0.2), -1 / 3),  # a third of the hull lies between
        ((0.4, 0.5, 0.2, 0.2), (0.5, 0.5, 0.2, 0.2), 1 / 3),  # half over each other
    ],
)
def test_generalised_iou_of_known_boxes(a, b, expected) -> None:
    found = generalised_iou(torch.tensor(a), torch.tensor(b))
    assert found.item() == pytest.approx(expected, abs=1e-5)


@given(BOXES, BOXES)
def test_generalised_iou_properties(a: Tensor, b: Tensor) -> None:
    found = generalised_iou(a, b)
    assert -1 - 1e-5 <= found <= 1 + 1e-5
    assert_close(found, generalised_iou(b, a))
    assert generalised_iou(a, a).item() == pytest.approx(1, abs=1e-4)
    shift = torch.tensor([0.25, -0.5, 0, 0])
    assert_close(found, generalised_iou(a + shift, b + shift), atol=1e-3, rtol=1e-3)
    assert_close(found, generalised_iou(a * 2, b * 2), atol=1e-3, rtol=1e-3)


def test_degenerate_boxes_have_finite_losses() -> None:
    boxes = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.2, 0.2, 0.1, 0.0]], requires_grad=True)
    losses = box_loss(boxes, torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.6, 0.6, 0.1, 0.1]]))
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert torch.isfinite(boxes.grad).all()


def test_locations_near_a_target_by_hand(constants: Constants, batch: Batch) -> None:
    """Levels of 4 x 6 and 2 x 3 cells; reach is 0.75 cells or a quarter of the target."""
    assert constants.shapes == ((4, 6), (2, 3))
    places = torch.tensor(
        [[[0.5, 0.5, 0.01, 0.01], [1 / 4, 1 / 8, 0.01, 0.01], [0.5, 0.5, 1.6, 1.6]]]
    )
    one = replace(batch, places=places, valid=torch.tensor([[True, True, True]]))
    close = near(one.places, one.valid, constants)[0]
    centres = constants.centres
    fine, coarse = close[:, :24], close[:, 24:]
    # on the corner of four fine cells, and between two coarse ones, half a cell away
    assert fine[0].sum() == 4
    assert coarse[0].sum() == 2
    # in the middle of fine cell (0, 1); coarse: 1/8 is a quarter of a cell off in y, x likewise
    assert fine[1].nonzero().flatten().tolist() == [1]
    expected = ((centres[24:] - places[0, 1, :2]).abs() < torch.tensor([0.25, 0.375])).all(-1)
    assert torch.equal(coarse[1], expected)
    # a target larger than the image: everything within a quarter of it
    assert torch.equal(fine[2], ((centres[:24] - 0.5).abs() < 0.4).all(-1))
    assert fine[2].sum() == 4 * 4
    assert coarse[2].sum() == 3 * 2
    hidden = replace(one, valid=torch.tensor([[True, False, True]]))
    assert not near(hidden.places, hidden.valid, constants)[0, 1].any()


def test_every_target_has_a_location(constants: Constants, batch: Batch) -> None:
    """0.75 cells are more than the half that suffices, wherever the target is."""
    places = torch.rand(2, 50, 4, generator=torch.Generator().manual_seed(0))
    places[..., 2:] = 1e-3
    one = replace(batch, places=places, valid=torch.ones(2, 50, dtype=torch.bool))
    assert near(one.places, one.valid, constants).any(-1).all()


def test_matching_is_one_to_one_and_finds_the_obvious(constants, batch) -> None:
    prediction = perfect(batch, constants)
    layers = match(prediction.query_logits, prediction.query_boxes, batch, batch.segments > 0)
    assert len(layers) == len(prediction.query_logits)
    for first, other in zip(layers[0], layers[1], strict=True):
        assert torch.equal(first, other)  # both say the same here
    sample, query, target = (column.tolist() for column in layers[0])
    assert sorted(zip(sample, target, strict=True)) == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert query == [t + 1 for t in target]


def test_matching_weighs_words_and_boxes(batch: Batch) -> None:
    """Of two queries at the right place, the one that says the right words; and vice versa."""
    one = replace(batch, valid=torch.tensor([[False, True, False], [False, False, False]]))
    logits, boxes = torch.full((2, 4, 9), -3.0), torch.full((2, 4, 4), 0.9)
    boxes[0, 1] = boxes[0, 2] = one.boxes[0, 1]
    logits[0, 2, 4:6] = logits[0, 3, 4:6] = 3.0
    both = torch.stack([logits, logits.roll(1, 1)]), torch.stack([boxes, boxes.roll(1, 1)])
    found, rolled = match(*both, one, one.segments > 0)
    assert [column.tolist() for column in found] == [[0], [2], [1]]
    assert [column.tolist() for column in rolled] == [[0], [3], [1]]


def test_matching_with_more_targets_than_queries(batch: Batch) -> None:
    logits = torch.zeros(2, 2, 9)
    boxes = torch.rand(1, 2, 2, 4)
    ((sample, query, target),) = match(logits[None], boxes, batch, batch.segments > 0)
    assert sample.tolist() == [0, 0, 1]
    assert len(set(query[:2].tolist())) == len(set(target[:2].tolist())) == 2


def test_matching_survives_what_is_not_finite(batch: Batch) -> None:
    logits, boxes = torch.full((2, 5, 9), float("nan")), torch.full((2, 5, 4), float("inf"))
    ((sample, _, _),) = match(logits[None], boxes[None], batch, batch.segments > 0)
    assert len(sample) == 4


def test_nothing_to_match(batch: Batch) -> None:
    none = replace(batch, valid=batch.valid & False)
    (found,) = match(torch.zeros(1, 2, 4, 9), torch.rand(1, 2, 4, 4), none, none.segments > 0)
    assert [len(column) for column in found] == [0, 0, 0]


def test_terms_add_up(model, batch, constants) -> None:
    terms = answer_losses(predict(model, batch), batch, constants)
    sorts = ("class", "box", "rank")
    assert terms.keys() == {f"dense_{s}" for s in sorts} | {
        f"{s}{k}" for s in (*sorts, "verify") for k in (0, 1)
    }
    assert all(term > 0 for term in terms.values())
    weights = {"class": 2.0, "box": 1.0, "rank": 0.5, "verify": 0.5}
    expected = sum(
        weight * sum(term for name, term in terms.items() if sort in name)
        for sort, weight in weights.items()
    )
    assert_close(weighted(terms), expected)


def test_the_perfect_answer_costs_nothing(constants, batch) -> None:
    batch = replace(batch, boxes=batch.boxes * 1.0)
    batch.places[0] = batch.boxes[0] = torch.tensor(  # apart, so that no location has two boxes
        [[0.2, 0.2, 0.1, 0.1], [0.8, 0.2, 0.1, 0.1], [0.2, 0.8, 0.1, 0.1]]
    )
    prediction = perfect(batch, constants)
    least = weighted(answer_losses(prediction, batch, constants))
    assert least < 1e-3
    for name in ("query_boxes", "location_boxes"):
        moved = replace(prediction, **{name: getattr(prediction, name) + 0.05})
        assert weighted(answer_losses(moved, batch, constants)) > least + 0.1
    for name in ("query_logits", "location_logits"):
        unsure = replace(prediction, **{name: getattr(prediction, name) * 0.1})
        assert weighted(answer_losses(unsure, batch, constants)) > least + 0.1


def test_ranking_is_cross_entropy_over_candidates(batch: Batch) -> None:
    """Of the best token of the sentence; what is right by another target of the phrase counts."""
    logits = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(1))
    right = torch.zeros(2, 3, 6, dtype=torch.bool)
    right[0, 0, 2] = right[0, 1, 0] = right[0, 2, 4] = right[1, 0, 5] = True
    first, second = logits[0, :, 1:4].amax(-1), logits[0, :, 4:7].amax(-1)
    third = logits[1, :, 4:7].amax(-1)
    both = -torch.log(first.softmax(0)[[2, 4]].sum())  # targets 0 and 2 have one phrase
    expected = torch.stack([both, -second.log_softmax(0)[0], both, -third.log_softmax(0)[5]])
    assert_close(rank_loss(logits, right, batch), expected.mean())
    assert rank_loss(logits, right & False, batch) == 0
    assert_close(rank_loss(logits + 7, right, batch), expected.mean())  # only differences count


def test_sentences_score_by_their_best_token(batch: Batch) -> None:
    """As the search has it: a query's score is its best token's."""
    logits = torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(2))
    assert sentence_numbers(batch)[0].tolist() == [0, 2, 2, 2, 3, 3, 3, 0, 0]
    scores = sentence_scores(logits, batch)
    assert_close(scores[:, :, 2], logits[:, :, 1:4].amax(-1))
    assert_close(scores[:, :, 3], logits[:, :, 4:7].amax(-1))
    assert (scores[:, :, 4:] == MASKED).all()


def test_verification_by_hand(batch: Batch) -> None:
    """The first sample has two sentences that are true, the second a true and a false one."""
    logits = torch.full((2, 4, 9), -9.0)
    logits[0, 0, 1], logits[0, 1, 2], logits[0, 2, 3] = 2.0, 1.0, 0.5  # sentence 2
    logits[0, 3, 4], logits[0, 0, 5] = 3.0, -1.0  # sentence 3
    logits[1, 2, 1], logits[1, 1, 4] = 1.5, -2.0
    logits[:, :, 7] = 50.0  # [SEP] belongs to no sentence
    right, wrong = torch.zeros(2, 3, 4, dtype=torch.bool), torch.ones(2, 3, 4, dtype=torch.bool)
    right[0, 0, 0] = right[0, 2, 1] = True  # two objects of one phrase
    right[0, 1, 3] = right[1, 0, 1] = True
    wrong = ~right
    wrong[0, 1, 0] = False  # nearly the second target: nobody says that it is wrong
    expected = [
        F.softplus(torch.tensor(-2.0)) + F.softplus(torch.tensor(0.5)),
        F.softplus(torch.tensor(-3.0)) + F.softplus(torch.tensor(-9.0)),
        F.softplus(torch.tensor(1.5)),
        F.softplus(torch.tensor(2.0)) + F.softplus(torch.tensor(-9.0)),
    ]
    assert_close(verify_loss(logits, right, wrong, batch), torch.stack(expected).mean())


def test_verification_lowers_what_is_said_of_nothing(batch: Batch) -> None:
    """Gradients push the best query of a false sentence down, and lift the target of a true one."""
    logits = torch.zeros(2, 4, 9, requires_grad=True)
    none = torch.zeros(2, 3, 4, dtype=torch.bool)
    right = none.clone()
    right[1, 0, 1] = True
    verify_loss(logits, right, ~right, replace(batch, valid=batch.valid & right.any(-1))).backward()
    down, up = logits.grad > 0, logits.grad < 0
    assert down[0, :, 1:7].all()
    assert up[1, 1, 4:7].all()
    assert not up[0].any()
    assert not logits.grad[:, :, [0, 7, 8]].any()


def test_no_targets_at_all(model, batch, constants) -> None:
    """Everything is background: a finite loss, finite gradients, no boxes to learn."""
    none = replace(batch, valid=torch.zeros_like(batch.valid), spans=batch.spans & False)
    terms = answer_losses(predict(model, none), none, constants)
    for name in ("dense_box", "box0", "box1", "dense_rank", "rank0", "rank1"):
        assert terms[name] == 0
    assert terms["dense_class"] > 0
    assert terms["verify0"] > 0  # sentences that are true of nothing are what it is about
    model.zero_grad()
    weighted(terms).backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_padding_has_no_influence(model, batch, constants) -> None:
    """Neither rows of targets that a sample does not have, nor tokens of its padding."""
    prediction = predict(model, batch)
    expected = answer_losses(prediction, batch, constants)
    changed = replace(batch, boxes=batch.boxes.clone(), places=batch.places.clone())
    changed.boxes[1, 1:] = torch.tensor([0.3, 0.4, 0.9, 0.9])
    changed.places[1, 1:] = 0.5
    padding = (batch.segments == 0)[None, :, None]
    noisy = replace(
        prediction,
        location_logits=prediction.location_logits.masked_fill(padding[0], 3.0),
        query_logits=prediction.query_logits.masked_fill(padding, 3.0),
    )
    found = answer_losses(noisy, changed, constants)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_gradients_reach_every_trained_tensor(model, batch, constants) -> None:
    """But for those that a forward pass in this configuration cannot use."""
    model.zero_grad()
    weighted(answer_losses(predict(model, batch), batch, constants)).backward()
    without = {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None and not name.startswith("history.")
    }
    assert without == set()
