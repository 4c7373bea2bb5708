"""What a checkpoint of the family ``clip-box`` must know to be built again, but for its CLIP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sdk.errors import CheckpointError, EngineError
from sdk.regions.views import KINDS
from sdk.zoom.calibration import Calibration
from train.models.grounding_dino.config import UNCALIBRATED
from train.storage import whole_file

FAMILY = "clip-box"
PROJECTION, PROJECTION_IOU, DQN, DIFFUSION = METHODS = (
    "projection", "projection-iou", "dqn", "diffusion",
)  # fmt: skip
HIDDEN = {  # widths of the layers between: as published for the projection, the others our own
    PROJECTION: (512, 256, 128),
    PROJECTION_IOU: (512, 256, 128),
    DQN: (512, 256),
    DIFFUSION: (512, 512, 256),
}


@dataclass(frozen=True, kw_only=True)
class BoxConfig:
    """How boxes are made of features.

    method: one of ``METHODS``. features: of CLIP, an image's and a text's. clip: where its CLIP
    came from, with the hash of its files (``PublicFolder.provenance``). view: how CLIP is shown the
    frame, of ``sdk.regions.views.KINDS``. hidden: widths of the layers between.
    most_steps, step: of ``dqn``, see ``sdk.regions.refiners.acting``.
    times, betas: of ``diffusion``, its steps in training and the noise of the first and the last,
    as published. unrolled: steps of the engine; starts: boxes that are denoised at once, whose
    noise has ``seed``. centre, spread: cxcywh as shares of the frame, mean and deviation of the
    boxes trained on, which become 0 and 1.
    """

    name: str
    method: str
    features: int
    clip: Mapping[str, str]
    view: str = "padded"
    hidden: tuple[int, ...] = ()
    most_steps: int = 10
    step: float = 0.3
    times: int = 100
    betas: tuple[float, float] = (1e-4, 0.02)
    unrolled: int = 10
    starts: int = 16
    seed: int = 0
    centre: tuple[float, ...] = (0.5, 0.5, 0.5, 0.5)
    spread: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    calibration: Mapping[str, Any] = field(default_factory=lambda: dict(UNCALIBRATED))

    def __post_init__(self) -> None:
        if self.method not in METHODS or self.view not in KINDS or "sha256" not in self.clip:
            raise CheckpointError(
                f"expected a method out of {', '.join(METHODS)}, a view out of {', '.join(KINDS)}"
                f" and CLIP's sha256, got {self.method!r}, {self.view!r}, {dict(self.clip)!r}"
            )
        if not 1 <= self.unrolled <= self.times or self.starts < 1:
            raise CheckpointError(
                f"expected 1 to {self.times} steps of the engine and a start, got {self.unrolled}"
                f" and {self.starts}"
            )
        try:
            Calibration.from_mapping(self.calibration)
        except EngineError as error:
            raise CheckpointError(str(error)) from error

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the layers between: ``hidden``, or what is usual for the method."""
        return self.hidden or HIDDEN[self.method]

    def save(self, path: Path) -> None:
        """Writes JSON, in one step."""
        record = {"family": FAMILY, **asdict(self)}
        with whole_file(path) as partial:
            partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> BoxConfig:
        """Reads what ``save`` wrote; raises CheckpointError when it cannot be read as such."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if (said := record.pop("family")) != FAMILY:
                raise ValueError(f"it is of the family {said!r}")
            for key in ("hidden", "betas", "centre", "spread"):
                record[key] = tuple(record[key])
            return cls(**record)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                f"{path} is not the configuration of a {FAMILY} model: {error!r}"
            ) from error
