"""What each stage of a few-shot detector is asked, and that it learns by it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from train.losses.bnrl import CLASS_LOSSES, IGNORED
from train.losses.boxes import overlap
from train.losses.detection import Objects
from train.losses.two_stage import (
    REGION_MATCHED,
    Asked,
    choose_regions,
    claim_anchors,
    stage_losses,
)

ASKED = Asked(anchors=32, regions=16)
PIXELS = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
OBJECTS = Objects(
    torch.tensor([[[0.3, 0.4, 0.2, 0.3], [0.7, 0.5, 0.3, 0.4]], [[0.5, 0.5, 0.1, 0.1], [0.0] * 4]]),
    torch.tensor([[0, 1], [1, 0]]),
    torch.tensor([[True, True], [True, False]]),
)


@st.composite
def boxes(draw: st.DrawFn, least: int = 0) -> torch.Tensor:
    """(n, 4) cxcywh."""
    count = draw(st.integers(least, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    values = torch.rand(count, 4, generator=generator)
    return torch.cat([values[:, :2], 0.05 + 0.5 * values[:, 2:]], dim=1)


@given(boxes(least=1), boxes())
def test_every_object_has_an_anchor(anchors, objects) -> None:
    target, state = claim_anchors(anchors, objects)
    assert target.shape == state.shape == (len(anchors),)
    if not len(objects):
        assert not state.any()
        return
    alike = overlap(objects[:, None], anchors)
    for number, row in enumerate(alike):
        if row.max() > 0:
            best = row.argmax()
            assert state[best] == 1
            rivals = alike[:, best] >= alike.amax(1) - 1e-6
            assert target[best] == number or rivals[target[best]]
    clear = state == 0
    assert (alike.amax(0)[clear] < 0.3).all()


@given(boxes(), boxes(), st.integers(0, 5))
def test_regions_are_what_they_are_called(proposals, objects, seed) -> None:
    torch.manual_seed(seed)
    half = proposals[:, 2:] / 2
    offered = torch.cat([proposals[:, :2] - half, proposals[:, :2] + half], dim=1)
    offered = torch.cat([offered, torch.zeros(2, 4)])[None]  # two that are none
    count = len(objects)
    labels = torch.arange(count) % 3
    known = Objects(objects[None], labels[None], torch.ones(1, count, dtype=torch.bool))
    found = choose_regions(offered, known, 3, ASKED)
    asked = found.labels[0] != IGNORED
    assert found.boxes.shape == (1, 16, 4)
    assert not found.boxes[0, ~asked].any()
    assert found.owned.sum() <= 16 * ASKED.region_share
    low, high = found.boxes[0, :, :2], found.boxes[0, :, 2:]
    shown = torch.cat([(low + high) / 2, high - low], dim=1)
    alike = overlap(objects[:, None], shown) if count else torch.zeros(1, 16)
    best, target = alike.max(0)
    for k in asked.nonzero()[:, 0].tolist():
        if found.owned[0, k]:
            assert best[k] >= REGION_MATCHED - 1e-4
            assert (
                found.labels[0, k] == labels[target[k]] or (alike[:, k] > best[k] - 1e-4).sum() > 1
            )
        else:
            assert best[k] < REGION_MATCHED + 1e-4
    assert not found.aims[~found.owned].any()


@pytest.mark.parametrize("naming", CLASS_LOSSES)
def test_terms_are_finite_and_everything_learns(few_shot, naming) -> None:
    model = few_shot().train()
    torch.manual_seed(0)
    terms = stage_losses(model, model(PIXELS), OBJECTS, CLASS_LOSSES[naming], ASKED)
    assert set(terms) == {"object", "offset", "class", "move"}
    assert all(term.isfinite() and term > 0 for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    assert not [name for name, each in model.named_parameters() if each.grad is None]


def test_an_image_without_objects_is_background(few_shot) -> None:
    model = few_shot()
    nothing = Objects(OBJECTS.boxes, OBJECTS.labels, torch.zeros(2, 2, dtype=torch.bool))
    terms = stage_losses(model, model(PIXELS), nothing, CLASS_LOSSES["bnrl"], ASKED)
    assert terms["object"] > 0
    assert terms["class"] > 0
    assert terms["offset"] == terms["move"] == 0


def test_parts_of_a_batch_add_up(few_shot) -> None:
    """With everything asked there is nothing to draw: the mean of two inputs is that of each."""
    model, all_of_it = few_shot(), Asked(10**6, 10**3, 1.0, 1.0)

    def terms(rows: slice) -> dict[str, torch.Tensor]:
        objects = Objects(OBJECTS.boxes[rows], OBJECTS.labels[rows], OBJECTS.valid[rows])
        return stage_losses(model, model(PIXELS[rows]), objects, CLASS_LOSSES["bnrl"], all_of_it)

    whole, first, second = terms(slice(2)), terms(slice(1)), terms(slice(1, 2))
    for name, value in whole.items():
        torch.testing.assert_close(value, (first[name] + second[name]) / 2, rtol=1e-4, atol=1e-6)


def test_it_learns_where_objects_are(few_shot) -> None:
    model = few_shot(seed=1)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    totals = []
    for step in range(25):
        torch.manual_seed(step)
        terms = stage_losses(model, model(PIXELS), OBJECTS, CLASS_LOSSES["cross-entropy"], ASKED)
        total = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        totals.append(total.item())
    assert sum(totals[-5:]) < 0.7 * sum(totals[:5])
