"""Heads learn where things are, from vectors that tell it."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from train.data.box_questions import BoxBatch
from train.losses.boxes import overlap, to_corners
from train.models.box_refiners.config import BoxConfig
from train.models.box_refiners.heads import make_head
from train.trainer.box_task import BoxTask

FEATURES = 8


def some(count: int, seed: int) -> BoxBatch:
    """Boxes, and vectors of the image that tell them."""
    generator = torch.Generator().manual_seed(seed)
    boxes = 0.3 + 0.4 * torch.rand(count, 4, generator=generator)
    boxes[:, 2:] = 0.3
    told = torch.cat([boxes - 0.5, torch.ones(count, FEATURES - 4)], dim=-1)
    image = torch.nn.functional.normalize(told, dim=-1)
    text = torch.nn.functional.normalize(torch.randn(count, FEATURES, generator=generator), dim=-1)
    return BoxBatch(image, text, boxes, torch.tensor([[200.0, 100.0]]).expand(count, 2))


def task_of(method: str) -> BoxTask:
    torch.manual_seed(0)
    config = BoxConfig(
        name="boxes", method=method, features=FEATURES, clip={"sha256": "0"}, hidden=(64, 64),
        centre=(0.5, 0.5, 0.3, 0.3), spread=(0.12, 0.12, 0.05, 0.05), starts=4,
    )  # fmt: skip
    return BoxTask(make_head(config))


def taught(task: BoxTask, steps: int) -> None:
    optimiser = torch.optim.AdamW(task.model.parameters(), 3e-3)
    for step in range(steps):
        optimiser.zero_grad()
        task.total(task.losses(some(64, step), nullcontext())).backward()
        optimiser.step()


@torch.no_grad()
def mean_iou(task: BoxTask) -> float:
    batch = some(100, 10_000)
    if task.noise is not None:
        rows = zip(batch.image.split(1), batch.text.split(1), strict=True)
        found = torch.stack([task.model.denoised(*row).mean(0) for row in rows])
    else:
        found = task.model.regress(batch.image, batch.text)
    if task.model.config.method == "projection":
        sides = batch.sides.repeat(1, 2)
        low, high = (found / sides).split(2, -1)
        found = torch.cat([(low + high) / 2, high - low], -1)
    return overlap(found, batch.boxes).mean().item()


@pytest.mark.parametrize("method", ["projection", "projection-iou", "diffusion"])
def test_it_learns(method) -> None:
    task = task_of(method)
    if method == "projection":
        task.model.begin_at(torch.tensor([70.0, 35.0, 130.0, 65.0]))
    before = mean_iou(task)
    taught(task, 300 if method == "diffusion" else 150)
    after = mean_iou(task)
    assert after > before + 0.1
    assert after > 0.6


def test_the_terms_and_their_weights() -> None:
    for method, weights in (
        ("projection", {"pixels": 1.0}),
        ("projection-iou", {"box": 5.0, "giou": 2.0}),
        ("diffusion", {"noise": 1.0}),
    ):
        task = task_of(method)
        terms = task.losses(some(4, 0), nullcontext())
        assert set(terms) == set(weights)
        whole = sum(weight * terms[name] for name, weight in weights.items())
        assert task.total(terms).item() == pytest.approx(whole.item())
        assert task.counts(some(4, 0)).tolist() == [4]


def test_pixels_are_those_of_the_window() -> None:
    task, batch = task_of("projection"), some(3, 0)
    wanted = to_corners(batch.boxes) * torch.tensor([200.0, 100.0, 200.0, 100.0])
    found = task.model.regress(batch.image, batch.text)
    [loss] = task.losses(batch, nullcontext()).values()
    assert loss.item() == pytest.approx(((found - wanted) ** 2).mean().item(), rel=1e-5)


def test_a_diffusion_is_shown_boxes_in_as_much_noise_as_the_step_has(monkeypatch) -> None:
    task, batch = task_of("diffusion"), some(256, 0)
    head, shown = task.model, {}

    def noise_in(noisy, time, *_):
        shown.update(noisy=noisy, time=time)
        return torch.zeros_like(noisy)

    monkeypatch.setattr(head, "noise_in", noise_in)
    torch.manual_seed(0)
    task.losses(batch, nullcontext())
    left = torch.tensor(head.left)[shown["time"]][:, None]
    noise = (shown["noisy"] - left.sqrt() * head.normalised(batch.boxes)) / (1 - left).sqrt()
    assert noise.mean().item() == pytest.approx(0, abs=0.1)
    assert noise.std().item() == pytest.approx(1, abs=0.1)
    assert 0 <= shown["time"].min() < 10 < 90 < shown["time"].max() < 100
