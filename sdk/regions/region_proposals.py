"""Two stages of one detector (Faster R-CNN, Ren et al. 2015), as far as the host has a part in it.

The first network says of every anchor whether there is an object, and how the anchor is moved onto
it; the host makes a fixed number of proposals of that. The second one says of each proposal which
class it is, and moves it once more; the host makes the boxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import clip, xyxy_to_cxcywh
from sdk.json_reader import JsonReader
from sdk.regions.heads.head import Array, Found, Scoring, Wanted, grid, separated, softmax
from sdk.regions.heads.ssd import Anchors, moved
from sdk.regions.suppression import MOST_COMPARED, suppress

# Names of what the networks give and take; the proposals are the second one's input as well.
FEATURES, OBJECTNESS, OFFSETS = "features", "objectness", "offsets"
PROPOSALS, CLASSES, MOVES = "proposals", "classes", "moves"
VARIANCES = (0.1, 0.2)  # of offsets and moves, as of SSD's
ALIKE = 0.7  # IoU from which two proposals are one
_LEAST_SIDE = 1e-3  # of a proposal, in units of the input
_UNIT = (0.0, 0.0, 1.0, 1.0)
_SIDES, _RATIOS = 16, 16  # at most


@dataclass(frozen=True)
class AnchorGrid:
    """The anchors of a map of features, in every cell the same, row by row.

    Attributes:
        input_hw: height and width of the input in pixels.
        stride: of a cell, in pixels.
        sides: of the anchors, the root of their area, in pixels.
        ratios: of their widths to their heights.
    """

    input_hw: tuple[int, int]
    stride: int
    sides: tuple[float, ...]
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)

    @property
    def of_a_cell(self) -> int:
        """How many anchors a cell has."""
        return len(self.sides) * len(self.ratios)

    @cached_property
    def boxes(self) -> Anchors:
        """``(K, 4)`` cxcywh in units of the input."""
        places, strides = grid(self.input_hw, (self.stride,))
        size = np.array(self.input_hw[::-1], np.float64)
        centres = (places + 0.5) * strides[:, None] / size
        roots = np.sqrt(np.array(self.ratios))
        shapes = [(side * root, side / root) for side in self.sides for root in roots]
        sides = np.tile(np.array(shapes) / size, (len(centres), 1))
        return np.concatenate([np.repeat(centres, len(shapes), axis=0), sides], axis=1)

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_anchors`` reads; the input's size stands elsewhere."""
        return {"stride": self.stride, "sides": list(self.sides), "ratios": list(self.ratios)}


def read_anchors(reader: JsonReader, input_hw: tuple[int, int]) -> AnchorGrid:
    """The anchors that a block of a manifest or a configuration describes.

    Args:
        reader: that block.
        input_hw: height and width of the input in pixels.

    Raises:
        PizaError: of the reader's kind, where a value is missing or makes no sense.
    """
    stride = int(reader.number("stride", low=1, high=64, whole=True))
    lists = {}
    for key, most, low, high in (("sides", _SIDES, 1.0, 8192.0), ("ratios", _RATIOS, 0.01, 100.0)):
        said = reader.raw(key)
        count = len(said) if isinstance(said, list) else 0
        if not 1 <= count <= most:
            raise reader.fault(key, f"1 to {most} numbers", said)
        lists[key] = reader.numbers(key, count, low, high)
    return AnchorGrid(input_hw, stride, lists["sides"], lists["ratios"])


def propose(
    objectness: NDArray[Any], offsets: NDArray[Any], anchors: AnchorGrid, count: int
) -> NDArray[np.float32]:
    """The best places to look closer at, whatever they show.

    Args:
        objectness: ``(K,)``, of every anchor; any increasing function of a probability.
        offsets: ``(K, 4)``, by which each is moved.
        anchors: K of them.
        count: how many proposals.

    Returns:
        ``(count, 4)`` xyxy in units of the input, best first. Where there are fewer, the rest are
        boxes without a side.
    """
    best = np.argsort(-objectness, kind="stable")[:MOST_COMPARED]
    boxes = moved(anchors.boxes[best], np.asarray(offsets, np.float64)[best], VARIANCES)
    boxes = clip(boxes, _UNIT)
    with np.errstate(invalid="ignore"):  # of what is not a number
        there = (boxes[:, 2:] - boxes[:, :2] >= _LEAST_SIDE).all(axis=1)
    best, boxes = best[there], boxes[there]
    kept = suppress(boxes, objectness[best], np.zeros(len(best)), count, ALIKE)
    found = np.zeros((count, 4), np.float32)
    found[: len(kept)] = boxes[kept]
    return found


@dataclass(frozen=True)
class RegionHead:
    """What the second network says of proposals; a ``sdk.regions.heads.Head``.

    Every class is asked by itself, so that a box which may be either is two boxes.

    Attributes:
        classes: C.
    """

    classes: int
    kind: ClassVar[str] = "regions"
    outputs: ClassVar[tuple[str, ...]] = (PROPOSALS, CLASSES, MOVES)

    def decode(self, outputs: Mapping[str, Array], wanted: Wanted) -> Found:
        """See ``Head``.

        Args:
            outputs: proposals ``(1, R, 4)`` xyxy in units of the input, logits of classes
                ``(1, R, C + 1)``, background last, and moves ``(1, R, 4)``.
            wanted: how many boxes.
        """
        proposals, logits, moves = (
            np.asarray(outputs[name], np.float64)[0] for name in self.outputs
        )
        there = (proposals[:, 2:] > proposals[:, :2]).all(axis=1)
        proposals, logits, moves = proposals[there], logits[there], moves[there]
        rows, labels, scores = Scoring(nothing="last").pick(softmax(logits), wanted)
        boxes = clip(moved(xyxy_to_cxcywh(proposals), moves, VARIANCES), _UNIT)
        return separated(boxes[rows], labels, scores, wanted, repeats=True)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Head``."""
        return {"kind": self.kind, "classes": self.classes}
