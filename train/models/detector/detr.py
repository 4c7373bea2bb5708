"""A DETR: transformers' RT-DETR (Zhao et al. 2023), made small, and so that it learns from scratch.

Plain DETR takes hundreds of epochs to look at the right places. RT-DETR chooses its queries among
the locations of its features; where every location learns at once, as those of a YOLO do, the
queries are good before the decoder is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

from sdk.regions.heads.detr import Detr
from sdk.regions.heads.head import Scoring, cells_of, grid
from sdk.regions.heads.yolo import STRIDES
from train.models.detector.config import DetectorConfig
from train.models.detector.yolo import Dense

QUERIES = 60
_PRIOR = 0.01  # how sure it is of a class before anything is learned


@dataclass(frozen=True)
class Queries:
    """What a DETR says of B inputs, by L layers of its decoder.

    Attributes:
        logits: (L, B, K, C), of each class by itself.
        boxes: (L, B, K, 4) cxcywh in units of the input.
        dense: what the locations say that queries are chosen among.
    """

    logits: Tensor
    boxes: Tensor
    dense: Dense


class SmallDetr(nn.Module):
    """Pixels (B, 3, H, W) -> ``Queries``.

    Args:
        config: of the kind ``detr``.
    """

    centres: Tensor
    cells: Tensor

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        self.model = RTDetrForObjectDetection(rt_detr_config(config))
        _from_scratch(self.model)
        for projection in self.model.model.decoder_input_proj:
            projection.register_forward_hook(_whole_precision)
        places, strides = grid(config.input_hw, STRIDES)
        cells = torch.from_numpy(strides)[:, None] / torch.tensor(config.input_hw[::-1])
        self.register_buffer("cells", cells.float(), persistent=False)
        centres = (torch.from_numpy(places) + 0.5) * cells
        self.register_buffer("centres", centres.float(), persistent=False)

    def forward(self, pixels: Tensor) -> Queries:
        found = self.model(pixel_values=pixels)
        boxes = found.enc_outputs_coord_logits.sigmoid()
        return Queries(
            found.intermediate_logits.transpose(0, 1),
            found.intermediate_reference_points.transpose(0, 1),
            Dense(found.enc_outputs_class, boxes, self.centres, self.cells),
        )

    def answer(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The outputs of ``head``: logits (B, K, C), boxes (B, K, 4)."""
        found = self.model(pixel_values=pixels)
        return found.logits, found.pred_boxes

    @property
    def head(self) -> Detr:
        """How outputs become boxes."""
        return Detr("logits", "pred_boxes", len(self.config.labels), Scoring("sigmoid"))


def rt_detr_config(config: DetectorConfig) -> RTDetrConfig:
    """transformers' configuration of a small RT-DETR; 96 channels where ``width`` is 64."""
    width, hidden = config.width, config.width * 3 // 2
    narrow = width * 3 // 8  # of the stem, which the first stage must not change
    names = dict(enumerate(config.labels))
    backbone = RTDetrResNetConfig(
        embedding_size=narrow,
        hidden_sizes=[narrow, width, 2 * width, 3 * width],
        depths=[1, 1, 2, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    heads = hidden // 16
    cells = [cells_of(config.input_hw, stride) for stride in STRIDES]
    return RTDetrConfig(
        backbone_config=backbone,
        freeze_backbone_batch_norms=False,
        initializer_bias_prior_prob=_PRIOR,
        encoder_hidden_dim=hidden,
        encoder_in_channels=[width, 2 * width, 3 * width],
        encoder_ffn_dim=2 * hidden,
        encoder_attention_heads=heads,
        hidden_expansion=0.5,
        d_model=hidden,
        num_queries=min(QUERIES, sum(map(math.prod, cells))),
        decoder_in_channels=[hidden] * len(STRIDES),
        decoder_ffn_dim=2 * hidden,
        decoder_layers=2,
        decoder_attention_heads=heads,
        num_denoising=0,
        id2label=names,
        label2id={name: number for number, name in names.items()},
    )


def _from_scratch(model: RTDetrForObjectDetection) -> None:
    """transformers' initialisation is for models whose weights are loaded: batch norms that let
    nothing through, linear layers that let little through."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
        elif isinstance(module, nn.Linear) and module.weight.any():
            nn.init.xavier_uniform_(module.weight)
    # At first every location takes itself for the middle of an object of its level's size.
    nn.init.zeros_(model.model.enc_bbox_head.layers[-1].weight)
    nn.init.zeros_(model.model.enc_bbox_head.layers[-1].bias)


def _whole_precision(_: nn.Module, __: Any, features: Tensor) -> Tensor:
    """Places follow the type of features in RT-DETR; bfloat16 would round them to whole pixels."""
    return features.float()
