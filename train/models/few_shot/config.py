"""What a few-shot detector is: its classes, its input, its backbone, how its stages learn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sdk.errors import CheckpointError, EngineError
from sdk.json_reader import JsonReader
from sdk.regions.region_proposals import AnchorGrid, read_anchors
from sdk.zoom.calibration import Calibration
from train.models.detector.config import MEAN, STD, check_size

MODEL_TYPE, FAMILY = "piza-few-shot", "few-shot"
UNCALIBRATED: Mapping[str, Any] = {"threshold": 0.25}
_MOST_CLASSES, _LARGEST, _MOST_PROPOSALS = 10_000, 4096, 1000
# Of transformers' ResNetConfig, as far as it says what the network is.
_OF_BACKBONE = (
    *("embedding_size", "hidden_sizes", "depths", "layer_type", "hidden_act"),
    *("downsample_in_first_stage", "downsample_in_bottleneck"),
)
SMALL_BACKBONE = {  # ours, of what learns from scratch on a processor core
    "embedding_size": 16,
    "hidden_sizes": [32, 64, 96, 128],
    "depths": [1, 1, 2, 1],
    "layer_type": "basic",
    "hidden_act": "relu",
    "downsample_in_first_stage": False,
    "downsample_in_bottleneck": False,
}
SMALL_ANCHORS = (12.0, 24.0, 48.0, 96.0)  # px


@dataclass(frozen=True)
class Decoupling:
    """How much of the gradient of each stage reaches the backbone (DeFRCN, Qiao et al. 2021).

    Attributes:
        propose: of the first stage.
        judge: of the second one.
    """

    propose: float = 0.0
    judge: float = 0.75


BASE_DECOUPLING = Decoupling()
# Of fine-tuning with a few shots. Published are 0.01 for COCO and 0.001 for VOC, with SGD, whose
# steps are as long as the gradient. AdamW's are not: any share but none moves the backbone all the
# way, and K shots ruin it (docs/few-shot.md has the figures).
SHOT_DECOUPLING = Decoupling(judge=0.0)


@dataclass(frozen=True)
class FewShotConfig:
    """One detector.

    Attributes:
        labels: the names of its classes.
        taught: those of them that it was taught by a few shots.
        input_hw: network input in pixels; every window is letterboxed into it.
        backbone: what transformers' ``ResNetConfig`` is told.
        cut: stages of the backbone that see the whole input; the others judge proposals. Three
            is what is called C4, with cells of 16 px.
        anchors: root of the area of each, in pixels.
        channels: of the first stage's convolution.
        proposals: of an input.
        pooled: cells along a side of what the second stage sees of a proposal.
        decoupling: how the stages learn.
        mean: of each channel, in RGB order and units of 0..255; ``std`` alike.
        name: of the model.
        clip: where the CLIP beside it came from, with the hash of its files
            (``PublicFolder.provenance``); None where there is none.
        calibration: what scores mean.
    """

    labels: tuple[str, ...]
    input_hw: tuple[int, int]
    taught: tuple[str, ...] = ()
    backbone: Mapping[str, Any] = field(default_factory=lambda: dict(SMALL_BACKBONE))
    cut: int = 3
    anchors: tuple[float, ...] = SMALL_ANCHORS
    channels: int = 96
    proposals: int = 100
    pooled: int = 8
    decoupling: Decoupling = BASE_DECOUPLING
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    name: str = FAMILY
    clip: Mapping[str, str] | None = None
    calibration: Mapping[str, Any] = field(default_factory=lambda: dict(UNCALIBRATED))

    @property
    def stride(self) -> int:
        """Of a cell of the features, in pixels."""
        return 2 ** (self.cut + 1 + bool(self.backbone["downsample_in_first_stage"]))

    @property
    def grid(self) -> AnchorGrid:
        """The anchors."""
        return AnchorGrid(self.input_hw, self.stride, self.anchors)

    def teaching(self, novel: tuple[str, ...], decoupling: Decoupling) -> FewShotConfig:
        """The same detector with more classes, to be taught by a few shots.

        Args:
            novel: their names, which come behind the others'.
            decoupling: how the stages learn from now on.
        """
        labels = (*self.labels, *novel)
        return replace(self, labels=labels, taught=(*self.taught, *novel), decoupling=decoupling)

    def to_dict(self) -> dict[str, Any]:
        """What ``read_config`` reads, in JSON's types."""
        return {
            "model_type": MODEL_TYPE,
            "family": FAMILY,
            "name": self.name,
            "labels": list(self.labels),
            "taught": list(self.taught),
            "input_hw": list(self.input_hw),
            "backbone": dict(self.backbone),
            "cut": self.cut,
            "anchors": self.grid.to_mapping(),
            "channels": self.channels,
            "proposals": self.proposals,
            "pooled": self.pooled,
            "decoupling": {"propose": self.decoupling.propose, "judge": self.decoupling.judge},
            "mean": list(self.mean),
            "std": list(self.std),
            "clip": None if self.clip is None else dict(self.clip),
            "calibration": dict(self.calibration),
        }


def of_backbone(config: Any) -> dict[str, Any]:
    """What ``FewShotConfig.backbone`` keeps of a ``ResNetConfig`` of transformers."""
    said = config.to_dict()
    return {name: said[name] for name in _OF_BACKBONE}


def read_config(path: Path) -> FewShotConfig:
    """The configuration in a file, as ``FewShotConfig.to_dict`` made it.

    Raises:
        CheckpointError: it cannot be read, a value is missing or makes no sense.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read the detector's configuration {path}: {error}") from None
    reader = JsonReader(said, str(path), CheckpointError)
    reader.text("model_type", choices=(MODEL_TYPE,))
    height, width = (int(side) for side in reader.numbers("input_hw", 2, 32, _LARGEST))
    labels, taught = (reader.texts(key, _MOST_CLASSES) for key in ("labels", "taught"))
    if not labels or not set(taught) <= set(labels):
        raise reader.fault("labels", "the detector's classes, those taught among them", labels)
    mean, std = reader.numbers("mean", 3, -1e3, 1e3), reader.numbers("std", 3, 1e-3, 1e3)
    backbone = reader.part("backbone")
    stages = reader.raw("backbone.hidden_sizes")
    count = len(stages) if isinstance(stages, list) else 0
    config = FewShotConfig(
        labels=labels,
        taught=taught,
        input_hw=(height, width),
        backbone={name: backbone.raw(name) for name in _OF_BACKBONE},
        cut=int(reader.number("cut", low=1, high=max(1, count - 1), whole=True)),
        anchors=read_anchors(reader.part("anchors"), (height, width)).sides,
        channels=int(reader.number("channels", low=1, high=_LARGEST, whole=True)),
        proposals=int(reader.number("proposals", low=1, high=_MOST_PROPOSALS, whole=True)),
        pooled=int(reader.number("pooled", low=1, high=32, whole=True)),
        decoupling=Decoupling(
            reader.number("decoupling.propose", low=0.0, high=1.0),
            reader.number("decoupling.judge", low=0.0, high=1.0),
        ),
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        name=reader.text("name"),
        clip=None if reader.raw("clip") is None else reader.mapping("clip"),
        calibration=reader.mapping("calibration"),
    )
    try:
        Calibration.from_mapping(config.calibration)
    except EngineError as error:
        raise CheckpointError(f"{path}: {error}") from None
    check_size(config.input_hw)
    return config
