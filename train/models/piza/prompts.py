"""CoOp: learned context tokens beside the words of the prompt, and the zoom as one more token.

Extra tokens stand at the end of a sequence and belong to every segment, so that each sentence of
a prompt has them. What they are is our choice where the paper leaves it open:

- The context is learned at BERT's input. As in CLIP's causal text encoder, for which CoOp was
  made, words attend the context and the context attends itself alone: a sentence's features do
  not depend on its neighbours in the prompt. After BERT the context has done its work and is left
  out, so that text features have a row a token, with or without it.
- The zoom token (PIZA-CoOp) has BERT's width and enters after BERT, through the same projection
  as BERT's features: text is still encoded once an expression, however many steps follow.

Neither starts as the identity: one more token to attend takes attention from the others.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.models.grounding_dino.layers import MASKED


class Context(nn.Module):
    """M learned tokens of width C in the place of word embeddings."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.empty(count, width))
        nn.init.normal_(self.vectors, std=0.02)  # as word embeddings of BERT, and CoOp's context

    def forward(self, embeddings: nn.Module, words: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Embedded words (..., T, C) and attention bias (..., 1, T, T), each with M tokens more."""
        *batch, length, _ = words.shape
        count = len(self.vectors)
        table = embeddings.position_embeddings.weight[:count]
        context = embeddings.LayerNorm(
            self.vectors + embeddings.token_type_embeddings.weight[0] + table
        )
        alone = torch.full((*batch, 1, count, length), MASKED, device=words.device)
        context = context.expand(*batch, -1, -1)
        return torch.cat([words, context], dim=-2), belong_to_all(bias, alone)


def belong_to_all(bias: Tensor, attends: Tensor) -> Tensor:
    """The attention bias of a sequence with M more tokens at its end, which every token attends.

    bias (..., 1, T, T) of the sequence as it was; attends (..., 1, M, T): how the new tokens attend
    the old. They attend each other. Returns (..., 1, T + M, T + M).
    """
    count = attends.shape[-2]
    return F.pad(torch.cat([bias, attends], dim=-2), (0, count))
