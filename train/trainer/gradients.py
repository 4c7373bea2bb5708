"""Which trained tensors no gradient ever reached, as the optimiser remembers it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn, optim


def never_reached(
    named: Iterable[tuple[str, nn.Parameter]], optimiser: optim.Optimizer
) -> list[str]:
    """Names of the parameters of an AdamW whose gradient was zero in every step so far.

    Such as what comes before a unit that is never active: its ReLU passes no gradient.
    """
    trained = {id(p) for group in optimiser.param_groups for p in group["params"]}
    return [
        name
        for name, parameter in named
        if id(parameter) in trained
        and not optimiser.state.get(parameter, {}).get("exp_avg_sq", parameter.new_zeros(1)).any()
    ]
