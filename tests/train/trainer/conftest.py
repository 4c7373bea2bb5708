"""A trainer of a very small model, and batches for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from train.data.batches import Batch
from train.models.grounding_dino.grounder import PizaGrounder
from train.trainer.grounding_task import GroundingTask, all_but_history, from_scratch
from train.trainer.loop import Trainer
from train.trainer.recipe import Recipe, scratch

CPU = torch.device("cpu")
RECIPE = scratch(6, lr=1e-3, warmup=2)


@pytest.fixture
def make_trainer(config) -> Callable[..., Trainer]:
    """``make_trainer(recipe, seed)``: a model from scratch and its trainer."""

    def make(recipe: Recipe = RECIPE, seed: int = 0, **settings: Any) -> Trainer:
        torch.manual_seed(seed)
        model = PizaGrounder(config)
        from_scratch(model)
        return Trainer(GroundingTask(model), recipe, CPU, all_but_history(model), **settings)

    return make


@pytest.fixture
def batches(config, make_batch) -> list[Batch]:
    return [make_batch(config, seed) for seed in range(6)]
