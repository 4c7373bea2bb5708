"""What fine-tuning starts from: Grounding DINO of a class of transformers, or one of our own."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from sdk.errors import CheckpointError, EngineError, InputError
from sdk.hub import fetch
from train.checkpoint import CONFIG, TOKENIZER, checkpoint_sha256, start_from
from train.models.grounding_dino.config import UNCALIBRATED, PizaConfig, swin_t
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.pretrained import from_pretrained
from train.models.piza.history import BoxHistoryEncoder

STRIDE = 32  # of the coarsest feature map that is not made of another one


@dataclass(frozen=True)
class Base:
    """A model ready to be trained by its method, and its tokenizer.

    ``knows_histories``: its box-history encoder is trained.
    """

    model: PizaGrounder
    tokenizer_file: Path
    knows_histories: bool


def fingerprint(source: str) -> str:
    """What tells this base from others: the hash of a checkpoint of ours, else its name."""
    return checkpoint_sha256(Path(source))[:16] if _is_ours(Path(source)) else source


def open_base(source: str, method: str, input_hw: tuple[int, int] | None = None) -> Base:
    """The base model ``source`` with what ``method`` adds to it.

    Args:
        source: a folder of ours (a checkpoint), a folder in transformers' format, or a hub id.
        method: key of ``train.models.piza.methods.METHODS``. A checkpoint of the same method
            goes on with its adapters; otherwise they are fresh.
        input_hw: network input in pixels; by default the checkpoint's, or the published size.

    Raises:
        InputError: ``input_hw`` is not made of multiples of 32.
        CheckpointError: there is no such base, it cannot be read, or is adapted by another method.
    """
    if input_hw is not None and any(side % STRIDE for side in input_hw):
        raise InputError(f"expected an input size in multiples of {STRIDE} px, got {input_hw}")
    folder = Path(source)
    if _is_ours(folder):
        config = PizaConfig.load(folder / CONFIG)
        size = input_hw or config.input_hw
        plain = dict(UNCALIBRATED)  # the base's calibration is of other weights
        model = PizaGrounder(replace(config, method=method, input_hw=size, calibration=plain))
        start_from(model, folder)
        # An imported base has no history encoder but zeros, which have no gradient to learn by.
        knows_histories = bool(model.history.box_encoder.fc3.weight.any())
        if not knows_histories:
            model.history = BoxHistoryEncoder()
        return Base(model, folder / TOKENIZER, knows_histories)
    stored = base_folder(source)
    tokenizer_file = stored / TOKENIZER
    if not tokenizer_file.is_file():
        raise CheckpointError(f"expected a tokenizer file at {tokenizer_file}, found none")
    preset = swin_t()
    size = input_hw or preset.input_hw
    config = replace(preset, name=folder.name, method=method, input_hw=size)
    model = from_pretrained(stored, config)
    longest = min(config.max_tokens, model.base.config.max_text_len)
    model.config = replace(model.config, max_tokens=longest)
    return Base(model, tokenizer_file, False)


def _is_ours(folder: Path) -> bool:
    """Both formats have a config.json; in transformers' it names the type of the model."""
    try:
        return "model_type" not in json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError, TypeError):
        return False


def base_folder(source: str) -> Path:
    """The folder of a base in transformers' format, fetched from the hub where it is an id.

    Raises:
        CheckpointError: there is no such folder, and the hub has no such model or is not there.
    """
    if Path(source).is_dir():
        return Path(source)
    try:
        return fetch(source, (CONFIG, "*.safetensors", "*.safetensors.index.json", TOKENIZER))
    except EngineError as error:
        raise CheckpointError(
            f"cannot load the base model {source}: expected a checkpoint folder, a folder in"
            f" transformers' format or a hub id; there is no such folder, and {error}"
        ) from error
