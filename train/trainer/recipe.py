"""How a run optimises its model: one frozen record, and the two recipes that we use."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

WARM_SHARE = 0.1  # of the time, in which a run that goes by the clock has warmed up in any case
Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Recipe:
    """Optimisation settings of one run, by AdamW.

    steps: optimiser steps. lr: the highest learning rate; ``backbones`` its factor for the image
    and the text backbone. clip: largest norm of the gradient.
    schedule: "cosine" down to 2 % after ``warmup`` steps of linear warm-up; or "step", x0.1 after
    three fifths of the steps.
    average: decay of the moving average of the weights that is kept in the end; 0 keeps the
    weights themselves.
    precision: of the forward pass, by autocast; weights and optimiser stay in float32.
    pretrained: what pre-training has settled stays as it is. Batch norms keep their statistics,
    and the text backbone runs without dropout.
    seed: of everything random in a step.
    minutes: of training, by which the run ends and the cosine has come down, unless the steps end
    first; None: however long they take.
    """

    steps: int
    lr: float
    backbones: float
    weight_decay: float
    clip: float
    schedule: Literal["cosine", "step"]
    warmup: int
    average: float
    precision: Precision
    pretrained: bool
    seed: int
    minutes: float | None = None

    def time_share(self, seconds: float) -> float:
        """What part of the time has gone by, of at most 1; 0 where there is no limit to it."""
        return 0.0 if self.minutes is None else min(1.0, seconds / (60 * self.minutes))

    def rate(self, step: int, seconds: float = 0.0) -> float:
        """Learning rate of a step, counted from 0, after ``seconds`` of training."""
        if step < self.warmup and self.time_share(seconds) < WARM_SHARE:
            warm = max((step + 1) / self.warmup, self.time_share(seconds) / WARM_SHARE)
            return self.lr * warm
        if self.schedule == "step":
            return self.lr * (0.1 if step * 5 >= self.steps * 3 else 1.0)
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        done = min(1.0, max(done, self.time_share(seconds), 0.0))
        return self.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values."""
        return asdict(self)


def scratch(steps: int, **changes: Any) -> Recipe:
    """For training without pre-trained weights; our own."""
    values: dict[str, Any] = {
        "lr": 6e-4,
        "backbones": 1.0,
        "weight_decay": 1e-4,
        "clip": 1.0,
        "schedule": "cosine",
        "warmup": 200,
        "average": 0.998,
        "precision": "float32",
        "pretrained": False,
        "seed": 0,
    }
    return Recipe(steps, **(values | changes))


def published(steps: int, **changes: Any) -> Recipe:
    """For fine-tuning a pre-trained base, as published (PIZA, arXiv 2510.03701): five epochs, the
    rate falls after the third, batches of 4 a process.

    Theirs has no moving average. ``backbones`` covers BERT as well: mmdetection applies the factor
    to every parameter with "backbone" in its name, which BERT's have ("language_backbone").
    Published training runs Swin with drop path and BERT with dropout. Ours keeps the drop path,
    at the rate that the base's configuration names, and leaves out the dropout, as our forward
    pass does everywhere: it is our choice.
    """
    values: dict[str, Any] = {
        "lr": 2e-4,
        "backbones": 0.1,
        "weight_decay": 1e-4,
        "clip": 0.1,
        "schedule": "step",
        "warmup": 0,
        "average": 0.0,
        "precision": "float32",
        "pretrained": True,
        "seed": 0,
    }
    return Recipe(steps, **(values | changes))
