"""A few-shot detector's folder: ``config.json``, ``model.safetensors``, and ``clip``, a folder in
transformers' format, where CLIP is to correct what it says of taught classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from sdk.errors import CheckpointError
from train.models.clip.public import WEIGHTS as CLIP_WEIGHTS
from train.models.clip.public import PublicClip, save_public_clip
from train.models.detector.config import check_size
from train.models.few_shot.config import read_config
from train.models.few_shot.detector import FewShotDetector
from train.storage import room_for, size_of, whole_file

CONFIG, WEIGHTS, CLIP = "config.json", "model.safetensors", "clip"


def save_few_shot(folder: Path, model: nn.Module, beside: PublicClip | None = None) -> None:
    """Writes a detector, and the CLIP beside it where it is not there yet.

    Raises InputError when it cannot be written; weights that are there stay whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(folder / WEIGHTS, size_of(weights)) as partial:
        save_file(weights, partial)
        partial.chmod(0o644)  # safetensors makes files that only their owner can read
    if beside is not None and not (folder / CLIP / CLIP_WEIGHTS).is_file():
        save_public_clip(folder / CLIP, beside.model, beside)
    with room_for(folder / CONFIG):
        text = json.dumps(model.config.to_dict(), indent=1)
        (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def load_few_shot(folder: Path, input_hw: tuple[int, int] | None = None) -> FewShotDetector:
    """A detector in eval mode; every tensor is accounted for.

    Args:
        folder: as ``save_few_shot`` wrote it.
        input_hw: height and width of its input, where they are to be others than in training.

    Raises:
        InputError: it cannot take an input of that size.
        CheckpointError: a file is missing or damaged, or a name or shape does not fit.
    """
    config = read_config(folder / CONFIG)
    if input_hw is not None:
        check_size(input_hw)
        config = replace(config, input_hw=input_hw)
    try:
        model = FewShotDetector(config)
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {folder / WEIGHTS}: {error}") from error
    except (RuntimeError, TypeError, ValueError, KeyError, IndexError) as error:
        said = " ".join(str(error).split())
        raise CheckpointError(f"the weights {folder / WEIGHTS} do not fit: {said:.200}") from error
    return model.eval()
