"""How good a detector is at what it was taught, and at what it knew before: COCO's scores.

It is asked as the vehicle asks, so that CLIP corrects what it would correct there. AP is COCO's
(Lin et al. 2014): precision at 101 recalls, its mean over classes and over ten overlaps from 0.5
to 0.95; AP50 and AP75 at one overlap each. Crowds are left out where boxes are read. VOC's AP50 is
with all points: ``train.evaluation.detection``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.frame import read_image
from sdk.regions.proposals import Proposals
from sdk.results.detections import Detections
from train.data.boxes import Box
from train.data.detection import as_arrays
from train.evaluation.asking import open_detector
from train.evaluation.detection import Truth, average_precision, best_precision
from train.families.few_shot import FewShotModel
from train.models.clip.public import PublicClip

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
GROUPS = ("base", "novel", "all")
CORRECTED = "clip_"  # how the names of scores begin that CLIP has had a say in


class FewShotCheck:
    """Called with a detector, gives its own scores, and those that CLIP corrects: ``clip_ap``...

    Args:
        known: the objects of each image, by its name; those of classes that the detector has not
            learned are not looked for.
        images: folder of the images, which are read at every call.
        novel: the classes that it was taught by a few shots.
        beside: CLIP; None where scores are the detector's own.
    """

    def __init__(
        self,
        known: Mapping[str, Sequence[Box]],
        images: Path,
        novel: Sequence[str],
        beside: PublicClip | None = None,
    ) -> None:
        self.known, self.images = known, images
        self.novel, self.beside = tuple(novel), beside

    def __call__(self, model: Any) -> dict[str, float]:
        labels = model.config.labels
        learned = [[box for box in each if box.category in labels] for each in self.known.values()]
        truths = [Truth(*as_arrays(boxes, labels)) for boxes in learned]
        with open_detector(FewShotModel(model, self.beside), 0.0) as detector:
            found = [detector.detect(read_image(self.images / name)) for name in self.known]
        own = [_ordered(each, each.own_scores) for each in found]
        scores = few_shot_scores(own, truths, labels, self.novel)
        if self.beside is None:
            return scores
        corrected = [_ordered(each, each.scores) for each in found]
        more = few_shot_scores(corrected, truths, labels, self.novel)
        return scores | {f"{CORRECTED}{name}": value for name, value in more.items()}


def _ordered(found: Detections, scores: NDArray[np.float32]) -> Proposals:
    """What was found in an image, best first by these scores."""
    order = np.argsort(-scores, kind="stable")
    return Proposals(found.xyxy[order], scores[order], found.labels[order], found.names)


def few_shot_scores(
    found: Sequence[Proposals], truths: Sequence[Truth], labels: Sequence[str], novel: Sequence[str]
) -> dict[str, float]:
    """Scores of what was found in images against what is there.

    Args:
        found: in each image, best first.
        truths: of each image.
        labels: the detector's classes.
        novel: those of them that it was taught by a few shots.

    Returns:
        ``ap``, ``ap50``, ``ap75`` and ``voc50``, of all classes that occur, and ``base_ap``,
        ``novel_ap`` and so on of those known before and those taught. A group of which nothing
        occurs has none.
    """
    occurring = sorted({int(label) for truth in truths for label in truth.labels})
    of_class = {label: _class_scores(found, truths, label) for label in occurring}
    groups: Mapping[str, Sequence[int]] = {
        "": occurring,
        "base_": [label for label in occurring if labels[label] not in novel],
        "novel_": [label for label in occurring if labels[label] in novel],
    }
    return {
        f"{group}{name}": float(np.mean([of_class[label][name] for label in members]))
        for group, members in groups.items()
        if members
        for name in of_class[members[0]]
    }


def _class_scores(
    found: Sequence[Proposals], truths: Sequence[Truth], label: int
) -> dict[str, float]:
    precisions = np.array([_at_recalls(found, truths, label, least) for least in OVERLAPS])
    return {
        "ap": float(precisions.mean()),
        "ap50": float(precisions[0].mean()),
        "ap75": float(precisions[5].mean()),
        "voc50": average_precision(found, truths, label),
    }


def _at_recalls(
    found: Sequence[Proposals], truths: Sequence[Truth], label: int, least_iou: float
) -> NDArray[np.float64]:
    """(101,): the best precision of as many boxes as it takes to find that share of the objects."""
    precision, hits, count = best_precision(found, truths, label, least_iou)
    recall = np.cumsum(hits) / count
    places = np.searchsorted(recall, RECALLS, side="left")
    return np.append(precision, 0.0)[np.minimum(places, len(precision))]
