"""CLIP and its like as something to train: the loss, the temperature, what of it is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdk.errors import InputError
from train.data.pairs import Pairs
from train.losses.contrastive import sigmoid_loss, softmax_loss, together
from train.models.clip.networks import crop_features, token_features
from train.trainer.task import Task

ALL = "all"
_COOLEST = math.log(100.0)  # of the inverse temperature, as published; 1 is the warmest


class ClipTask(Task[Pairs]):
    """Crops and sentences alike, by the loss that this kind of model was made with: of CLIP a
    softmax over the batch, of SigLIP a sigmoid for each two."""

    def losses(self, batch: Pairs, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        """How badly crops and sentences of a batch find each other."""
        model: Any = self.model
        by_softmax = model.config.model_type == "clip"
        if by_softmax:
            with torch.no_grad():
                model.logit_scale.clamp_(0.0, _COOLEST)
        with autocast:
            crops = crop_features(model, batch.crops)
            texts = token_features(model, batch.ids)
        cosines = F.normalize(crops.float(), dim=-1) @ F.normalize(texts.float(), dim=-1).T
        logits, same = model.logit_scale.exp() * cosines, together(batch.objects, batch.said)
        if by_softmax:
            return {"softmax": softmax_loss(logits, same)}
        return {"sigmoid": sigmoid_loss(logits + model.logit_bias, same)}


def blocks(model: Any) -> Mapping[str, list[nn.Module]]:
    """Parts that can be trained by themselves: the layers of both networks, and what makes their
    features comparable."""
    towers = {"vision": model.vision_model, "text": model.text_model}
    found: dict[str, list[nn.Module]] = {
        f"{name}.{number}": [layer]
        for name, tower in towers.items()
        for number, layer in enumerate(tower.encoder.layers)
    }
    if hasattr(model, "visual_projection"):
        found["projection"] = [model.visual_projection, model.text_projection]
    else:
        found["projection"] = [tower.head for tower in towers.values()]
    return found


def learned(model: Any, block: str) -> list[nn.Parameter]:
    """What is trained: ``all`` weights, or those of a block and the temperature.

    Raises InputError for a block that the model does not have.
    """
    if block == ALL:
        return list(model.parameters())
    known = blocks(model)
    if block not in known:
        raise InputError(f"expected --train all, {', '.join(known)}, got {block!r}")
    scalars = [p for name, p in model.named_parameters() if name in ("logit_scale", "logit_bias")]
    return [*scalars, *(p for module in known[block] for p in module.parameters())]
