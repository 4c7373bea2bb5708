"""What part of a batch's loss a part of the batch has.

Loss terms are means over targets, tokens or locations. Gradient accumulation and several processes
see a batch in parts; with each part's mean weighted by its share of what the mean is over, the
parts add up to the loss of the whole batch, not to a mean of means.
"""

from __future__ import annotations

import torch
from torch import Tensor

from train.data.batches import Batch
from train.losses.auxiliary import alone, near_seen
from train.losses.grounding import meaning, near, same_phrase, sentence_numbers
from train.models.grounding_dino.constants import Constants

# Sorts of loss terms (``train.losses.grounding.WEIGHTS``) in the order of ``counts``.
SORTS = (
    "dense_class",
    "dense_box",
    "dense_rank",
    "class",
    "box",
    "rank",
    "verify",
    "kind",
    "colour",
    "mention",
)


@torch.no_grad()
def counts(batch: Batch, constants: Constants) -> Tensor:
    """How many things each sort of loss term is a mean over, (10,) by ``SORTS``.

    Nothing of it depends on the model, as long as there is a query for every target.
    """
    close = near(batch.places, batch.valid, constants)
    wanted = meaning(close, batch.spans)
    # targets of one phrase share their locations
    located = (same_phrase(batch) & close.any(-1)[:, None]).any(-1) & batch.valid
    seen = near_seen(batch, constants)
    clear = alone(seen).sum()
    meant = meaning(seen, batch.mentions)
    answers = batch.valid.sum()
    words = (batch.spans & batch.valid[..., None]).sum()
    numbers = sentence_numbers(batch)
    said = (numbers[:, 1:] != numbers[:, :-1]) & (numbers[:, 1:] > 0)  # where each one begins
    found = (wanted.sum(), close.sum(), located.sum(), words, answers, answers, said.sum())
    return torch.stack([*found, clear, clear, meant.sum()]).double()


def share(sort: str, own: Tensor, whole: Tensor) -> Tensor:
    """Weight of a sort of term of a part, from the ``counts`` of the part and of the whole.

    A mean over nothing is a sum: terms are divided by at least 1.
    """
    place = SORTS.index(sort)
    return (own[place].clamp(min=1) / whole[place].clamp(min=1)).float()
