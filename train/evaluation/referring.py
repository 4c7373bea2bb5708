"""How good a model in training is: Acc@0.5 and mean IoU, by the vehicle's own code."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.metrics import RIGHT_IOU, answer_ious
from sdk.frame import read_image
from train.data.entries import Annotation
from train.evaluation.asking import open_grounder
from train.families.family import TrainedModel

BEST_BY = "acc50"


@dataclass(frozen=True)
class ReferringCheck:
    """Called with a model, asks it for every annotation; each photograph is seen once.

    Attributes:
        annotations: what is asked.
        images: folder of the photographs.
        asked: makes of a model in training one that can be asked.
    """

    annotations: Sequence[Annotation]
    images: Path
    asked: Callable[[Any], TrainedModel]

    def __call__(self, model: Any) -> dict[str, float]:
        """``acc50``: the share of boxes with an IoU of 0.5 or more; ``mean_iou``."""
        by_image: dict[str, list[Annotation]] = defaultdict(list)
        for item in self.annotations:
            by_image[item.image].append(item)
        overlaps: list[float] = []
        with (
            open_grounder(self.asked(model)) as grounder,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", UserWarning)  # unknown words, sentences that are cut
            for name, items in by_image.items():
                found = grounder.locate(read_image(self.images / name), [it.ref for it in items])
                boxes = [answer.xyxy for answer in found]
                overlaps += answer_ious(boxes, [it.xyxy for it in items]).tolist()
        values = np.array(overlaps)
        return {BEST_BY: float((values >= RIGHT_IOU).mean()), "mean_iou": float(values.mean())}
