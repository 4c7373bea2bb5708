"""Whether an engine detects what its checkpoint detects, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from sdk.detector import Detector
from sdk.frame import read_image
from sdk.geometry import pairwise_iou
from sdk.results.detections import Detections
from train.evaluation.asking import open_detector
from train.families.few_shot import FAMILY

SAME_IOU, SAME_SCORE = 0.99, 1e-3


def agreement(engine: Path, checkpoint: Path, frames: Iterable[Path], least: float) -> Any:
    """How many frames both answer alike.

    Args:
        engine: an engine.
        checkpoint: what it was built from.
        frames: pictures.
        least: score from which an object counts, on both sides.

    Returns:
        ``frames``, the share of them that is the ``same``, and how many ``objects`` there were.
    """
    same, objects = [], 0
    with (
        Detector(engine, threshold=least, threads=1) as ours,
        open_detector(FAMILY.load(checkpoint), least) as theirs,
    ):
        for path in frames:
            frame = read_image(path)
            found, wanted = ours.detect(frame), theirs.detect(frame)
            same.append(alike(found, wanted))
            objects += len(wanted)
    return {"frames": len(same), "same": float(np.mean(same)), "objects": objects}


def alike(found: Detections, wanted: Detections) -> bool:
    """Whether every object of one has one in the other, of its class, place and score."""
    if len(found) != len(wanted):
        return False
    if not len(found):
        return True
    there = (
        (pairwise_iou(found.xyxy, wanted.xyxy) >= SAME_IOU)
        & (found.labels[:, None] == wanted.labels)
        & (np.abs(found.scores[:, None] - wanted.scores) <= SAME_SCORE)
    )
    return bool(there.any(axis=0).all() and there.any(axis=1).all())
