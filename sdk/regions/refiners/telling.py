"""Refiners that look once and tell the box: a projection head, a diffusion that is unrolled.

A projection has one box for every sentence and no score, so that it never says that an object is
not there. A diffusion denoises several boxes, each from a noise of its own. The answer is their
mean, and how far they agree with it, by their mean IoU, is its score: our own choice, as those of a
published diffusion are one sample each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdk.geometry import Boxes, clip, grow, iou
from sdk.json_reader import JsonReader
from sdk.regions.refiners.refiner import IMAGE_FEATURES, TEXT_FEATURES, Asked, Refined, step_of
from sdk.regions.views import View, read_view
from sdk.runtime.runtime import Signature

PROJECTION, DIFFUSION = TELLING = ("projection", "diffusion")
PIXELS, SHARES = UNITS = ("pixels", "shares")
BOXES = "boxes"
_LEAST = 1.0  # side in pixels: a thinner box is no object


@dataclass(frozen=True)
class Teller:
    """A network says boxes: ``image_features, text_features (1, D) -> boxes (K, 4)`` xyxy.

    Attributes:
        method: "projection" or "diffusion".
        network: its name.
        unit: boxes are "pixels" of the window that is looked at, or "shares" of its sides.
        view: how the window is shown to the image network.
    """

    method: str
    network: str
    unit: str = SHARES
    view: View = field(default_factory=lambda: View("padded"))

    begins_anywhere = False  # one that was trained on frames has seen no windows

    @property
    def signature(self) -> Signature:
        """See ``Refiner``."""
        return Signature({IMAGE_FEATURES: None, TEXT_FEATURES: None}, (BOXES,))

    def refine(self, asked: Asked, start_xyxy: Boxes) -> Refined:
        """See ``Refiner``: one look at the window."""
        seen = asked.sight.seen(self.view, start_xyxy[None], first=asked.needed)
        if not len(seen):
            return Refined((), complete=False)
        feeds = {IMAGE_FEATURES: seen, TEXT_FEATURES: asked.said}
        [found] = asked.runtime.fetch(self.network, [feeds])
        boxes = self._of_frame(found[BOXES].astype(np.float64), start_xyxy)
        if not len(boxes):
            return Refined(())
        if len(boxes) > 1:
            boxes = with_mean(boxes)
        likeness = iou(boxes[0], boxes)
        likeness[0] = likeness[1:].mean() if len(boxes) > 1 else 1.0
        return Refined((step_of(start_xyxy, boxes[0], float(likeness[0]), boxes, likeness),))

    def _of_frame(self, boxes: Boxes, window: Boxes) -> Boxes:
        """Boxes ``(n, 4)`` in frame pixels, inside the window; those that are finite."""
        low, sides = np.tile(window[:2], 2), np.tile(window[2:] - window[:2], 2)
        boxes = boxes[np.isfinite(boxes).all(axis=1)]
        boxes = np.concatenate(  # nothing keeps a network from exchanging corners
            [np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1
        )
        placed = low + (boxes if self.unit == PIXELS else boxes * sides)
        inside = clip(placed, window)
        return np.array([grow(box, _LEAST, window) for box in inside]).reshape(-1, 4)

    def describe(self) -> str:
        """See ``Refiner``."""
        if self.method == DIFFUSION:
            return "denoises boxes by what CLIP sees; a score is how far they agree"
        return f"a projection of CLIP's features to {self.unit}; every sentence has a box, no score"

    def to_mapping(self) -> dict[str, Any]:
        """See ``Refiner``."""
        return {
            "method": self.method,
            "network": self.network,
            "unit": self.unit,
            "view": self.view.to_mapping(),
        }


def with_mean(boxes: Boxes) -> Boxes:
    """``(n, 4)`` boxes, the one nearest to their mean first, behind the mean itself."""
    mean = boxes.mean(axis=0)
    order = np.argsort(-iou(mean, boxes), kind="stable")
    return np.concatenate([mean[None], boxes[order]])


def read_teller(reader: JsonReader, method: str, networks: tuple[str, ...]) -> Teller:
    """What ``Teller.to_mapping`` gave; raises EngineError where it makes no sense."""
    return Teller(
        method,
        reader.text("network", choices=networks),
        reader.text("unit", choices=UNITS),
        read_view(reader.part("view")),
    )
