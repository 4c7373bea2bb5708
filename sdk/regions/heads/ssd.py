"""SSD (Liu et al. 2016): every box is an anchor that is moved and stretched.

Anchors follow from the input's size alone. Two sets are published, of 300 px: that of TensorFlow's
models (``ssd_anchor_generator``, also of MediaPipe's), and that of the paper's SSD300. The third
is ours, for inputs of any size, over a pyramid of features.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes
from sdk.regions.heads.head import Array, Found, Scoring, Wanted, grid, separated

Anchors = NDArray[np.float64]  # (N, 4) cxcywh in units of the input
PUBLISHED_HW = (300, 300)
PYRAMID = "pyramid"
STRIDES = (8, 16, 32)
SHAPES = tuple((2.0 * 2 ** (k / 2), ratio) for k in range(2) for ratio in (1.0, 2.0, 0.5))
_LONGEST = 50.0  # logarithm of a side: beyond it nothing is a box, and exp overflows


def tensorflow_anchors() -> Anchors:
    """1,917 of a 300 px input: six levels, scales 0.2 to 0.95, smaller ones in the first.

    TensorFlow's ``ssd_anchor_generator`` with ``reduce_boxes_in_lowest_layer``.
    """
    scales = [0.2 + (0.95 - 0.2) * level / 5 for level in range(6)] + [1.0]
    levels = []
    for level, cells in enumerate((19, 10, 5, 3, 2, 1)):
        ratios = [(scales[level], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 1 / 3)]
        shapes = [*ratios, (float(np.sqrt(scales[level] * scales[level + 1])), 1.0)]
        if level == 0:
            shapes = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)]
        sides = [(scale * ratio**0.5, scale / ratio**0.5) for scale, ratio in shapes]
        levels.append(_level(cells, float(cells), sides))
    return np.concatenate(levels)


def ssd300_anchors() -> Anchors:
    """8,732 of a 300 px input, as the paper has them and the Caffe and PyTorch versions."""
    pixels = (21, 45, 99, 153, 207, 261, 315)
    levels = []
    for level, (cells, stride, ratios) in enumerate(
        zip(
            (38, 19, 10, 5, 3, 1),
            (8, 16, 32, 64, 100, 300),
            ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
            strict=True,
        )
    ):
        scale, next_scale = pixels[level] / 300, pixels[level + 1] / 300
        between = (scale * next_scale) ** 0.5
        sides = [(scale, scale), (between, between)]
        for ratio in ratios:
            long, short = scale * ratio**0.5, scale / ratio**0.5
            sides += [(long, short), (short, long)]
        levels.append(_level(cells, 300 / stride, sides))
    return np.clip(np.concatenate(levels), 0.0, 1.0)


def pyramid_anchors(input_hw: tuple[int, int]) -> Anchors:
    """Six a cell of strides 8, 16 and 32: ``SHAPES``, in cells.

    Args:
        input_hw: height and width of the input.
    """
    places, strides = grid(input_hw, STRIDES)
    size = np.array(input_hw[::-1], np.float64)
    centres = (places + 0.5) * strides[:, None] / size
    shapes = np.array([(side * ratio**0.5, side / ratio**0.5) for side, ratio in SHAPES])
    sides = strides[:, None, None] * shapes / size
    return np.concatenate([np.repeat(centres, len(shapes), axis=0), sides.reshape(-1, 2)], axis=1)


def _level(cells: int, across: float, sides: list[tuple[float, float]]) -> Anchors:
    """The anchors of every cell, row by row; ``across``: how many cells are an input wide."""
    y, x = np.mgrid[:cells, :cells]
    centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) / across
    shapes = np.tile(np.array(sides), (len(centres), 1))
    return np.concatenate([np.repeat(centres, len(sides), axis=0), shapes], axis=1)


@dataclass(frozen=True)
class AnchorSet:
    """How anchors are made for an input's height and width, and the order and variances of the
    offsets (of centres and of sides) that networks give."""

    make: Callable[[tuple[int, int]], Anchors]
    order: tuple[int, int, int, int]  # where cx, cy, w and h stand
    variances: tuple[float, float] = (0.1, 0.2)


ANCHORS = {
    "tensorflow": AnchorSet(lambda _: tensorflow_anchors(), (1, 0, 3, 2)),
    "ssd300": AnchorSet(lambda _: ssd300_anchors(), (0, 1, 2, 3)),
    PYRAMID: AnchorSet(pyramid_anchors, (0, 1, 2, 3)),
}


@dataclass(frozen=True)
class Ssd:
    """A head with offsets from anchors; a ``Head``.

    Attributes:
        scores: the output ``(1, N, C + 1)``, or ``(1, C + 1, N)`` where ``columns``.
        offsets: the output ``(1, N, 4)``, or ``(1, 4, N)`` where ``columns``.
        classes: C.
        scoring: how scores are meant; no object is the first class.
        anchors: a key of ``ANCHORS``.
        columns: boxes stand side by side.
        input_hw: height and width of the input; the published sets have but one.
    """

    scores: str
    offsets: str
    classes: int
    scoring: Scoring
    anchors: str
    columns: bool = False
    input_hw: tuple[int, int] = PUBLISHED_HW
    kind: ClassVar[str] = "ssd"

    @property
    def outputs(self) -> tuple[str, ...]:
        """See ``Head``."""
        return self.scores, self.offsets

    def decode(self, outputs: Mapping[str, Array], wanted: Wanted) -> Found:
        """See ``Head``."""
        raw, offsets = (np.asarray(outputs[name])[0] for name in self.outputs)
        if self.columns:
            raw, offsets = raw.T, offsets.T
        rows, labels, scores = self.scoring.pick(raw, wanted)
        unit = self._boxes(offsets[rows].astype(np.float64), rows)
        return separated(unit, labels, scores, wanted, repeats=True)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Head``."""
        mapping = {
            "kind": self.kind,
            "scores": self.scores,
            "offsets": self.offsets,
            "classes": self.classes,
            "activation": self.scoring.activation,
            "nothing": self.scoring.nothing,
            "anchors": self.anchors,
            "columns": self.columns,
        }
        return mapping | ({"input_hw": list(self.input_hw)} if self.anchors == PYRAMID else {})

    @cached_property
    def _table(self) -> Anchors:
        return ANCHORS[self.anchors].make(self.input_hw)

    def _boxes(self, offsets: Array, rows: NDArray[np.int64]) -> Boxes:
        known = ANCHORS[self.anchors]
        return moved(self._table[rows], offsets[:, known.order], known.variances)


def moved(anchors: Anchors, offsets: Array, variances: tuple[float, float]) -> Boxes:
    """Anchors moved and stretched by offsets.

    Args:
        anchors: ``(N, 4)`` cxcywh.
        offsets: ``(N, 4)``, of centres in sides, and logarithms of how much longer sides become.
        variances: what the offsets of centres and of sides are in units of.

    Returns:
        ``(N, 4)`` xyxy.
    """
    of_centre, of_side = variances
    centres = anchors[:, :2] + offsets[:, :2] * of_centre * anchors[:, 2:]
    half = anchors[:, 2:] * np.exp(np.minimum(offsets[:, 2:] * of_side, _LONGEST)) / 2
    return np.concatenate([centres - half, centres + half], axis=1)
