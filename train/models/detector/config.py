"""What a small detector is: its kind, its classes, its input. The rest follows from its kind."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdk.errors import CheckpointError, InputError
from sdk.json_reader import JsonReader

# ImageNet statistics in RGB order and 0..255 units.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
KINDS = ("ssd", "yolo", "detr")
MODEL_TYPES = {"ssd": "piza-ssd", "yolo": "piza-yolo", "detr": "rt_detr"}  # of config.json
STRIDE = 32  # of the coarsest level, which an input must be a multiple of
_MOST_CLASSES, _LARGEST = 10_000, 4096


@dataclass(frozen=True)
class DetectorConfig:
    """One detector.

    Attributes:
        kind: one of ``KINDS``.
        labels: the names of its classes.
        input_hw: network input in pixels, every window is letterboxed into it.
        width: channels of its pyramid; those of all layers follow.
        mean: of each channel, in RGB order and units of 0..255; ``std`` alike.
    """

    kind: str
    labels: tuple[str, ...]
    input_hw: tuple[int, int]
    width: int = 64
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD

    @property
    def model_type(self) -> str:
        """What its folder calls it."""
        return MODEL_TYPES[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """What ``read_config`` reads, in JSON's types; of kinds that are ours alone."""
        return {
            "model_type": self.model_type,
            "labels": list(self.labels),
            "input_hw": list(self.input_hw),
            "width": self.width,
            "mean": list(self.mean),
            "std": list(self.std),
        }


def check_size(input_hw: tuple[int, int]) -> None:
    """Raises InputError where cells of the coarsest level do not fill an input evenly."""
    if any(side % STRIDE for side in input_hw):
        raise InputError(
            f"expected a network input of multiples of {STRIDE} px, got {input_hw[0]}x{input_hw[1]}"
        )


def is_ours(path: Path) -> bool:
    """Whether a ``config.json`` is of a kind that no other library knows."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and str(said.get("model_type", "")).startswith("piza-")


def read_config(path: Path) -> DetectorConfig:
    """The configuration in a file, as ``DetectorConfig.to_dict`` made it.

    Raises:
        CheckpointError: it cannot be read, a value is missing or makes no sense.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read the detector's configuration {path}: {error}") from None
    reader = JsonReader(said, str(path), CheckpointError)
    ours = {model_type: kind for kind, model_type in MODEL_TYPES.items() if kind != "detr"}
    height, width = (int(side) for side in reader.numbers("input_hw", 2, STRIDE, _LARGEST))
    if height % STRIDE or width % STRIDE:
        raise reader.fault("input_hw", f"multiples of {STRIDE}", [height, width])
    labels = reader.texts("labels", _MOST_CLASSES)
    if not labels:
        raise reader.fault("labels", "at least one", [])
    mean, std = reader.numbers("mean", 3, -1e3, 1e3), reader.numbers("std", 3, 1e-3, 1e3)
    return DetectorConfig(
        kind=ours[reader.text("model_type", choices=tuple(ours))],
        labels=labels,
        input_hw=(height, width),
        width=int(reader.number("width", low=8, high=1024, whole=True)),
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
    )
