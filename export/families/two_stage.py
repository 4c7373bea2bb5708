"""Two stages: a detector's raw outputs, compared as they are, and as the boxes that they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.host_runtime import Arrays
from export.certificate.criteria import Criteria
from export.families.family import ExportFamily, alike, made_up
from export.precision.target import Target
from sdk.engine.manifest import Manifest
from sdk.families.two_stage import read_pipeline
from sdk.geometry import iou

# Our own choice. What a detector says is decoded, sorted and chosen from on the host: outputs are
# compared by their root mean square, and the choice by whole questions.
_SAME = {"same_iou": 0.9, "same_box": 0.98, "same_decision": 0.98, "acc50_points": 0.5}
CRITERIA = {
    "fp32": Criteria({}, {"*": 1e-3}, 0.99, 0.99, 0.99, 0.5),
    "fp16": Criteria({}, {"*": 2e-2}, **_SAME),
    # Small boxes move by a pixel, and of several that are as good another is chosen: with NanoDet
    # 85 to 90 % of the answers were the same object (IoU >= 0.7), and of 186 objects 134 were found
    # instead of 136: 32 searches may fail by luck, 300 pass.
    "int8": Criteria({}, {"*": 0.3}, 0.7, 0.8, 7 / 8, 1.5),
}

# By boxes: on rendered scenes those of NanoDet in half precision overlap float32's by 0.998 or
# more. In eight bits it is 0.96 in the mean, and 82 % of 60 answers are the same object; with three
# of its layers in float32 0.97, and 90 %; with twelve 0.98, and no more.
TARGETS = {"fp16": Target(0.98, 0.99, 2e-3), "int8": Target(0.8, 0.95, 0.032)}


def same_proposals(manifest: Manifest, ours: Arrays, theirs: Arrays) -> float:
    """Mean IoU of the boxes that one chooses from with ours that are nearest, of the same class; 1
    where there are none, and by their differences for networks that make no boxes."""
    pipeline = read_pipeline(manifest)
    detector = pipeline.detector
    if detector is None or detector.network != list(manifest.networks)[-1]:  # which is asked
        return alike(manifest, ours, theirs)
    with np.errstate(invalid="ignore", over="ignore"):  # of what is not finite, which is no box
        found, wanted = (detector.head.decode(side, detector.wanted) for side in (ours, theirs))
    sure = wanted.scores >= pipeline.least
    overlaps = iou(wanted.unit[sure][:, None], found.unit[None])  # (sure, ours)
    overlaps[wanted.labels[sure][:, None] != found.labels] = 0.0
    return float(overlaps.max(axis=1, initial=0.0).mean()) if sure.any() else 1.0


def unasked(manifest: Manifest, network: str) -> Sequence[Arrays]:
    """Noise for networks that had nothing to do, since the detector proposed nothing."""
    pipeline = read_pipeline(manifest)
    if pipeline.clip is None or (pipeline.detector and network == pipeline.detector.network):
        return ()
    return [made_up(manifest.networks[network], pipeline.clip.pad_id)]


FAMILY = ExportFamily(CRITERIA, overlap=same_proposals, targets=TARGETS, unasked=unasked)
