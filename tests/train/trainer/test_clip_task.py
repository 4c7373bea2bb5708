"""What of a CLIP is trained, and by which loss."""

from __future__ import annotations

import copy
import math
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from sdk.errors import InputError
from train.data.pairs import Pairs
from train.trainer.clip_task import ClipTask, blocks, learned
from train.trainer.loop import Trainer
from train.trainer.recipe import scratch

KINDS = ("clip", "siglip", "siglip2")


def pairs(count: int, seed: int = 0) -> Pairs:
    """Pairs of noise and sentences of two tokens and an end."""
    noise = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 20, (count, 12), generator=noise)
    ids[:, 2:] = 1
    crops = torch.randn(count, 3, 24, 24, generator=noise)
    return Pairs(crops, ids, torch.arange(count), torch.arange(count))


@pytest.fixture
def model(public_clip) -> Any:
    return copy.deepcopy(public_clip("clip")[1])


def trained(model: Any, block: str, steps: int, lr: float = 1e-3) -> list[float]:
    """The losses of so many steps on the same pairs."""
    recipe = scratch(steps, lr=lr, warmup=0, average=0.0)
    device = torch.device("cpu")
    trainer = Trainer(ClipTask(model), recipe, device, learned(model, block))
    return [trainer.train_step([pairs(5)])["loss"] for _ in range(steps)]


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_learned(public_clip, kind) -> None:
    losses = trained(copy.deepcopy(public_clip(kind)[1]), "all", 25, lr=3e-3)
    assert all(map(math.isfinite, losses))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block", ["vision.0", "text.0", "projection"])
def test_a_block_is_trained_and_the_temperature(public_clip, kind, block) -> None:
    model = copy.deepcopy(public_clip(kind)[1])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trained(model, block, 2)
    moved = {name for name, new in model.state_dict().items() if not torch.equal(before[name], new)}
    parts = {
        name
        for module in blocks(model)[block]
        for name, each in model.named_parameters()
        if any(each is own for own in module.parameters())
    }
    assert "logit_scale" in moved
    assert moved - {"logit_scale", "logit_bias"} <= parts
    assert len(moved & parts) > len(parts) / 2


def test_blocks_that_do_not_exist_are_told(model) -> None:
    with pytest.raises(InputError, match=r"all, vision\.0, text\.0, projection, got 'vision\.11'"):
        learned(model, "vision.11")
    assert len(learned(model, "all")) == len(list(model.parameters()))


@pytest.mark.parametrize(("start", "held"), [(9.0, 100.0), (-3.0, 1.0)])
def test_the_temperature_is_held(model, start, held) -> None:
    model.logit_scale.data.fill_(start)
    terms = ClipTask(model).losses(pairs(3), nullcontext())
    assert float(model.logit_scale.detach().exp()) == pytest.approx(held, rel=1e-5)
    terms["softmax"].backward()
    assert model.logit_scale.grad.isfinite()


def test_one_item_moves_nothing(model) -> None:
    [loss] = trained(model, "all", 1)
    assert loss > 0
    model.zero_grad()
    ClipTask(model).losses(pairs(1), nullcontext())["softmax"].backward()
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


def test_the_same_sentence_is_no_counter_example(model) -> None:
    batch, task = pairs(4), ClipTask(model)
    said = torch.tensor([0, 0, 2, 3])
    shared = Pairs(batch.crops, batch.ids, batch.objects, said)
    first, second = (task.losses(each, nullcontext())["softmax"] for each in (batch, shared))
    assert second < first
