"""MDETR and TransVG as something to train: pictures are encoded once, whatever they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from string import digits
from typing import Any

import torch
from torch import Tensor, nn

from train.data.referring import Asked
from train.losses import mdetr
from train.losses.boxes import regression_terms
from train.losses.looks import listening
from train.losses.mdetr import PAPER, Targets, Variant
from train.losses.probes import Probes
from train.models.mdetr.model import Mdetr
from train.models.transvg.model import Transvg
from train.trainer.task import Task

PROBES = {"where": 1.0, "cell": 1.0, "look": 0.5, "kind": 0.5}  # weights of their terms
WEIGHTS = {  # our own, from scratch: alignment, a sum over all words of a sentence, is most else
    "mdetr": {**mdetr.WEIGHTS, "align": 0.1, **PROBES},
    "transvg": {"box": 5.0, "giou": 2.0, **PROBES},
}
PUBLISHED_WEIGHTS = {"mdetr": mdetr.WEIGHTS, "transvg": {"box": 1.0, "giou": 1.0}}


class OneLookTask(Task[Asked]):
    """A model of either method, and probes where ``kinds`` says of how many categories.

    Args:
        model: MDETR or TransVG.
        kinds: categories of objects; None trains as published, by the answers alone.
        variant: of MDETR's loss.
    """

    def __init__(self, model: Mdetr | Transvg, kinds: int | None, variant: Variant = PAPER) -> None:
        # Convolutions of channels-last tensors are twice as fast, on CPUs as on GPUs.
        model.backbone.to(memory_format=torch.channels_last)
        width, method = model.config.width, model.config.METHOD
        super().__init__(model, None if kinds is None else Probes(width, width, kinds))
        self.variant = variant
        self.weights = (PUBLISHED_WEIGHTS if kinds is None else WEIGHTS)[method]

    def losses(self, batch: Asked, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        """The answer's terms, of each layer where there are several; and the probes'."""
        with autocast, listening(self.model, batch.ids.shape[1]) as looks:
            pixels = batch.pixels.contiguous(memory_format=torch.channels_last)
            seen = self.model.encode_image(pixels)
            asked = type(seen)(*(each[batch.picture] for each in seen))
            text = self.model.encode_text(batch.ids, batch.mask)
            found = self.model.ground(asked, text, batch.mask)
        if isinstance(self.model, Mdetr):
            terms = mdetr.losses(found, one_target(batch), self.variant)
        else:
            terms = regression_terms(found.box, batch.boxes)
        if isinstance(self.extra, Probes):
            stride = self.model.backbone.stride
            grid = (-(-pixels.shape[2] // stride), -(-pixels.shape[3] // stride))
            terms |= self.extra(seen.features, found.cells, looks, asked.shown, grid, batch)
        return terms

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Weighted; those of layers have a number behind their name."""
        return torch.stack(
            [self.weights[name.rstrip(digits)] * t for name, t in terms.items()]
        ).sum()

    def counts(self, batch: Asked) -> Tensor:
        """Sentences that mean something, and objects."""
        known = (batch.kinds >= 0).sum()
        return torch.stack([batch.there.sum(), known]).double()

    def share(self, term: str, own: Tensor, whole: Tensor) -> Tensor:
        """A mean over nothing is a sum: terms are divided by at least 1."""
        of = 1 if term == "kind" else 0
        return (own[of].clamp(min=1) / whole[of].clamp(min=1)).float()

    def training_mode(self, pretrained: bool) -> None:
        """Batch norms keep what pre-training has settled, as published."""
        self.model.train()
        if pretrained:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()


def one_target(batch: Asked) -> Targets:
    """Each sentence means one box at most, with all of its words; the first token and the last are
    none."""
    tokens = batch.mask > 0
    count = batch.mask.sum(-1, keepdim=True)
    place = torch.arange(tokens.shape[1], device=tokens.device)
    words = (place > 0) & (place < count - 1)
    return Targets(batch.boxes[:, None], words[:, None], batch.there[:, None], tokens)


def learned(model: Mdetr | Transvg, pretrained: bool) -> list[nn.Parameter]:
    """What is trained: everything, but the affine part of batch norms that stay as they are."""
    frozen: set[int] = set()
    if pretrained:
        norms = (m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
        frozen = {id(p) for norm in norms for p in norm.parameters()}
    return [p for p in model.parameters() if id(p) not in frozen]
