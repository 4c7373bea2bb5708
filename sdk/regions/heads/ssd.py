"""SSD (Liu et al. 2016): every box is an anchor that is moved and stretched.

Anchors follow from the input's size alone. Two sets are published: that of TensorFlow's models
(``ssd_anchor_generator``, also of MediaPipe's), and that of the paper's SSD300.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes
from sdk.regions.heads.head import Array, Found, Scoring, Wanted, separated

Anchors = NDArray[np.float64]  # (N, 4) cxcywh in units of the input
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


def _level(cells: int, across: float, sides: list[tuple[float, float]]) -> Anchors:
    """The anchors of every cell, row by row; ``across``: how many cells are an input wide."""
    y, x = np.mgrid[:cells, :cells]
    centres = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) / across
    shapes = np.tile(np.array(sides), (len(centres), 1))
    return np.concatenate([np.repeat(centres, len(sides), axis=0), shapes], axis=1)


@dataclass(frozen=True)
class AnchorSet:
    """A published set: how many there are, how they are made, and the order and variances of the
    offsets (of centres and of sides) that its networks give."""

    count: int
    make: Callable[[], Anchors]
    order: tuple[int, int, int, int]  # where cx, cy, w and h stand
    variances: tuple[float, float] = (0.1, 0.2)


ANCHORS = {
    "tensorflow": AnchorSet(1917, tensorflow_anchors, (1, 0, 3, 2)),
    "ssd300": AnchorSet(8732, ssd300_anchors, (0, 1, 2, 3)),
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
    """

    scores: str
    offsets: str
    classes: int
    scoring: Scoring
    anchors: str
    columns: bool = False
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
        return {
            "kind": self.kind,
            "scores": self.scores,
            "offsets": self.offsets,
            "classes": self.classes,
            "activation": self.scoring.activation,
            "nothing": self.scoring.nothing,
            "anchors": self.anchors,
            "columns": self.columns,
        }

    @cached_property
    def _table(self) -> Anchors:
        return ANCHORS[self.anchors].make()

    def _boxes(self, offsets: Array, rows: NDArray[np.int64]) -> Boxes:
        known, anchors = ANCHORS[self.anchors], self._table[rows]
        moved = offsets[:, known.order]
        of_centre, of_side = known.variances
        centres = anchors[:, :2] + moved[:, :2] * of_centre * anchors[:, 2:]
        half = anchors[:, 2:] * np.exp(np.minimum(moved[:, 2:] * of_side, _LONGEST)) / 2
        return np.concatenate([centres - half, centres + half], axis=1)
