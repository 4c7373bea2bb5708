"""What the answer looks at: heard while the model runs, as the model itself weighs it."""

from __future__ import annotations

import math

import pytest
import torch

from train.losses.looks import listening, looked_away
from train.models.mdetr.model import Mdetr

METHODS = ("mdetr", "transvg")
SENTENCES, TOKENS, CELLS = 3, 12, 2 * 3


def run(model) -> None:
    ids = torch.randint(5, 60, (SENTENCES, TOKENS))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    seen = model.encode_image(torch.randn(SENTENCES, 3, 64, 96))
    model.ground(seen, model.encode_text(ids, mask), mask)


@pytest.mark.parametrize("method", METHODS)
def test_shares_of_attention_and_a_gradient(one_look, method: str) -> None:
    model = one_look(method, **({"layers": 3} if method == "transvg" else {}))
    with listening(model, TOKENS) as heard:
        run(model)
    layers = model.decoder if isinstance(model, Mdetr) else model.encoder[1:]
    assert [each.shape for each in heard] == [(SENTENCES, 2, CELLS)] * len(layers)
    for each in heard:
        assert (each.exp().sum(-1) < 1).all()  # words, which are looked at too, have the rest
    everywhere = torch.ones(SENTENCES, CELLS, dtype=torch.bool)
    looked_away(heard, everywhere).sum().backward()
    assert all(layer.norm1.weight.grad is not None for layer in list(layers)[:-1])


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_heard_afterwards(one_look, method: str) -> None:
    model = one_look(method)
    with listening(model, TOKENS) as heard:
        pass
    run(model)
    assert not heard


def test_looking_at_what_is_meant_costs_nothing() -> None:
    """One head of two that looks there costs log 2; the terms of two attentions add up."""
    meant = torch.tensor([[True, False, False]])
    there, away = torch.tensor([[[0.0, -90.0, -90.0]]]), torch.tensor([[[-90.0, 0.0, -90.0]]])
    assert looked_away([there, there], meant).item() == pytest.approx(0)
    one_of_two = torch.cat([there, away], 1)
    assert looked_away([one_of_two], meant).item() == pytest.approx(math.log(2))
    assert looked_away([there, away], meant).item() == pytest.approx(90)
