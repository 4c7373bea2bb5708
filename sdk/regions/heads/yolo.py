"""YOLO: one tensor that says everything of every box, in pixels of the network's input.

Three layouts are about: a column a box (v8, v11), a row a box (v5, v7, YOLOX), and a row for each
box that the network has chosen itself (v10, v26, and exports with their own suppression).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from sdk.regions.heads.head import (
    Array,
    Found,
    Scoring,
    Wanted,
    from_centres,
    grid,
    separated,
)

LAYOUTS = ("columns", "rows", "chosen")
STRIDES = (8, 16, 32)
_CHOSEN = 6  # x1, y1, x2, y2, score, class


@dataclass(frozen=True)
class Yolo:
    """A head with boxes ``cxcywh``, or ``xyxy`` where they are chosen; a ``Head``.

    Attributes:
        output: ``(1, 4 + C, N)`` in columns, ``(1, N, 4 + C)`` in rows, ``(1, N, 6)`` chosen.
        layout: one of ``LAYOUTS``.
        classes: C.
        input_hw: height and width of the input that boxes are measured in.
        objectness: a column before the classes says that there is an object; scores are products.
        relative: centres are in cells from their own, sides are logarithms of them: YOLOX, where
            its decoding is not part of the network.
    """

    output: str
    layout: str
    classes: int
    input_hw: tuple[int, int]
    objectness: bool = False
    relative: bool = False
    kind: ClassVar[str] = "yolo"

    @property
    def outputs(self) -> tuple[str, ...]:
        """See ``Head``."""
        return (self.output,)

    def decode(self, outputs: Mapping[str, Array], wanted: Wanted) -> Found:
        """See ``Head``."""
        table = np.asarray(outputs[self.output])[0]
        if self.layout == "chosen":
            return self._chosen(table, wanted)
        if self.layout == "columns":
            table = table.T
        first = 5 if self.objectness else 4
        certainty = table[:, 4] if self.objectness else None
        rows, labels, scores = Scoring().pick(table[:, first:], wanted, certainty)
        pixels = table[rows, :4].astype(np.float64)
        if self.relative:
            places, strides = (each[rows] for each in grid(self.input_hw, STRIDES))
            with np.errstate(over="ignore"):  # a side without bounds is no box, and goes below
                sides = np.exp(pixels[:, 2:])
            pixels = np.concatenate([pixels[:, :2] + places, sides], axis=1) * strides[:, None]
        return separated(from_centres(pixels) / self._size, labels, scores, wanted, repeats=True)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Head``."""
        return {"kind": self.kind} | asdict(self) | {"input_hw": list(self.input_hw)}

    @property
    def _size(self) -> Array:
        height, width = self.input_hw
        return np.array([width, height, width, height], np.float64)

    def _chosen(self, table: Array, wanted: Wanted) -> Found:
        scores = table[:, 4].astype(np.float64)
        (rows,) = np.nonzero(scores >= wanted.least)
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        labels = np.clip(np.nan_to_num(table[rows, 5]), 0, self.classes - 1).astype(np.int64)
        unit = table[rows, :4].astype(np.float64) / self._size
        return separated(unit, labels, np.minimum(scores[rows], 1.0), wanted, repeats=False)
