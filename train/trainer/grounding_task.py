"""The zooming grounder as something to train: its losses, what stays frozen, how it starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from string import digits
from typing import Any

import torch
from torch import Tensor, nn

from train.data.batches import Batch
from train.losses.auxiliary import Attributes, mention_loss
from train.losses.grounding import answer_losses, weighted
from train.losses.normalisation import counts, share
from train.models.grounding_dino.grounder import PizaGrounder
from train.trainer.task import Task


class GroundingTask(Task[Batch]):
    """Grounding by whole frames and windows, with probes of what is seen there beside it.

    kept: parts of the model that stay as they are, the statistics of their batch norms as well.
    """

    model: PizaGrounder
    extra: Attributes

    def __init__(self, model: PizaGrounder, kept: Iterable[nn.Module] = ()) -> None:
        # Convolutions of channels-last tensors are twice as fast, on CPUs as on GPUs.
        model.base.model.backbone.to(memory_format=torch.channels_last)
        super().__init__(model, Attributes(model.base.config.d_model))
        self.kept = tuple(kept)

    def losses(self, batch: Batch, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        """Of the answer, of what is mentioned, of what the features say of kind and colour, where
        they can still learn to say it."""
        with autocast:
            pixels = batch.pixels.contiguous(memory_format=torch.channels_last)
            text = self.model.encode_text(batch.ids, batch.segments, batch.positions)
            image = self.model.encode_image(pixels)
            prediction = self.model.ground(
                image, text, batch.segments, batch.positions, batch.progress
            )
        constants = self.model.constants(pixels.device)
        terms = answer_losses(prediction, batch, constants)
        terms |= mention_loss(prediction, batch, constants)
        return terms | (self.extra(image, batch, constants) if image.requires_grad else {})

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted by ``train.losses.grounding.WEIGHTS``."""
        return weighted(dict(terms))

    def counts(self, batch: Batch) -> Tensor:
        """Targets, tokens and locations, see ``train.losses.normalisation``."""
        return counts(batch, self.model.constants(batch.pixels.device))

    def share(self, term: str, own: Tensor, whole: Tensor) -> Tensor:
        """By the sort of the term: those of layers have a number behind it."""
        return share(term.rstrip(digits), own, whole)

    def training_mode(self, pretrained: bool) -> None:
        """The box-history encoder is trained on its own."""
        self.model.train()
        for module in (self.model.history, *self.kept):
            module.eval()
        if pretrained:
            self.model.base.model.text_backbone.eval()
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()


def from_scratch(model: PizaGrounder) -> None:
    """Initialisation for training without pre-trained weights.

    The fusion layers' scales start at 1e-4 for pre-trained parts; from scratch, language would
    reach the image features only after a very long time.
    """
    for layer in model.base.model.encoder.layers:
        nn.init.ones_(layer.fusion_layer.vision_param)
        nn.init.ones_(layer.fusion_layer.text_param)


def all_but_history(model: PizaGrounder, kept: Iterable[nn.Module] = ()) -> list[nn.Parameter]:
    """What is trained from scratch: not the box-history encoder, which is trained on its own.

    kept: modules that stay as they are too.
    """
    own = {id(p) for module in (model.history, *kept) for p in module.parameters()}
    return [p for p in model.parameters() if id(p) not in own]
