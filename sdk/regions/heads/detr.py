"""DETR and its successors: a fixed set of queries, each with class logits and a box.

DETR and YOLOS ask by softmax which class a query is, or none (the last column); Deformable DETR,
RT-DETR, D-FINE and RF-DETR ask of each class by sigmoid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sdk.regions.heads.head import Array, Found, Scoring, Wanted, from_centres, separated


@dataclass(frozen=True)
class Detr:
    """A head with boxes ``cxcywh`` in units of the input; a ``Head``.

    Attributes:
        logits: the output ``(1, N, C)``, with one column more where ``scoring`` has nothing.
        boxes: the output ``(1, N, 4)``.
        classes: C.
        scoring: how logits are meant.
    """

    logits: str
    boxes: str
    classes: int
    scoring: Scoring
    kind: ClassVar[str] = "detr"

    @property
    def outputs(self) -> tuple[str, ...]:
        """See ``Head``."""
        return self.logits, self.boxes

    def decode(self, outputs: Mapping[str, Array], wanted: Wanted) -> Found:
        """See ``Head``. Queries differ from each other as they are: nothing is suppressed."""
        rows, labels, scores = self.scoring.pick(outputs[self.logits][0], wanted)
        unit = from_centres(np.asarray(outputs[self.boxes])[0][rows])
        return separated(unit, labels, scores, wanted, repeats=False)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Head``."""
        return {
            "kind": self.kind,
            "logits": self.logits,
            "boxes": self.boxes,
            "classes": self.classes,
            "activation": self.scoring.activation,
            "nothing": self.scoring.nothing,
        }
