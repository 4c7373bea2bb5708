"""What helps a one-look model to see and to read, and is thrown away in the end; our own.

A sentence has one box, from which a model that begins at random learns slowly where to look. Here
every cell of the image is asked, once the sentence was heard, whether it shows what is meant, and
if it does, what the box is; and beforehand what kind of object it shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from train.data.referring import Asked
from train.data.samples import NOTHING
from train.losses.grounding import box_loss
from train.losses.looks import looked_away
from train.models.detr.layers import Mlp
from train.models.grounding_dino.layers import MASKED

REACH = 0.25  # of an object's sides, from its middle: where a cell shows it and nothing else


class Probes(nn.Module):
    """Probes of cells ``width`` wide: for what is meant, its box, and ``kinds`` categories.

    seen: width of the cells before a sentence is heard.
    """

    def __init__(self, width: int, seen: int, kinds: int) -> None:
        super().__init__()
        self.meant, self.kind = nn.Linear(width, 1), nn.Linear(seen, max(kinds, 1))
        self.box = Mlp(width, 4, 2)

    def forward(
        self,
        features: Tensor,
        cells: Tensor,
        looks: Sequence[Tensor],
        shown: Tensor,
        grid: tuple[int, int],
        batch: Asked,
    ) -> dict[str, Tensor]:
        """The terms "where", "cell" and "look", means over sentences, and "kind", over objects.

        features (B, N, C): of the pictures; cells (S, N, D): after the sentences; looks, each
        (S, heads, N): see ``train.losses.looks``; shown (S, N).
        """
        logits = self.meant(cells.float()).squeeze(-1).masked_fill(shown == 0, MASKED)  # (S, N)
        meant = near(batch.places, grid) & (shown > 0)  # cells at the border may not be shown
        asked = batch.there & meant.any(-1)
        inside = logits.masked_fill(~meant, MASKED).logsumexp(-1)
        count = batch.there.sum().clamp(min=1)
        return {
            "where": ((logits.logsumexp(-1) - inside) * asked).sum() / count,
            "cell": self._boxes(cells, meant & batch.there[:, None], batch.boxes) / count,
            "look": (looked_away(looks, meant) * asked).sum() / count,
            "kind": self._kinds(features, grid, batch),
        }

    def _boxes(self, cells: Tensor, meant: Tensor, boxes: Tensor) -> Tensor:
        """How far the boxes of the cells that show what is meant are off: a mean over the cells of
        each sentence, summed over sentences."""
        sentence, cell = meant.nonzero(as_tuple=True)
        told = self.box(cells[sentence, cell].float()).sigmoid()
        return (box_loss(told, boxes[sentence]) / meant.sum(-1)[sentence]).sum()

    def _kinds(self, features: Tensor, grid: tuple[int, int], batch: Asked) -> Tensor:
        """Cross entropy in the middle of each object, over its cells; cells of two say nothing."""
        known = batch.kinds != NOTHING
        close = near(batch.objects, grid) & known[..., None]  # (B, m, N)
        alone = close & (close.sum(1, keepdim=True) == 1)
        picture, item, cell = alone.nonzero(as_tuple=True)
        told = self.kind(features[picture, cell].float())
        losses = F.cross_entropy(told, batch.kinds[picture, item], reduction="none")
        share = alone.sum(-1)[picture, item]
        return (losses / share).sum() / known.sum().clamp(min=1)


def near(boxes: Tensor, grid: tuple[int, int]) -> Tensor:
    """Boxes (..., 4) cxcywh, shares of an input of h x w cells -> (..., N) bool: cells in the
    middle of each, at least the one that its centre lies in."""
    height, width = grid
    rows = (torch.arange(height, device=boxes.device) + 0.5) / height
    columns = (torch.arange(width, device=boxes.device) + 0.5) / width
    cell = boxes.new_tensor([0.5 / width, 0.5 / height])
    reach = torch.maximum(boxes[..., 2:] * REACH, cell)
    across = (columns - boxes[..., :1]).abs() <= reach[..., :1]  # (..., w)
    down = (rows - boxes[..., 1:2]).abs() <= reach[..., 1:]  # (..., h)
    return (down[..., :, None] & across[..., None, :]).flatten(-2)
