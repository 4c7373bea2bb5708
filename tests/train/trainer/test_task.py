"""The loop trains anything that says its losses: here a line through points."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from train.trainer.loop import Trainer
from train.trainer.recipe import scratch
from train.trainer.task import Task

CPU = torch.device("cpu")
RECIPE = scratch(200, lr=0.05, warmup=0, weight_decay=0.0, average=0.0)


@dataclass(frozen=True)
class Points:
    x: Tensor  # (B, 2)
    y: Tensor  # (B,)


class Line(Task[Points]):
    """Least squares, and a probe that learns the same from what the model says."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 1), nn.Linear(1, 1))

    def losses(self, batch: Points, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        with autocast:
            found = self.model(batch.x)
        probe = self.extra(found.detach().float())
        return {
            "line": (found[:, 0].float() - batch.y).square().mean(),
            "probe": (probe[:, 0] - batch.y).square().mean(),
        }


def points(count: int, seed: int = 0) -> Points:
    x = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return Points(x, x @ torch.tensor([2.0, -1.0]) + 0.5)


def trainer(**changes: Any) -> Trainer[Points]:
    torch.manual_seed(0)
    task = Line()
    return Trainer(task, replace(RECIPE, **changes), CPU, list(task.model.parameters()))


def test_it_learns() -> None:
    found = trainer()
    found.run(iter(points(32, k) for k in range(200)), lambda _: False)
    assert found.done
    weight, bias = found.average.weight[0].tolist(), found.average.bias.tolist()
    assert weight == pytest.approx([2.0, -1.0], abs=0.02)
    assert bias == pytest.approx([0.5], abs=0.02)


@pytest.mark.parametrize("cuts", [(0, 8), (0, 4, 8), (0, 1, 8)])
def test_parts_of_a_batch_add_up(cuts: tuple[int, ...]) -> None:
    whole, parts, found = points(8), [], trainer()
    for start, stop in pairwise(cuts):
        parts.append(Points(whole.x[start:stop], whole.y[start:stop]))
    expected = trainer()
    terms, wanted = found.train_step(parts), expected.train_step([whole])
    assert terms == pytest.approx(wanted, rel=1e-5)
    assert torch.allclose(found.model.weight, expected.model.weight, atol=1e-6)


def test_what_is_thrown_away_is_trained_and_goes_on_too(tmp_path: Path) -> None:
    found = trainer()
    before = found.task.extra.weight.clone()
    found.train_step([points(8)])
    assert not torch.equal(found.task.extra.weight, before)
    found.save(tmp_path / "state.pt")
    again = trainer()
    again.load(tmp_path / "state.pt")
    assert torch.equal(again.task.extra.weight, found.task.extra.weight)
    assert found.train_step([points(8, 1)]) == again.train_step([points(8, 1)])


def test_mixed_precision_is_of_the_forward_pass_alone() -> None:
    exact, mixed = trainer(), trainer(precision="bfloat16")
    a, b = exact.train_step([points(64)]), mixed.train_step([points(64)])
    assert a["line"] != b["line"]
    assert a["line"] == pytest.approx(b["line"], rel=0.05)
    assert mixed.model.weight.dtype == torch.float32


def test_a_task_has_to_say_its_losses() -> None:
    with pytest.raises(NotImplementedError):
        Task[Points](nn.Linear(2, 1)).losses(points(2), torch.autocast("cpu", enabled=False))
