"""What rendered scenes teach beside the answer: kinds, colours, which words mean what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from train.data.batches import Batch
from train.data.samples import NOTHING
from train.losses.auxiliary import Attributes, mention_loss
from train.losses.grounding import WEIGHTS, answer_losses, near
from train.models.grounding_dino.grounder import PizaGrounder, Prediction


@pytest.fixture(scope="module")
def model(make_model) -> PizaGrounder:
    return make_model()


@pytest.fixture
def batch(model, make_batch) -> Batch:
    return make_batch(model.config)


def test_attributes_are_read_where_one_object_is(model, batch) -> None:
    """Features that spell the labels out cost nothing; those of crowded locations do not count."""
    constants = model.constants(torch.device("cpu"))
    apart = torch.tensor([[0.2, 0.2, 0.1, 0.1], [0.8, 0.2, 0.1, 0.1], [0.2, 0.8, 0.1, 0.1]])
    batch = replace(batch, seen_places=apart.repeat(2, 1, 1))
    close = near(batch.seen_places, batch.seen_kinds != NOTHING, constants)
    probes = Attributes(60)
    for head, start in ((probes.kind, 0), (probes.colour, 30)):
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        rows = torch.arange(head.out_features)
        head.weight.data[rows, start + rows] = 50.0
    image = torch.randn(2, close.shape[-1], 60) * 100
    for sample, item, place in close.nonzero().tolist():
        image[sample, place] = 0
        image[sample, place, batch.seen_kinds[sample, item]] = 1
        image[sample, place, 30 + batch.seen_colours[sample, item]] = 1
    crowded = close.sum(1) > 1
    image[crowded] = torch.randn(int(crowded.sum()), 60) * 100
    terms = probes(image, batch, constants)
    assert terms.keys() == {"kind", "colour"} <= WEIGHTS.keys()
    assert all(term < 1e-6 for term in terms.values())
    swapped = replace(batch, seen_colours=batch.seen_kinds.clamp(max=8))
    assert probes(image, swapped, constants)["colour"] > 1


def test_photographs_teach_the_answer_alone(model, batch) -> None:
    constants = model.constants(torch.device("cpu"))
    bare = replace(
        batch,
        seen_kinds=torch.full_like(batch.seen_kinds, NOTHING),
        seen_colours=torch.full_like(batch.seen_colours, NOTHING),
        mentions=batch.mentions & False,
    )
    image = torch.randn(2, len(constants.level), 8)
    assert Attributes(8)(image, bare, constants) == {}
    logits = torch.randn(2, len(constants.level), 9)
    none = torch.zeros(1, 2, 5, 9), torch.zeros(1, 2, 5, 4)
    assert mention_loss(Prediction(logits, none[1][0], *none, (logits,) * 3), bare, constants) == {}


def test_words_mean_objects_inside_the_encoder(model, batch) -> None:
    """All layers but the last are asked; there the sentence as a whole counts."""
    constants = model.constants(torch.device("cpu"))
    close = near(batch.seen_places, batch.seen_kinds != NOTHING, constants).float()
    right = torch.einsum("bsl,bst->blt", close, batch.mentions.float()) > 0
    sure = torch.where(right, 12.0, -12.0)
    none = torch.zeros(1, 2, 5, 9), torch.zeros(1, 2, 5, 4)

    def cost(*inner: torch.Tensor) -> float:
        found = mention_loss(Prediction(sure, none[1][0], *none, inner), batch, constants)
        assert found.keys() <= WEIGHTS.keys()
        return float(sum(found.values()))

    assert cost(sure, sure, -sure) < 1e-3
    assert cost(sure, -sure, sure) > 1
    assert cost(sure) == 0  # a single layer is the last one


def test_teaching_costs_the_vehicle_nothing(model, batch) -> None:
    """Inner logits exist while training, not afterwards."""
    layers_asked = {True: model.config.grounding_dino().encoder_layers, False: 0}
    text = model.encode_text(batch.ids, batch.segments, batch.positions)
    image = model.encode_image(batch.pixels)
    rest = (batch.segments, batch.positions, batch.progress)
    answers = {}
    for training, count in layers_asked.items():
        model.train(training)
        answers[training] = model.ground(image, text, *rest)
        assert len(answers[training].inner_logits) == count
    model.eval()
    assert_close(answers[True].query_logits, answers[False].query_logits)
    constants = model.constants(torch.device("cpu"))
    assert answer_losses(answers[False], batch, constants).keys() <= {
        *WEIGHTS,
        *(f"{name}{k}" for name in ("class", "box", "rank", "verify") for k in range(2)),
    }
