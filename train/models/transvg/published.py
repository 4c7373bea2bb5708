"""The authors' TransVG checkpoints (github.com/djiajunustc/TransVG), by their names and shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from sdk.errors import CheckpointError
from train.mmdet.names import Rule
from train.models.detr.published import (
    Imported,
    backbone_of,
    changed,
    count,
    encoder_rules,
    fill,
    plain_rules,
    read_published,
    size,
    text_of,
)
from train.models.transvg.config import BERT_BASE, TransvgConfig
from train.models.transvg.model import Transvg

BODY, TEXT = "visumodel.backbone.0.body.", "textmodel.bert."
_VISUAL, _ENCODER = "visumodel.transformer.encoder.layers", "vl_transformer.encoder.layers"
_STRIDE = 32
_LENGTHS = (20, 40)  # of sentences, as published: 40 for RefCOCOg's

_PLAIN: dict[str, str | None] = {
    f"{TEXT}pooler.*": None,  # nobody asks it
    f"{TEXT}*": r"text_backbone.model.\1",
    f"{BODY}*": r"backbone.\1",
    "visumodel.input_proj.*": r"image_projection.\1",
    "visu_proj.*": r"visual_projection.\1",
    "text_proj.*": r"text_projection.\1",
    "vl_pos_embed.*": r"places.\1",
    "reg_token.*": r"regression_token.\1",
    "bbox_embed.*": r"box_head.\1",
}


def rules() -> list[Rule]:
    """Every name that a checkpoint may have."""
    return [
        *encoder_rules(_VISUAL, "visual"),
        *encoder_rules(_ENCODER, "encoder"),
        *plain_rules(_PLAIN),
    ]


def read_config(
    state: Mapping[str, Tensor], name: str, overrides: Mapping[str, Any]
) -> TransvgConfig:
    """What the shapes say; ``overrides`` for what they do not (heads) or what shall be different.

    Raises CheckpointError where a tensor is missing or makes no sense, InputError for an override
    that makes none.
    """
    length, side = _length_and_side(size(state, "vl_pos_embed.weight", 0))
    found = TransvgConfig(
        name=name,
        input_hw=(side, side),
        max_tokens=length,
        backbone=backbone_of(state, BODY),
        text=text_of(state, TEXT, model_type=BERT_BASE["model_type"]),
        width=size(state, "reg_token.weight", 1),
        inner=size(state, f"{_ENCODER}.0.linear1.weight", 0),
        layers=count(state, f"{_ENCODER}."),
        visual_width=size(state, "visumodel.input_proj.weight", 0),
        visual_inner=size(state, f"{_VISUAL}.0.linear1.weight", 0),
        visual_layers=count(state, f"{_VISUAL}."),
    )
    return changed(found, overrides)


def import_transvg(
    path: Path, name: str, overrides: Mapping[str, Any] | None = None
) -> tuple[Transvg, Imported]:
    """The model in a file of the authors', in eval mode.

    Raises CheckpointError when a tensor is unknown, missing or misshapen, or the file is no
    checkpoint; InputError when it is not there.
    """
    state = read_published(path)
    model = Transvg(read_config(state, name, overrides or {}))
    return model, fill(model, state, rules())


def _length_and_side(places: int) -> tuple[int, int]:
    """Tokens of a sentence and pixels of the square input, from how many places there are: one,
    those of the tokens, those of the cells."""
    for length in _LENGTHS:
        cells = places - 1 - length
        if cells > 0 and math.isqrt(cells) ** 2 == cells:
            return length, math.isqrt(cells) * _STRIDE
    raise CheckpointError(
        f"vl_pos_embed has {places} places: expected one, {' or '.join(map(str, _LENGTHS))} of a"
        " sentence, and those of a square image"
    )
