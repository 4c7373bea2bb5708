"""How good a detector is at what it was taught, and at what it knew before: COCO's scores.

AP is COCO's (Lin et al. 2014): precision at 101 recalls, its mean over classes and over ten
overlaps from 0.5 to 0.95; AP50 and AP75 at one overlap each. Crowds are left out where boxes are
read. VOC's AP50 is with all points: ``train.evaluation.detection``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sdk.regions.proposals import Proposals
from train.evaluation.detection import Truth, average_precision, best_precision

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
GROUPS = ("base", "novel", "all")


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
