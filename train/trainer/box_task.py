"""Heads over CLIP that are trained by a loss: a projection, in both variants, and a diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from train.data.box_questions import BoxBatch
from train.losses.boxes import noise_terms, pixel_terms, regression_terms, to_corners
from train.models.box_refiners.config import PROJECTION
from train.models.box_refiners.heads import Denoiser, Projection
from train.trainer.task import Task

WEIGHTS = {"pixels": 1.0, "box": 5.0, "giou": 2.0, "noise": 1.0}  # as published


class BoxTask(Task[BoxBatch]):
    """A head that says a box, or the noise in one.

    Args:
        head: a projection or a denoiser.
    """

    def __init__(self, head: Projection | Denoiser) -> None:
        super().__init__(head)
        self.noise = noise_schedule(head) if isinstance(head, Denoiser) else None

    def losses(self, batch: BoxBatch, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        """The published loss of the method."""
        head: Any = self.model
        if isinstance(head, Denoiser):
            return self._of_noise(head, batch, autocast)
        with autocast:
            found = head.regress(batch.image, batch.text).float()
        if head.config.method == PROJECTION:
            return pixel_terms(found, to_corners(batch.boxes) * batch.sides.repeat(1, 2))
        return regression_terms(found, batch.boxes)

    def _of_noise(
        self, head: Denoiser, batch: BoxBatch, autocast: AbstractContextManager[Any]
    ) -> dict[str, Tensor]:
        """Each box in noise of its own, at a step at random."""
        clean = head.normalised(batch.boxes)
        noise = torch.randn_like(clean)
        time = torch.randint(0, head.config.times, (len(clean),), device=clean.device)
        noisy = self.noise.add_noise(clean, noise, time)
        with autocast:
            found = head.noise_in(noisy, time, batch.image, batch.text)
        return noise_terms(found.float(), noise)

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted by ``WEIGHTS``."""
        return torch.stack([WEIGHTS[name] * term for name, term in terms.items()]).sum()


def noise_schedule(head: Denoiser) -> Any:
    """diffusers' scheduler, which puts noise into what is trained on."""
    from diffusers import DDPMScheduler

    first, last = head.config.betas
    return DDPMScheduler(
        num_train_timesteps=head.config.times,
        beta_start=first,
        beta_end=last,
        beta_schedule="linear",
        clip_sample=False,
    )
