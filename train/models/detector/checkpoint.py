"""A detector's folder: ``config.json``, ``model.safetensors``; a DETR's is one of transformers'."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from sdk.errors import CheckpointError
from train.models.detector.config import DetectorConfig, check_size, read_config
from train.models.detector.detr import SmallDetr
from train.models.detector.ssd import SmallSsd
from train.models.detector.yolo import SmallYolo
from train.storage import room_for, size_of, whole_file

CONFIG, WEIGHTS, PROCESSOR = "config.json", "model.safetensors", "preprocessor_config.json"
MODELS = {"ssd": SmallSsd, "yolo": SmallYolo, "detr": SmallDetr}


def make_detector(config: DetectorConfig) -> SmallSsd | SmallYolo | SmallDetr:
    """A detector with random weights."""
    return MODELS[config.kind](config)


def save_detector(folder: Path, model: nn.Module) -> None:
    """Writes a detector.

    Raises InputError when it cannot be written; weights that are there stay whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored: nn.Module = model.model if isinstance(model, SmallDetr) else model
    weights = {name: tensor.contiguous() for name, tensor in stored.state_dict().items()}
    with whole_file(folder / WEIGHTS, size_of(weights)) as partial:
        save_file(weights, partial, {"format": "pt"})  # which transformers asks for
        partial.chmod(0o644)  # safetensors makes files that only their owner can read
    with room_for(folder / CONFIG):
        if isinstance(model, SmallDetr):
            model.model.config.architectures = [type(model.model).__name__]
            model.model.config.to_json_file(folder / CONFIG)
            text = json.dumps(_processor(model.config), indent=1)
            (folder / PROCESSOR).write_text(text + "\n", encoding="utf-8")
        else:
            text = json.dumps(model.config.to_dict(), indent=1)
            (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def load_detector(folder: Path, input_hw: tuple[int, int] | None = None) -> SmallSsd | SmallYolo:
    """A detector of a kind that is ours alone, in eval mode; every tensor is accounted for.

    Args:
        folder: as ``save_detector`` wrote it.
        input_hw: height and width of its input, where they are to be others than in training.

    Raises:
        InputError: it cannot take an input of that size.
        CheckpointError: a file is missing or damaged, or a name or shape does not fit.
    """
    config = read_config(folder / CONFIG)
    if input_hw is not None:
        check_size(input_hw)
        config = replace(config, input_hw=input_hw)
    model = make_detector(config)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot read {folder / WEIGHTS}: {error}") from error
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise CheckpointError(f"the weights {folder / WEIGHTS} do not fit: {said:.200}") from error
    assert not isinstance(model, SmallDetr)
    return model.eval()


def _processor(config: DetectorConfig) -> dict[str, object]:
    """How transformers' own processor makes the same pixels, but for its resize."""
    height, width = config.input_hw
    return {
        "image_processor_type": "RTDetrImageProcessor",
        "do_resize": True,
        "size": {"height": height, "width": width},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [value / 255 for value in config.mean],
        "image_std": [value / 255 for value in config.std],
    }
