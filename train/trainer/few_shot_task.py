"""A few-shot detector as something to train: its losses, and what of its statistics stays."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn

from train.data.detection import ShownBatch
from train.losses.bnrl import ClassLoss
from train.losses.detection import Objects
from train.losses.two_stage import Asked, stage_losses
from train.models.few_shot.detector import FewShotDetector
from train.trainer.task import Task


class FewShotTask(Task[ShownBatch]):
    """Both stages at once.

    Args:
        model: the detector.
        naming: the loss of which class a proposal is.
        asked: how many anchors and proposals of an input.
    """

    model: FewShotDetector

    def __init__(self, model: FewShotDetector, naming: ClassLoss, asked: Asked) -> None:
        super().__init__(model)
        self.naming, self.asked = naming, asked

    def losses(self, batch: ShownBatch, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        """See ``train.losses.two_stage``."""
        objects = Objects(batch.boxes, batch.labels, batch.valid)
        with autocast:
            seen = self.model(batch.pixels)
            return stage_losses(self.model, seen, objects, self.naming, self.asked)

    def training_mode(self, pretrained: bool) -> None:
        """Everything learns; batch norms of a backbone that is trained already stay as they are.

        A few shots say nothing about the statistics of images at large.
        """
        self.model.train()
        if pretrained:
            for module in self.model.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
