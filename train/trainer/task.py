"""The seam between the training loop, which knows steps, and what is trained by it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

B = TypeVar("B")


class Task(Generic[B]):
    """What is trained, and by which loss. Subclasses say ``losses``, and more where they must.

    A batch (``B``) is a frozen dataclass of tensors whose first axis are its samples.

    Args:
        model: what is trained, averaged and kept.
        extra: what is trained beside it and of no use afterwards, as probes are.
    """

    def __init__(self, model: nn.Module, extra: nn.Module | None = None) -> None:
        self.model, self.extra = model, nn.Module() if extra is None else extra

    def losses(self, batch: B, autocast: AbstractContextManager[Any]) -> dict[str, Tensor]:
        """The terms of a batch's loss, each a mean over what ``counts`` counts.

        Args:
            batch: on the device of the model.
            autocast: mixed precision, for the forward pass.
        """
        raise NotImplementedError

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The loss, of its terms: their sum."""
        return torch.stack([term.float() for term in terms.values()]).sum()

    def counts(self, batch: B) -> Tensor:
        """How many things the terms are means over, (k,): the samples."""
        first = getattr(batch, fields(batch)[0].name)  # type: ignore[arg-type]
        return torch.tensor([len(first)], dtype=torch.float64, device=first.device)

    def share(self, term: str, own: Tensor, whole: Tensor) -> Tensor:
        """What part of a whole batch's term a part of the batch has, by their ``counts``.

        Gradient accumulation and several processes see a batch in parts; weighted so, the parts add
        up to the loss of the whole batch, not to a mean of means.
        """
        return (own[0] / whole[0].clamp(min=1)).float()

    def training_mode(self, pretrained: bool) -> None:
        """Everything learns, with dropout; what pre-training has settled may be left as it is."""
        self.model.train()
