"""The authors' MDETR checkpoints (github.com/ashkamath/mdetr), by their names and shapes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from sdk.errors import CheckpointError, EngineError, InputError
from sdk.hub import fetch
from train.mmdet.names import Rule
from train.models.detr.published import (
    Imported,
    attention_rules,
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
from train.models.mdetr.config import LABELS, ROBERTA_BASE, MdetrConfig, input_for
from train.models.mdetr.model import Mdetr

BODY, TEXT = "backbone.0.body.", "transformer.text_encoder."
_ENCODER, _DECODER = "transformer.encoder.layers", "transformer.decoder.layers"
_CAMERA_HW = (1080, 1920)  # frames that the input is made for where nobody says another size
# Whose byte-pair encoding MDETR's sentences have.
HUB_ID, HUB_FILE = "FacebookAI/roberta-base", "tokenizer.json"
MAX_TOKENS = 64  # a choice of ours: the published code pads to the longest sentence of a batch
_TEXT_FACTS = {k: ROBERTA_BASE[k] for k in ("model_type", "layer_norm_eps", "pad_token_id")}

_PLAIN: dict[str, str | None] = {
    f"{TEXT}pooler.*": None,  # nobody asks it
    f"{TEXT}embeddings.position_ids": None,  # 0, 1, 2, ...: older transformers stored them
    f"{TEXT}*": r"text_backbone.model.\1",
    f"{BODY}*": r"backbone.\1",
    "input_proj.*": r"image_projection.\1",
    "transformer.resizer.fc.*": r"text_projection.\1",
    "transformer.resizer.layer_norm.*": r"text_norm.\1",
    "transformer.decoder.norm.*": r"decoder_norm.\1",
    f"{_DECODER}.#.linear#.*": r"decoder.\1.forward_part.linear\2.\3",
    # Their second norm was of an attention to the text alone, which this model has none of.
    f"{_DECODER}.#.norm1.*": r"decoder.\1.norm1.\2",
    f"{_DECODER}.#.norm3.*": r"decoder.\1.norm2.\2",
    f"{_DECODER}.#.norm4.*": r"decoder.\1.norm3.\2",
    "query_embed.*": r"queries.\1",
    "class_embed.*": r"class_head.\1",
    "bbox_embed.*": r"box_head.\1",
    "contrastive_align_projection_image.*": r"aligned_query.\1",
    "contrastive_align_projection_text.*": r"aligned_token.\1",
}


def rules() -> list[Rule]:
    """Every name that a checkpoint may have."""
    return [
        *encoder_rules(_ENCODER, "encoder"),
        *attention_rules(f"{_DECODER}.#.self_attn", r"decoder.\1.attention"),
        *attention_rules(f"{_DECODER}.#.cross_attn_image", r"decoder.\1.cross"),
        *plain_rules(_PLAIN),
    ]


def read_config(
    state: Mapping[str, Tensor], name: str, overrides: Mapping[str, Any]
) -> MdetrConfig:
    """What the shapes say; ``overrides`` for what they do not (heads) or what shall be different
    (``input_hw``).

    Raises CheckpointError where a tensor is missing or answers another question than ours,
    InputError for an override that makes no sense.
    """
    labels = size(state, "class_embed.weight", 0)
    if labels != LABELS:
        raise CheckpointError(f"expected a head of {LABELS} places in a sentence, found {labels}")
    found = MdetrConfig(
        name=name,
        input_hw=input_for(_CAMERA_HW),
        max_tokens=MAX_TOKENS,
        backbone=backbone_of(state, BODY),
        text=text_of(state, TEXT, **_TEXT_FACTS),
        width=size(state, "query_embed.weight", 1),
        inner=size(state, f"{_ENCODER}.0.linear1.weight", 0),
        layers=count(state, f"{_ENCODER}."),
        decoder_layers=count(state, f"{_DECODER}."),
        queries=size(state, "query_embed.weight", 0),
        aligned=size(state, "contrastive_align_projection_text.weight", 0),
    )
    return changed(found, overrides)


def import_mdetr(
    path: Path, name: str, overrides: Mapping[str, Any] | None = None
) -> tuple[Mdetr, Imported]:
    """The model in a file of the authors', in eval mode.

    Raises CheckpointError when a tensor is unknown, missing or misshapen, or the file is no
    checkpoint; InputError when it is not there.
    """
    state = read_published(path)
    model = Mdetr(read_config(state, name, overrides or {}))
    return model, fill(model, state, rules())


def copy_tokenizer(given: Path | None, out: Path) -> None:
    """Writes RoBERTa's ``tokenizer.json``, the hub's when none is given.

    Raises InputError when it cannot be read or had.
    """
    try:
        path = fetch(HUB_ID, (HUB_FILE,)) / HUB_FILE if given is None else given
        shutil.copyfile(path, out)
    except EngineError as error:
        raise InputError(f"{error}; name a tokenizer.json with --tokenizer") from error
    except OSError as error:
        raise InputError(f"cannot read the tokenizer {given}: {error}") from error
