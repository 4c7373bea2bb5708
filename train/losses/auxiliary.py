"""What rendered scenes teach beyond the answer: the kind and colour of everything in view, and
which words mean which object.

A sentence has one answer, a frame has twenty objects: a model from scratch learns to see and to
read from these, long before it could from answers alone. Photographs with a box a sentence have
no such labels, and their batches no such terms.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluation.scenes.catalogue import COLOURS, KINDS
from train.data.batches import Batch
from train.data.samples import NOTHING
from train.losses.grounding import focal, meaning, near
from train.models.grounding_dino.constants import Constants
from train.models.grounding_dino.grounder import Prediction


def near_seen(batch: Batch, constants: Constants) -> Tensor:
    """(B, s, N) bool: locations near the objects in view, by ``losses.near``."""
    return near(batch.seen_places, batch.seen_kinds != NOTHING, constants)


def alone(close: Tensor) -> Tensor:
    """(B, s, N) bool: of the locations near objects, those that are near exactly one."""
    return close & (close.sum(1, keepdim=True) == 1)


class Attributes(nn.Module):
    """Linear probes of the image features for kind and colour, of no use after training."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.kind, self.colour = nn.Linear(dim, len(KINDS)), nn.Linear(dim, len(COLOURS))

    def forward(self, image: Tensor, batch: Batch, constants: Constants) -> dict[str, Tensor]:
        """Cross entropy at locations (B, N, D) near the middle of exactly one object."""
        sample, item, location = alone(near_seen(batch, constants)).nonzero(as_tuple=True)
        if len(sample) == 0:
            return {}
        features = image[sample, location].float()
        return {
            "kind": F.cross_entropy(self.kind(features), batch.seen_kinds[sample, item]),
            "colour": F.cross_entropy(self.colour(features), batch.seen_colours[sample, item]),
        }


def mention_loss(prediction: Prediction, batch: Batch, constants: Constants) -> dict[str, Tensor]:
    """Inside the encoder, before relations are resolved, words mean what they name.

    After each layer but the last, a location near an object should be like the tokens of the
    noun phrases that mean it, the referents' ("... left of *the white van*") as well.
    """
    layers = prediction.inner_logits[:-1]
    if not layers or not batch.mentions.any():
        return {}
    wanted = meaning(near_seen(batch, constants), batch.mentions)
    # a sample without mentions has no labels: it says nothing, in whatever batch it is
    tokens = ((batch.segments > 0) & batch.mentions.any((1, 2))[:, None])[:, None]
    losses = torch.stack([(focal(logits, wanted) * tokens).sum() for logits in layers])
    return {"mention": losses.mean() / wanted.sum().clamp(min=1)}
