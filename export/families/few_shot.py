"""Few-shot detectors: what both stages say is compared as it is, and their boxes by questions."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.host_runtime import Arrays
from export.certificate.criteria import Criteria
from export.families.family import ExportFamily, made_up
from export.precision.target import Target
from sdk.engine.manifest import Manifest
from sdk.families.few_shot import read_block

# Our own choice: what the networks say is sorted and chosen from on the host, so that outputs are
# compared by their root mean square, and the choice by whole questions.
CRITERIA = {
    "fp32": Criteria({}, {"*": 1e-3}, 0.99, 0.99, 0.99, 0.5),
    "fp16": Criteria({}, {"*": 2e-2}, 0.9, 0.98, 0.98, 0.5),
}

# By the outputs of the last network, which half precision alone rounds by half a thousandth: the
# targets of boxes would keep everything in float32.
TARGETS = {"fp16": Target(0.98, 0.99, 2e-3)}


def unasked(manifest: Manifest, network: str) -> Sequence[Arrays]:
    """Noise for CLIP's networks, where no box was of a taught class."""
    clip = read_block(manifest).clip
    if clip is None or network not in clip.signatures:
        return ()
    return [made_up(manifest.networks[network], clip.pad_id)]


FAMILY = ExportFamily(CRITERIA, targets=TARGETS, unasked=unasked)
