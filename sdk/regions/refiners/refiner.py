"""What a refiner is: it begins at a place of the frame, and ends at a box that a sentence means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes
from sdk.regions.clip import Sight
from sdk.results.grounding import Zoom
from sdk.runtime.runtime import Runtime, Signature
from sdk.timing import Deadline

IMAGE_FEATURES, TEXT_FEATURES = "image_features", "text_features"  # of every refiner's network

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Asked:
    """One sentence about one frame, and what sees it.

    Attributes:
        sight: the image and text networks on the frame.
        runtime: that has the refiner's own.
        said: ``(1, D)`` of length 1, the sentence's vector.
        frame_wh: the frame's width and height in pixels.
        deadline: when the answer is wanted.
        needed: without a look there is no answer at all; else there is a box already.
    """

    sight: Sight
    runtime: Runtime
    said: Float32
    frame_wh: tuple[int, int]
    deadline: Deadline
    needed: bool = True

    @property
    def whole(self) -> Boxes:
        """The frame as a box."""
        return np.array([0.0, 0.0, *self.frame_wh])


@dataclass(frozen=True, eq=False)
class Refined:
    """What came of it.

    Attributes:
        steps: from the first look on; the box of the last one is the answer. None without a box.
        complete: time was not short.
    """

    steps: tuple[Zoom, ...]
    complete: bool = True


class Refiner(Protocol):
    """From a place to a box; a frozen value, which the manifest holds."""

    @property
    def method(self) -> str: ...

    @property
    def network(self) -> str:
        """The name of its own network."""

    @property
    def signature(self) -> Signature:
        """What that has to be."""

    @property
    def begins_anywhere(self) -> bool:
        """Whether a place other than the whole frame is a good one to begin at."""

    def refine(self, asked: Asked, start_xyxy: Boxes) -> Refined:
        """Looks, and says where it is.

        Args:
            asked: the sentence and the frame.
            start_xyxy: ``(4,)`` frame pixels, inside the frame, where to begin.
        """

    def describe(self) -> str:
        """For ``piza inspect``."""

    def to_mapping(self) -> dict[str, Any]:
        """What ``sdk.regions.refiners.read_refiner`` reads."""


def step_of(
    window_xyxy: Boxes, xyxy: Boxes, score: float, boxes: Boxes | None = None, scores: Any = None
) -> Zoom:
    """A step that looked at a window and chose a box, one of several or the only one."""
    return Zoom(
        window_xyxy=window_xyxy.astype(np.float32),
        xyxy=xyxy.astype(np.float32),
        raw_score=score,
        candidates_xyxy=(xyxy[None] if boxes is None else boxes).astype(np.float32),
        candidates_scores=np.asarray([score] if scores is None else scores, np.float32),
    )
