"""Few-shot detectors: what both stages say is compared as it is, and their boxes by questions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.host_runtime import Arrays
from export.certificate.criteria import Criteria
from export.families.family import ExportFamily
from sdk.engine.manifest import Manifest
from sdk.families.few_shot import read_block
from sdk.regions.clip import CROPS, TOKENS

# Our own choice: what the networks say is sorted and chosen from on the host, so that outputs are
# compared by their root mean square, and the choice by whole questions.
CRITERIA = {
    "fp32": Criteria({}, {"*": 1e-3}, 0.99, 0.99, 0.99, 0.5),
    "fp16": Criteria({}, {"*": 2e-2}, 0.9, 0.98, 0.98, 0.5),
}


def unasked(manifest: Manifest, network: str) -> Sequence[Arrays]:
    """Crops of noise and the bank's number of tokens, where no box was of a taught class."""
    inputs, clip = manifest.networks[network].inputs, read_block(manifest).clip
    if clip is None:
        return ()
    if CROPS in inputs:
        shape = (clip.batch, 3, *clip.image.hw)
        return [{CROPS: np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)}]
    if TOKENS in inputs:
        return [{TOKENS: np.full((1, clip.max_tokens), clip.pad_id, np.int32)}]
    return ()


FAMILY = ExportFamily(CRITERIA, unasked=unasked)
