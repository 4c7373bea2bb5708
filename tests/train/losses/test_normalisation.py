"""Shares of a batch: whatever the parts, their losses add up to the loss of the whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from string import digits

import pytest
import torch

from train.data.batches import NOTHING, Batch
from train.losses.auxiliary import Attributes, mention_loss
from train.losses.grounding import WEIGHTS, answer_losses
from train.losses.normalisation import SORTS, counts, share
from train.models.grounding_dino.grounder import PizaGrounder


def join(*batches: Batch) -> Batch:
    return Batch(
        **{
            name: torch.cat([getattr(batch, name) for batch in batches])
            for name in vars(batches[0])
        }
    )


def rows(batch: Batch, start: int, stop: int) -> Batch:
    return Batch(**{name: tensor[start:stop] for name, tensor in vars(batch).items()})


def without_answers(batch: Batch) -> Batch:
    """As when every sentence is true of nothing, in a photograph without labels."""
    return replace(
        batch,
        valid=torch.zeros_like(batch.valid),
        seen_kinds=torch.full_like(batch.seen_kinds, NOTHING),
        mentions=torch.zeros_like(batch.mentions),
    )


@pytest.fixture(scope="module")
def model(make_model, make_config) -> PizaGrounder:
    """Two layers, so that words are taught what they mention; no statistics of a batch."""
    model = make_model(make_config({"encoder_layers": 2}))
    model.training = True  # inner logits, but batch norms in eval mode
    return model


@pytest.fixture(scope="module")
def attributes() -> Attributes:
    torch.manual_seed(0)
    return Attributes(32)


@pytest.fixture(scope="module")
def whole(config, make_batch) -> Batch:
    """Six samples with three or one targets, the last two with none."""
    first, second, third = (make_batch(config, seed) for seed in range(3))
    return join(first, second, without_answers(third))


@torch.no_grad()
def terms_of(model: PizaGrounder, attributes: Attributes, batch: Batch) -> dict[str, torch.Tensor]:
    text = model.encode_text(batch.ids, batch.segments, batch.positions)
    image = model.encode_image(batch.pixels)
    prediction = model.ground(image, text, batch.segments, batch.positions, batch.progress)
    constants = model.constants(batch.pixels.device)
    terms = answer_losses(prediction, batch, constants) | mention_loss(prediction, batch, constants)
    return terms | attributes(image, batch, constants)


@pytest.mark.parametrize("cuts", [(0, 6), (0, 3, 6), (0, 1, 5, 6), (0, 1, 2, 3, 4, 5, 6)])
def test_parts_add_up(model, attributes, whole, cuts: tuple[int, ...]) -> None:
    constants = model.constants(torch.device("cpu"))
    expected = terms_of(model, attributes, whole)
    assert {name.rstrip(digits) for name in expected} == set(WEIGHTS) == set(SORTS)
    sums = dict.fromkeys(expected, 0.0)
    total = counts(whole, constants)
    for start, stop in pairwise(cuts):
        part = rows(whole, start, stop)
        own = counts(part, constants)
        for name, term in terms_of(model, attributes, part).items():
            sums[name] += float(share(name.rstrip(digits), own, total) * term)
    for name, term in expected.items():
        assert sums[name] == pytest.approx(float(term), rel=2e-5, abs=1e-7), name


def test_a_batch_is_its_own_whole(config, make_batch, model) -> None:
    count = counts(make_batch(config, 0), model.constants(torch.device("cpu")))
    assert count.shape == (len(SORTS),)
    assert all(share(sort, count, count) == 1.0 for sort in SORTS)


def test_counts_of_parts_add_up(model, whole) -> None:
    constants = model.constants(torch.device("cpu"))
    parts = [counts(rows(whole, k, k + 1), constants) for k in range(6)]
    assert torch.equal(torch.stack(parts).sum(0), counts(whole, constants))


def test_nothing_to_answer(config, make_batch, model) -> None:
    count = counts(without_answers(make_batch(config, 0)), model.constants(torch.device("cpu")))
    sentences = SORTS.index("verify")  # are said all the same
    assert count[sentences] == 4
    assert count.sum() == 4
    assert all(share(sort, count, count) == 1.0 for sort in SORTS)
