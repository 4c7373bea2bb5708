"""How good a detector in training is, on images that it never sees, by the vehicle's own decoding.

AP50 is PASCAL's with all points (Everingham et al. 2010): detections in the order of their scores,
each right that overlaps an object of its class by half which none before it has taken. Recall asks
what a second stage asks: of every object, whether one of the best few boxes is about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdk.frame import read_image
from sdk.geometry import Boxes, as_boxes, pairwise_iou
from sdk.preprocess import network_input
from sdk.regions.detector import Detector
from sdk.regions.heads import Wanted
from sdk.regions.proposals import Proposals
from train.data.boxes import Box
from train.data.detection import as_arrays

RIGHT_IOU = 0.5
PROPOSED = 30  # boxes of an image that a second stage would look at
WANTED = Wanted(least=0.01, most=100)
_TOGETHER = 8  # images in one run of the network


@dataclass(frozen=True, eq=False)
class Truth:
    """The objects of an image: boxes (n, 4) xyxy, labels (n,)."""

    xyxy: Boxes
    labels: NDArray[np.int64]


def detection_scores(found: Sequence[Proposals], truths: Sequence[Truth]) -> dict[str, float]:
    """Scores of what was found in images, best first, against what is there.

    Returns:
        ``ap50``, the mean over the classes that occur; ``recall`` of the best ``PROPOSED`` boxes of
        each image, of whatever class; all 0 where there is nothing to find.
    """
    occurring = sorted({int(label) for truth in truths for label in truth.labels})
    precisions = [average_precision(found, truths, label) for label in occurring]
    proposed = [
        pairwise_iou(truth.xyxy, each.xyxy[:PROPOSED]).max(axis=1, initial=0.0) >= RIGHT_IOU
        for each, truth in zip(found, truths, strict=True)
    ]
    return {
        "ap50": float(np.mean(precisions)) if precisions else 0.0,
        "recall": float(np.concatenate(proposed).mean()) if occurring else 0.0,
    }


def average_precision(found: Sequence[Proposals], truths: Sequence[Truth], label: int) -> float:
    """Area under precision over recall of one class that occurs in ``truths``."""
    precision, hits, count = best_precision(found, truths, label, RIGHT_IOU)
    return float((precision * hits).sum() / count)


def best_precision(
    found: Sequence[Proposals], truths: Sequence[Truth], label: int, least_iou: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_], int]:
    """Of one class's boxes in all images, best first: the best precision from each one on, which of
    them are right, and how many objects there are."""
    scores, right = [], []
    for each, truth in zip(found, truths, strict=True):
        own = each.labels == label
        scores.append(each.scores[own])
        right.append(right_boxes(each.xyxy[own], truth.xyxy[truth.labels == label], least_iou))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    hits = np.concatenate(right)[order]
    count = sum(int((truth.labels == label).sum()) for truth in truths)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return np.maximum.accumulate(precision[::-1])[::-1], hits, count


def right_boxes(boxes: NDArray[np.float32], objects: Boxes, least_iou: float) -> NDArray[np.bool_]:
    """Which of an image's boxes (m, 4), best first, each take an object (n, 4) of their own."""
    overlaps, right = pairwise_iou(boxes, objects), np.zeros(len(boxes), np.bool_)
    for row in range(len(boxes)):
        if overlaps.shape[1] and overlaps[row].max() >= least_iou:
            right[row] = True
            overlaps[:, overlaps[row].argmax()] = 0.0
    return right


class DetectorCheck:
    """Called with a model, gives its scores.

    Args:
        known: the objects of each image, by its name.
        images: folder of the images, which are read at every call.
        labels: the categories that the model has learned.
    """

    def __init__(
        self,
        known: Mapping[str, Sequence[Box]],
        images: Path,
        labels: Sequence[str],
    ) -> None:
        self.paths = [images / name for name in known]
        self.labels = tuple(labels)
        self.truths = [Truth(*as_arrays(boxes, labels)) for boxes in known.values()]

    def __call__(self, model: nn.Module) -> dict[str, float]:
        found: list[Proposals] = []
        for start in range(0, len(self.paths), _TOGETHER):
            found += self._look(model, self.paths[start : start + _TOGETHER])
        return detection_scores(found, self.truths)

    @torch.inference_mode()
    def _look(self, model: nn.Module, paths: Sequence[Path]) -> list[Proposals]:
        config, head = model.config, model.head
        detector = Detector("detector", config.input_hw, head, self.labels, WANTED)
        sizes, pixels = [], []
        for path in paths:
            frame = read_image(path)
            sizes.append((frame.shape[1], frame.shape[0]))
            whole = as_boxes([(0, 0, *sizes[-1])])
            pixels.append(network_input(frame, whole, config.input_hw, config.mean, config.std))
        device = next(model.parameters()).device
        outputs = [
            output.float().cpu().numpy()
            for output in model.answer(torch.from_numpy(np.concatenate(pixels)).to(device))
        ]
        return [
            detector.proposals(
                {
                    name: output[row : row + 1]
                    for name, output in zip(head.outputs, outputs, strict=True)
                },
                np.array((0.0, 0.0, *size)),
                size,
            )
            for row, size in enumerate(sizes)
        ]
