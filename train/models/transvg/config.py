"""TransVG's sizes: the published ones, and one that is trained from scratch on two CPU cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from train.models.detr.config import RESNET50, RESNET101, OneLookConfig
from train.models.mdetr.config import SMALL_HW, SMALL_LEVELS, small_bert

BERT_BASE = {"model_type": "bert", "vocab_size": 30522}
SIDE = 640  # of the published input, which is square
PUBLISHED: Mapping[str, Mapping[str, Any]] = {"resnet50": RESNET50, "resnet101": RESNET101}


@dataclass(frozen=True, kw_only=True)
class TransvgConfig(OneLookConfig):
    """visual_width, visual_heads, visual_inner, visual_layers: of the encoder of the image alone,
    which is DETR's."""

    METHOD: ClassVar[str] = "transvg"

    visual_width: int = 256
    visual_heads: int = 8
    visual_inner: int = 2048
    visual_layers: int = 6


def published(name: str, backbone: Mapping[str, Any]) -> TransvgConfig:
    """The published size with one of the published backbones."""
    return TransvgConfig(
        name=name, input_hw=(SIDE, SIDE), max_tokens=20, backbone=backbone, text=BERT_BASE
    )


def transvg_tiny(vocab_size: int) -> TransvgConfig:
    """2.3 million parameters; image and sentences as for ``mdetr_tiny``. Three layers: cells must
    have heard the sentence, and each other, before the learned token can look at the right one."""
    return TransvgConfig(
        name="transvg-tiny",
        input_hw=SMALL_HW,
        max_tokens=32,
        backbone=SMALL_LEVELS,
        text=small_bert(vocab_size, 128),
        width=128,
        heads=8,
        inner=384,
        layers=3,
        dropout=0.0,
        visual_width=128,
        visual_heads=8,
        visual_inner=256,
        visual_layers=1,
    )
