"""Tensors that training never moves."""

from __future__ import annotations

import torch
from torch import nn

from train.trainer.gradients import never_reached


def test_what_comes_before_dead_units_is_named() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Linear(2, 2))
    model[3].requires_grad_(False)  # not trained at all: that is another matter
    with torch.no_grad():
        model[0].bias.fill_(-1000.0)
    optimiser = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)
    trained = ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert never_reached(model.named_parameters(), optimiser) == trained  # no step yet
    for _ in range(2):
        optimiser.zero_grad()
        model(torch.rand(5, 3)).square().sum().backward()
        optimiser.step()
    assert never_reached(model.named_parameters(), optimiser) == trained[:3]
    with torch.no_grad():
        model[0].bias.fill_(1000.0)
    model(torch.rand(5, 3)).square().sum().backward()
    optimiser.step()
    assert never_reached(model.named_parameters(), optimiser) == []
