"""Which class a region is of, in images where not every object is labelled.

BNRL, the background negative re-scale loss (RISF, CVIU 2024). Few-shot images have objects of a
taught class that nobody labelled: to a detector they are background, and cross-entropy punishes it
for finding them. Here little is asked of background, what is easily right counts less, and each
wrong class is pushed down by itself, as far as it is believed. Cross-entropy and the focal loss are
other settings of the same formula. (The published code passes the settings in the wrong place, and
trains with ``AS_RELEASED``.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = -100  # a label: nothing is said of this region
_TINY = 1e-26  # what a class believed for certain, and wrong, leaves of 1 - p


@dataclass(frozen=True)
class ClassLoss:
    """Settings of the formula.

    ``L = right (1 - p_y)^focus w_y (-log p_y) + wrong sum_{c != y} w_c p_c^power (-log(1 - p_c))``

    Attributes:
        right: weight of the label's own term; ``a`` of the paper.
        wrong: weight of the terms of all other classes; ``b``.
        power: how much more a wrong class counts that is believed; ``e``.
        focus: how much less a right class counts that is believed; ``g``.
        background: w of the last class; that of all others is 1.
    """

    right: float = 0.2
    wrong: float = 0.8
    power: float = 1.0
    focus: float = 4.0
    background: float = 0.2

    def each(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of each region.

        Args:
            logits: (N, C + 1), background last.
            labels: (N,), the number of a column.

        Returns:
            (N,), in float32 at least.
        """
        logs = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)
        p = logs.exp()
        weights = logs.new_ones(logs.shape[-1])
        weights[-1] = self.background
        own = labels[:, None]
        log_own, p_own = logs.gather(1, own)[:, 0], p.gather(1, own)[:, 0]
        right = (1 - p_own) ** self.focus * weights[labels] * -log_own
        others = torch.ones_like(p).scatter(1, own, 0.0)
        wrong = (others * weights * p**self.power * -(1 - p + _TINY).log()).sum(-1)
        return self.right * right + self.wrong * wrong

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over the regions that are not ``IGNORED``; 0 where there are none.

        The mean is over regions, not over their weights.
        """
        said = labels != IGNORED
        return self.each(logits[said], labels[said]).sum() / said.sum().clamp(min=1)


CLASS_LOSSES: Mapping[str, ClassLoss] = {
    "bnrl": ClassLoss(),
    "cross-entropy": ClassLoss(right=1.0, wrong=0.0, focus=0.0, background=1.0),
    "focal": ClassLoss(right=1.0, wrong=0.0, focus=2.0, background=1.0),
}
AS_RELEASED = ClassLoss(right=1.0, wrong=0.0, focus=0.0)
