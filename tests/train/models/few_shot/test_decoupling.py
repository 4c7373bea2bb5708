"""The decoupled layer: what goes through forwards, and how much of what comes back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from train.models.few_shot.decoupling import Decoupled, scale_gradient


@given(st.floats(0, 2), st.integers(0, 2**31))
def test_values_go_through_and_gradients_are_scaled(factor, seed) -> None:
    generator = torch.Generator().manual_seed(seed)
    values, behind = torch.randn(2, 2, 3, 2, 2, dtype=torch.float64, generator=generator)
    learned = values.clone().requires_grad_()
    found = scale_gradient(learned, factor)
    assert torch.equal(found, values)
    if found.requires_grad:
        found.backward(behind)
        assert_close(learned.grad, factor * behind)
    else:
        assert factor == 0


@pytest.mark.parametrize("factor", [0.0, 0.01, 1.0])
def test_the_affine_map_learns_as_ever(factor) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 3, 4, 4, generator=generator)
    layer = Decoupled(3, factor)
    assert torch.equal(layer(features), features)  # at first
    layer(features.requires_grad_()).square().sum().backward()
    assert_close(layer.weight.grad[0, :, 0, 0], 2 * features.square().sum((0, 2, 3)).detach())
    assert_close(layer.bias.grad[0, :, 0, 0], 2 * features.sum((0, 2, 3)).detach())
    if factor:
        assert_close(features.grad, factor * 2 * features.detach())
    else:
        assert features.grad is None


def test_without_gradients_it_leaves_no_trace() -> None:
    values = torch.ones(1, 3, 2, 2)
    assert scale_gradient(values, 0.5) is values
