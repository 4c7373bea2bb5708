"""Two stages: a detector's raw outputs, compared as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.host_runtime import Arrays
from export.certificate.criteria import Criteria
from export.families.family import ExportFamily
from sdk.engine.manifest import Manifest
from sdk.regions.clip import CROPS

# Our own choice. What a detector says is decoded, sorted and chosen from on the host: outputs are
# compared by their root mean square, and the choice by whole questions.
_SAME = {"same_iou": 0.9, "same_box": 0.98, "same_decision": 0.98, "acc50_points": 0.5}
CRITERIA = {
    "fp32": Criteria({}, {"*": 1e-3}, 0.99, 0.99, 0.99, 0.5),
    "fp16": Criteria({}, {"*": 2e-2}, **_SAME),
    "int8": Criteria({}, {"*": 0.3}, 0.8, 0.9, 7 / 8, 1.5),
}


def noise(manifest: Manifest, network: str) -> Sequence[Arrays]:
    """Crops for an image network that had none, since the detector proposed nothing."""
    inputs = manifest.networks[network].inputs
    shape = inputs[CROPS].shape if CROPS in inputs else None
    if shape is None:
        return ()
    return [{CROPS: np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)}]


FAMILY = ExportFamily(CRITERIA, unasked=noise)
