"""The contrastive losses: what is masked, what is not, and that nothing depends on an order."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from train.losses.contrastive import sigmoid_loss, softmax_loss, together

LOSSES = (softmax_loss, sigmoid_loss)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, the objects' numbers, the sentences' numbers."""
    size = draw(st.integers(1, 7))
    seed = draw(st.integers(0, 2**31))
    logits = 5 * torch.randn(size, size, generator=torch.Generator().manual_seed(seed))
    numbers = st.lists(st.integers(0, 4), min_size=size, max_size=size)
    return logits.double(), torch.tensor(draw(numbers)), torch.tensor(draw(numbers))


@given(batches())
def test_without_anything_shared_it_is_plain_cross_entropy(batch) -> None:
    logits, right = batch[0], torch.arange(len(batch[0]))
    plain = (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
    assert_close(softmax_loss(logits, together(right)), plain)
    labels = torch.eye(len(right), dtype=logits.dtype)
    pairwise = F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(right)
    assert_close(sigmoid_loss(logits, together(right)), pairwise)


@given(batches())
def test_what_is_shared_is_left_out(batch) -> None:
    """Each row and column by itself, of only what is not the same."""
    logits, objects, said = batch
    terms = []
    for k in range(len(logits)):
        others = [j for j in range(len(logits)) if objects[j] != objects[k] and said[j] != said[k]]
        for row in (logits[k], logits[:, k]):
            terms.append(row[[k, *others]].logsumexp(0) - row[k])
    same = together(objects, said)
    assert_close(softmax_loss(logits, same), torch.stack(terms).mean())
    changed = torch.where(same & ~torch.eye(len(logits), dtype=torch.bool), 99.0, logits)
    for loss in LOSSES:
        assert_close(loss(changed, same), loss(logits, same))


@given(batches(), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(batch, random) -> None:
    logits, objects, said = batch
    order = list(range(len(logits)))
    random.shuffle(order)
    for loss in LOSSES:
        shuffled = loss(logits[order][:, order], together(objects[order], said[order]))
        assert_close(shuffled, loss(logits, together(objects, said)))


@given(batches())
def test_gradients_are_finite_and_leave_out_what_is_shared(batch) -> None:
    logits, objects, said = batch
    same = together(objects, said)
    for loss in LOSSES:
        learned = logits.clone().requires_grad_()
        loss(learned, same).backward()
        assert learned.grad.isfinite().all()
        shared = same & ~torch.eye(len(logits), dtype=torch.bool)
        assert not learned.grad[shared].any()


def test_a_single_pair_has_nothing_to_be_chosen_from() -> None:
    logits = torch.tensor([[3.0]], requires_grad=True)
    term = softmax_loss(logits, together(torch.tensor([7])))
    term.backward()
    assert term == 0
    assert logits.grad == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_better_logits_cost_less(loss) -> None:
    same, right = together(torch.arange(4)), torch.eye(4)
    assert loss(9 * right - 4, same) < loss(torch.zeros(4, 4), same) < loss(4 - 9 * right, same)


def test_what_belongs_together() -> None:
    objects, said = torch.tensor([0, 0, 1, 2]), torch.tensor([5, 6, 6, 7])
    expected = [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    assert together(objects, said).int().tolist() == expected
