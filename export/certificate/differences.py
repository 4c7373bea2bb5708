"""How far the outputs of one network are from those of another, which ought to be the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.host_runtime import Arrays
from export.certificate.criteria import ENORMOUS


def largest(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """Largest absolute difference by name; enormous for NaN and infinity, which JSON lacks."""
    with np.errstate(invalid="ignore"):  # of infinities
        return finite({name: np.abs(ours[name] - theirs[name]) for name in theirs})


def finite(found: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """The largest of each, enormous for what is not finite."""
    return {
        name: float(np.nan_to_num(values, nan=ENORMOUS, posinf=ENORMOUS).max(initial=0.0))
        for name, values in found.items()
    }


def relative(ours: Arrays, theirs: Arrays) -> dict[str, float]:
    """Root mean square of the differences by name, over that of ``theirs``; enormous for NaN."""
    found = {}
    for name, expected in theirs.items():
        with np.errstate(invalid="ignore", over="ignore"):
            length = max(float(np.linalg.norm(expected)), 1e-30)
            value = np.linalg.norm(ours[name].astype(np.float64) - expected) / length
        found[name] = float(np.nan_to_num(value, nan=ENORMOUS, posinf=ENORMOUS))
    return found
