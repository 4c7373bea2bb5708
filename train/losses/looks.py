"""Where a one-look model's answer looks, held against where the object is; our own.

A box is read from one query, which is a mean of what it looks at. From boxes alone it learns to
look at the right cells only after hundreds of epochs, as DETR does; the cells themselves know much
sooner which of them show what is meant (``train.losses.probes``). So the attentions of the query
are told where to look from the first step on. Nothing of it is left in what runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from train.models.detr.layers import Attention
from train.models.grounding_dino.layers import MASKED
from train.models.mdetr.model import Mdetr
from train.models.transvg.model import Transvg


@contextmanager
def listening(model: Mdetr | Transvg, tokens: int) -> Iterator[list[Tensor]]:
    """Hears what share of its attention the first query gives to each cell of the image.

    Yields a list that one pass over S sentences of so many ``tokens`` fills: of each attention
    through which the answer sees the image the logarithms, (S, heads, N). That is MDETR's decoder,
    which looks at cells and then tokens, and the second half of TransVG's encoder, in which the
    cells stand last: in the first half they hear the sentence themselves.
    """
    if isinstance(model, Mdetr):
        attentions, cells = [layer.cross for layer in model.decoder], slice(0, -tokens)
    else:
        second_half = model.encoder[len(model.encoder) // 2 :]
        attentions, cells = [layer.attention for layer in second_half], slice(1 + tokens, None)
    heard: list[Tensor] = []

    def hear(attention: nn.Module, given: tuple[Any, ...]) -> None:
        assert isinstance(attention, Attention)
        query, key, _, bias = given
        asked, known = attention.query(query[..., :1, :]), attention.key(key)
        asked, known = (
            x.unflatten(-1, (attention.heads, -1)).transpose(-3, -2) for x in (asked, known)
        )
        scores = asked @ known.transpose(-1, -2) / math.sqrt(asked.shape[-1]) + bias
        heard.append(scores.float().log_softmax(-1).squeeze(-2)[..., cells])

    handles = [each.register_forward_pre_hook(hear) for each in attentions]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()


def looked_away(heard: Sequence[Tensor], meant: Tensor) -> Tensor:
    """(S,): - log of the share of its attention that the query gave to the cells ``meant`` (S, N),
    which is a mean over heads, summed over attentions: some heads may look elsewhere."""
    shares = (each.masked_fill(~meant[:, None], MASKED).logsumexp(-1) for each in heard)
    return torch.stack([math.log(s.shape[-1]) - s.logsumexp(-1) for s in shares]).sum(0)
