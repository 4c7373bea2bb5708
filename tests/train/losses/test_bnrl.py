"""BNRL against its formula, and against the losses that are settings of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from train.losses.bnrl import AS_RELEASED, CLASS_LOSSES, IGNORED, ClassLoss


@st.composite
def regions(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Logits (N, C + 1) and labels (N,)."""
    count, columns = draw(st.integers(1, 5)), draw(st.integers(2, 6))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    logits = draw(st.floats(0.1, 5)) * torch.randn(count, columns, generator=generator)
    labels = st.lists(st.integers(0, columns - 1), min_size=count, max_size=count)
    return logits.double(), torch.tensor(draw(labels))


settings = st.builds(
    ClassLoss,
    right=st.floats(0, 1),
    wrong=st.floats(0, 1),
    power=st.floats(0.5, 3),
    focus=st.floats(0, 5),
    background=st.floats(0, 2),
)


def by_the_formula(loss: ClassLoss, logits: Tensor, labels: Tensor) -> float:
    """Written out, number by number."""
    rows = []
    for row, y in zip(logits.tolist(), labels.tolist(), strict=True):
        powers = [math.exp(value - max(row)) for value in row]
        p = [value / sum(powers) for value in powers]
        w = [1.0] * (len(row) - 1) + [loss.background]
        right = (1 - p[y]) ** loss.focus * w[y] * -math.log(p[y])
        wrong = sum(
            w[c] * p[c] ** loss.power * -math.log(1 - p[c] + 1e-26)
            for c in range(len(row))
            if c != y
        )
        rows.append(loss.right * right + loss.wrong * wrong)
    return float(np.mean(rows))


@given(regions(), settings)
def test_it_equals_its_formula(found, loss) -> None:
    assert loss(*found).item() == pytest.approx(by_the_formula(loss, *found), rel=1e-9, abs=1e-12)


@given(regions(), settings)
def test_gradients_are_those_of_finite_differences(found, loss) -> None:
    logits, labels = found
    learned = logits.clone().requires_grad_()
    loss(learned, labels).backward()
    step = 1e-6
    for place in np.ndindex(*logits.shape):
        near = []
        for moved in (step, -step):
            other = logits.clone()
            other[place] += moved
            near.append(loss(other, labels).item())
        assert learned.grad[place].item() == pytest.approx(
            (near[0] - near[1]) / (2 * step), rel=1e-4, abs=1e-7
        )


@given(regions())
def test_alternatives_are_settings_of_it(found) -> None:
    logits, labels = found
    plain = F.cross_entropy(logits, labels, reduction="none")
    assert_close(CLASS_LOSSES["cross-entropy"](logits, labels), plain.mean())
    assert_close(CLASS_LOSSES["focal"](logits, labels), ((1 - (-plain).exp()) ** 2 * plain).mean())
    weights = torch.ones(logits.shape[1], dtype=logits.dtype)
    weights[-1] = 0.2
    assert_close(AS_RELEASED(logits, labels), (plain * weights[labels]).mean())


@given(regions())
def test_what_is_ignored_is_not_there(found) -> None:
    logits, labels = found
    more = (
        torch.cat([logits, 9 * torch.ones_like(logits)]),
        F.pad(labels, (0, len(labels)), value=IGNORED),
    )
    assert_close(CLASS_LOSSES["bnrl"](*more), CLASS_LOSSES["bnrl"](logits, labels))


def test_nothing_at_all_costs_nothing() -> None:
    logits = torch.zeros(3, 4, requires_grad=True)
    loss = CLASS_LOSSES["bnrl"](logits, torch.full((3,), IGNORED))
    loss.backward()
    assert loss == 0
    assert not logits.grad.any()


def test_an_unlabelled_object_is_punished_less() -> None:
    """A region that is believed to be an object, and is called background."""
    logits, labels = torch.tensor([[4.0, 0.0, 0.0]]), torch.tensor([2])
    gradients = []
    for name in ("cross-entropy", "bnrl"):
        learned = logits.clone().requires_grad_()
        CLASS_LOSSES[name](learned, labels).backward()
        gradients.append(learned.grad.abs().max().item())
    assert gradients[1] < gradients[0]


def test_half_precision_is_summed_in_whole() -> None:
    logits, labels = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    loss = CLASS_LOSSES["bnrl"]
    assert_close(loss(logits.bfloat16(), labels), loss(logits.bfloat16().float(), labels))
