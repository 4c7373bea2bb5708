"""Networks that give candidates, best first: compared as what they are, a ranking."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.host_runtime import Arrays
from export.certificate.criteria import Criteria
from export.certificate.differences import finite
from export.families.family import ExportFamily
from sdk.engine.manifest import Manifest
from sdk.geometry import iou

ALIKE = 1e-3  # scores whose candidates may come in any order

# Our own choice. Fewer bits change the order of candidates of nearly equal scores, so that boxes
# are compared where searches end, and not candidate by candidate.
CRITERIA = {
    "fp32": Criteria(
        tolerance={"text_features": 1e-3, "image_features": 1e-2, "boxes": 1e-3, "scores": 1e-3},
        relative={},
        same_iou=0.99,
        same_box=0.99,
        same_decision=0.99,
        acc50_points=0.5,
    ),
    "fp16": Criteria(
        tolerance={},
        relative={"text_features": 1e-2, "image_features": 1e-2, "scores": 2e-2},
        same_iou=0.98,
        same_box=0.99,
        same_decision=0.98,
        acc50_points=0.5,
    ),
    "int8": Criteria(
        tolerance={},
        relative={"text_features": 0.1, "image_features": 0.2, "scores": 0.2},
        same_iou=0.8,
        same_box=0.9,
        same_decision=7 / 8,  # four of 32 may differ: scores move, and many are near the threshold
        acc50_points=1.5,
    ),
}


def differences(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """Largest absolute difference by name; enormous for NaN and infinity, which JSON lacks.

    Candidates of nearly equal scores may come in any order, so that each of our boxes is compared
    with the nearest one of theirs that has its score. Of very many candidates some are told apart
    by the last bit alone when they enter the decoder; if two swap ranks there, they swap learned
    queries and answer otherwise. Therefore one candidate in a hundred may differ, but not the best.
    """
    with np.errstate(invalid="ignore"):  # of infinities
        found = {name: np.abs(ours[name] - theirs[name]) for name in ours}
    if "boxes" in found:
        (our_boxes, our_scores), (boxes, scores) = (
            (side["boxes"][0], side["scores"][0]) for side in (ours, theirs)
        )
        distance = np.abs(our_boxes[:, None] - boxes).max(-1)  # (K, K)
        alike = np.abs(our_scores[:, None] - scores) <= ALIKE
        found["boxes"] = np.where(alike, distance, np.inf).min(-1)
        if np.isfinite(our_boxes).all() and np.isfinite(our_scores).all():
            ranked = {"boxes": found["boxes"], "scores": found["scores"][0]}
            found |= {name: _but_for_swaps(values) for name, values in ranked.items()}
    return finite(found)


def _but_for_swaps(values: NDArray[Any]) -> NDArray[Any]:
    """(K,) values, best candidate first, without the largest hundredth (none of 99) of the rest."""
    rest = np.sort(values[1:])
    return np.append(values[:1], rest[: len(rest) - len(values) // 100])


def best_overlap(manifest: Manifest, ours: Arrays, theirs: Arrays) -> float:
    """IoU of the best boxes; not finite counts as no overlap."""
    with np.errstate(invalid="ignore"):
        found = iou(*(side["boxes"][0, 0].astype(np.float64) for side in (ours, theirs)))
    return float(np.nan_to_num(found, nan=0.0))


FAMILY = ExportFamily(CRITERIA, differences, overlap=best_overlap)
