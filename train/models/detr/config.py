"""What a checkpoint of a one-look model must know to be built again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from torch import Tensor

from sdk.errors import CheckpointError, EngineError
from sdk.zoom.calibration import Calibration
from train.models.backbones.efficientnet import B3, B3_STEM, EfficientNet
from train.models.backbones.levels import Levels
from train.models.backbones.resnet import ResNet
from train.models.grounding_dino.config import MEAN, STD, UNCALIBRATED
from train.storage import whole_file

FAMILY = "one-stage"
RESNET50 = {"kind": "resnet", "stem": 64, "planes": [64, 128, 256, 512], "blocks": [3, 4, 6, 3]}
RESNET101 = {**RESNET50, "blocks": [3, 4, 23, 3]}
EFFICIENTNET_B3 = {"kind": "efficientnet", "stem": B3_STEM, "stages": [list(s) for s in B3]}
BACKBONES: Mapping[str, Callable[..., Any]] = {
    "resnet": ResNet,
    "efficientnet": EfficientNet,
    "levels": Levels,
}


class Backbone(Protocol):
    """Pixels (B, 3, H, W) -> a map of ``channels``, ``stride`` pixels a cell."""

    channels: int
    stride: int

    def __call__(self, pixels: Tensor) -> Tensor: ...


def make_backbone(said: Mapping[str, Any]) -> Any:
    """The ``Backbone`` module of a configuration; raises CheckpointError when there is none."""
    values = {key: value for key, value in said.items() if key != "kind"}
    try:
        return BACKBONES[said["kind"]](**values)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise CheckpointError(f"there is no image backbone of {dict(said)}: {error!r}") from error


@dataclass(frozen=True, kw_only=True)
class OneLookConfig:
    """What MDETR and TransVG have in common.

    input_hw: network input in pixels; a frame is letterboxed into it. max_tokens: of a sentence,
    with the two around it; shorter ones are padded. backbone: its ``kind`` and what that takes.
    text: see ``train.models.detr.text``. width, heads, inner, layers: of the encoder that sees
    image and sentence. calibration: as in ``PizaConfig``.
    """

    METHOD: ClassVar[str]

    name: str
    input_hw: tuple[int, int]
    max_tokens: int
    backbone: Mapping[str, Any]
    text: Mapping[str, Any]
    width: int = 256
    heads: int = 8
    inner: int = 2048
    layers: int = 6
    dropout: float = 0.1
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    calibration: Mapping[str, Any] = field(default_factory=lambda: dict(UNCALIBRATED))

    def __post_init__(self) -> None:
        try:
            Calibration.from_mapping(self.calibration)
        except EngineError as error:
            raise CheckpointError(str(error)) from error

    def save(self, path: Path) -> None:
        """Writes JSON, in one step."""
        record = {"family": FAMILY, "method": self.METHOD, **asdict(self)}
        with whole_file(path) as partial:
            partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what ``save`` wrote; raises CheckpointError when it cannot be read as such."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            said = record.pop("family"), record.pop("method")
            if said != (FAMILY, cls.METHOD):
                raise ValueError(f"it is of {said}, not of {(FAMILY, cls.METHOD)}")
            for key in ("input_hw", "mean", "std"):
                record[key] = tuple(record[key])
            return cls(**record)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{path} is not the configuration of a {cls.METHOD} model: {error!r}"
            ) from error
