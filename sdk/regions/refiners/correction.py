"""A refiner behind a choice: a box was chosen among proposals, and is corrected.

What decides stays with those who chose. A refiner has a score of its own for one box at a time,
which says nothing of the other proposals, so that it goes into the steps and not into the answer's
score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdk.geometry import clip, grow
from sdk.json_reader import JsonReader
from sdk.regions.refiners.refiner import Asked, Float32, Refined, Refiner

BESIDE = 0.5  # our choice: the window has twice the sides of the box
_MOST_BESIDE = 16.0
_LEAST = 4.0  # side of a window in pixels: there is little to see in a smaller one


@dataclass(frozen=True)
class Correction:
    """Where a refiner begins when there is a box already.

    Attributes:
        refiner: makes the better box.
        beside: what is seen beside the box, as a share of its width on the left and on the right
            and of its height above and below. One that acts begins at the box itself.
    """

    refiner: Refiner
    beside: float = BESIDE

    def corrected(self, asked: Asked, chosen_xyxy: Float32) -> Refined:
        """The way from a box to a better one.

        Args:
            asked: the sentence and the frame.
            chosen_xyxy: ``(4,)`` frame pixels.

        Returns:
            Its steps: none where time was short, or where the network said nothing finite.
        """
        box = np.asarray(chosen_xyxy, np.float64)
        if not self.refiner.begins_anywhere:
            beside = self.beside * (box[2:] - box[:2])
            box = np.concatenate([box[:2] - beside, box[2:] + beside])
        return self.refiner.refine(asked, grow(clip(box, asked.whole), _LEAST, asked.whole))

    def describe(self) -> str:
        """For ``piza inspect``."""
        return f"then {self.refiner.describe()}"

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_refiner`` and ``read_correction`` read."""
        return {**self.refiner.to_mapping(), "beside": self.beside}


def read_correction(reader: JsonReader, refiner: Refiner) -> Correction:
    """Where a block of a manifest says that a refiner begins; raises EngineError."""
    return Correction(refiner, reader.number("beside", low=0.0, high=_MOST_BESIDE))
