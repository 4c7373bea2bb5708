"""Text encoders of transformers, BERT or RoBERTa, run by our own pass over their modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from sdk.errors import CheckpointError
from train.models.grounding_dino.layers import bert, padding_bias

KINDS: Mapping[str, tuple[Any, Any]] = {
    "bert": (BertConfig, BertModel),
    "roberta": (RobertaConfig, RobertaModel),
}


class TextEncoder(nn.Module):
    """Hidden states of every token, ``width`` wide, without dropout and without the pooler.

    said: ``model_type``, a key of ``KINDS``, and keyword arguments of its configuration.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        super().__init__()
        kind = said.get("model_type")
        if kind not in KINDS:
            raise CheckpointError(f"expected a text encoder out of {', '.join(KINDS)}, got {kind}")
        make_config, make = KINDS[kind]
        config = make_config(**{k: v for k, v in said.items() if k != "model_type"})
        self.model = make(config, add_pooling_layer=False)
        self.width: int = config.hidden_size
        # RoBERTa's positions begin behind the one that padding has.
        self.padding_place = config.pad_token_id if kind == "roberta" else None

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask (1 for a token, 0 for padding behind them), (..., T) -> (..., T, C)."""
        places = torch.arange(ids.shape[-1], dtype=ids.dtype, device=ids.device).expand_as(ids)
        if self.padding_place is not None:
            after = torch.full_like(places, self.padding_place)
            places = torch.where(mask > 0, places + self.padding_place + 1, after)
        return bert(self.model, ids, places, padding_bias(mask), None)
