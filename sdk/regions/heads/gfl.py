"""NanoDet: generalised focal loss (Li et al. 2020), without anchors.

Each cell says how far the sides of its box are, every distance as a distribution over 0 to R
strides: softmax, expectation, times the stride, from the cell's point outwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sdk.regions.heads.head import Array, Found, Scoring, Wanted, grid, separated, softmax

_OUTWARDS = np.array([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Level:
    """One level of a network with outputs by level.

    Attributes:
        stride: of its cells, in pixels of the input.
        scores: the output ``(1, n, C)``.
        distances: the output ``(1, n, 4 * (R + 1))``.
    """

    stride: int
    scores: str
    distances: str


@dataclass(frozen=True)
class Gfl:
    """A head of NanoDet (outputs by level) or NanoDet-Plus (one for all); a ``Head``.

    Attributes:
        levels: finest first.
        classes: C.
        input_hw: height and width of the input.
        scoring: how scores are meant.
        centre: where in its cell a point lies, in strides: 0.5 in NanoDet, 0 in NanoDet-Plus.
        bins: R + 1.
        together: the output ``(1, N, C + 4 * (R + 1))`` of a network that has one for all levels.
    """

    levels: tuple[Level, ...]
    classes: int
    input_hw: tuple[int, int]
    scoring: Scoring
    bins: int
    centre: float = 0.5
    together: str = ""
    kind: ClassVar[str] = "gfl"

    @property
    def outputs(self) -> tuple[str, ...]:
        """See ``Head``."""
        if self.together:
            return (self.together,)
        return tuple(name for level in self.levels for name in (level.scores, level.distances))

    def decode(self, outputs: Mapping[str, Array], wanted: Wanted) -> Found:
        """See ``Head``."""
        if self.together:
            table = np.asarray(outputs[self.together])[0]
            raw, shapes = table[:, : self.classes], table[:, self.classes :]
        else:
            raw, shapes = (
                np.concatenate([np.asarray(outputs[name])[0] for name in names])
                for names in zip(
                    *((each.scores, each.distances) for each in self.levels), strict=True
                )
            )
        rows, labels, scores = self.scoring.pick(raw, wanted)
        shares = softmax(shapes[rows].astype(np.float64).reshape(-1, 4, self.bins))
        distances = shares @ np.arange(self.bins)  # (K, 4) left, top, right, bottom, in strides
        places, strides = grid(self.input_hw, tuple(level.stride for level in self.levels))
        points = np.tile(places[rows] + self.centre, 2)
        pixels = (points + distances * _OUTWARDS) * strides[rows][:, None]
        height, width = self.input_hw
        unit = pixels / np.array([width, height, width, height])
        return separated(unit, labels, scores, wanted, repeats=True)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Head``."""
        return {
            "kind": self.kind,
            "levels": [vars(level) for level in self.levels],
            "classes": self.classes,
            "input_hw": list(self.input_hw),
            "activation": self.scoring.activation,
            "bins": self.bins,
            "centre": self.centre,
            "together": self.together,
        }
