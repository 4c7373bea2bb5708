"""MDETR's sizes: the two published ones, and one that is trained from scratch on two CPU cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from train.models.detr.config import EFFICIENTNET_B3, RESNET101, OneLookConfig

LABELS = 256  # places in a sentence that a query may mean; the last one: it means nothing
ROBERTA_BASE = {
    "model_type": "roberta",
    "vocab_size": 50265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
    "pad_token_id": 1,
}
_SHORT, _LONG = 800, 1333  # sides of an image in pixels, as published
_STEP = 32


@dataclass(frozen=True, kw_only=True)
class MdetrConfig(OneLookConfig):
    """decoder_layers: that the queries go through. aligned: width of the vectors that queries and
    tokens are compared by in training."""

    METHOD: ClassVar[str] = "mdetr"

    decoder_layers: int = 6
    queries: int = 100
    aligned: int = 64


def fitted_hw(frame_hw: tuple[int, int]) -> tuple[int, int]:
    """Height and width that MDETR resizes an image to: the shorter side to 800 pixels, unless the
    longer one would have more than 1333 then."""
    short, long = min(frame_hw), max(frame_hw)
    target = min(_SHORT, round(_LONG * short / long))
    height, width = frame_hw
    if width < height:
        return int(target * height / width), target
    return target, int(target * width / height)


def input_for(frame_hw: tuple[int, int]) -> tuple[int, int]:
    """The network input that frames of a size are fitted into as published, in multiples of 32."""
    height, width = fitted_hw(frame_hw)
    return -(-height // _STEP) * _STEP, -(-width // _STEP) * _STEP


def published(name: str, backbone: Mapping[str, Any], input_hw: tuple[int, int]) -> MdetrConfig:
    """The published size with one of the published backbones."""
    return MdetrConfig(
        name=name, input_hw=input_hw, max_tokens=64, backbone=backbone, text=ROBERTA_BASE
    )


PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "resnet101": RESNET101,
    "efficientnet-b3": EFFICIENTNET_B3,
}


SMALL_HW, SMALL_LEVELS = (224, 384), {"kind": "levels", "width": 64}  # those of small detectors


def mdetr_tiny(vocab_size: int) -> MdetrConfig:
    """2.5 million parameters. The input has about a camera's shape, so that little is padded, and
    14x24 cells, which are what a step takes its time for. One query: a sentence has one answer;
    several, of which the nearest is the one that learns, share the frame among them, and learn much
    later which of them is right."""
    return MdetrConfig(
        name="mdetr-tiny",
        input_hw=SMALL_HW,
        max_tokens=32,
        backbone=SMALL_LEVELS,
        text=small_bert(vocab_size, 128),
        width=128,
        heads=8,
        inner=384,
        layers=2,
        dropout=0.0,
        decoder_layers=2,
        queries=1,
    )


def small_bert(vocab_size: int, width: int) -> dict[str, Any]:
    """A BERT of two layers, for sentences of a small grammar."""
    return {
        "model_type": "bert",
        "vocab_size": vocab_size,
        "hidden_size": width,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 2 * width,
        "max_position_embeddings": 64,
    }
