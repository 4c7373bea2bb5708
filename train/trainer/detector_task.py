"""A small detector as something to train: the losses of its kind, and what each weighs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from string import digits
from typing import Any

import torch
from torch import Tensor

from train.data.detection import ShownBatch
from train.losses.detection import Objects, detr_losses, ssd_losses, yolo_losses
from train.models.detector.detr import SmallDetr
from train.models.detector.ssd import SmallSsd
from train.models.detector.yolo import SmallYolo
from train.trainer.task import Task

LOSSES = {"ssd": ssd_losses, "yolo": yolo_losses, "detr": detr_losses}
# Of a kind's terms: what a box costs should be about what its class does. A DETR's boxes have L1
# five times in them already (``train.losses.detection.L1_COST``).
WEIGHTS = {
    "ssd": {"class": 1.0, "box": 1.0},
    "yolo": {"class": 1.0, "box": 2.0},
    "detr": {"class": 1.0, "box": 0.5, "dense_class": 1.0, "dense_box": 2.0},
}


class DetectorTask(Task[ShownBatch]):
    """Every kind answers for all objects of a window at once.

    Args:
        model: the detector.
    """

    def __init__(self, model: SmallSsd | SmallYolo | SmallDetr) -> None:
        # Convolutions of channels-last tensors are twice as fast, on CPUs as on GPUs.
        model.to(memory_format=torch.channels_last)
        super().__init__(model)
        self.kind = model.config.kind

    def losses(self, batch: ShownBatch, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        """See ``train.losses.detection``."""
        with autocast:
            found = self.model(batch.pixels.contiguous(memory_format=torch.channels_last))
        return LOSSES[self.kind](found, Objects(batch.boxes, batch.labels, batch.valid))

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted by ``WEIGHTS``; those of layers have a number behind their name."""
        weights = WEIGHTS[self.kind]
        return torch.stack([weights[name.rstrip(digits)] * t for name, t in terms.items()]).sum()

    def counts(self, batch: ShownBatch) -> Tensor:
        """Objects, which all terms are divided by."""
        return batch.valid.sum()[None].double()

    def share(self, term: str, own: Tensor, whole: Tensor) -> Tensor:
        """A mean over nothing is a sum: terms are divided by at least 1."""
        return (own[0].clamp(min=1) / whole[0].clamp(min=1)).float()
