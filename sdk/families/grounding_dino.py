"""Grounding DINO: an expression and a window, one look at once. No zoom, no history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.families.family import Answerer, Family
from sdk.runtime.runtime import Signature
from sdk.zoom.answering import GROUND, IMAGE, TEXT, ZoomAnswerer
from sdk.zoom.state import ZoomPolicy

ONE_LOOK = ZoomPolicy(max_steps=1)


def signatures(manifest: Manifest, *, conditioned: bool) -> dict[str, Signature]:
    """Text once an expression, image once a window, ground once a look.

    ``conditioned``: the ground network is told the progress of a search.
    """
    (height, width), length = manifest.input_hw, manifest.max_tokens
    prompt = {"segment_ids": (1, length), "position_ids": (1, length)}
    features: dict[str, tuple[int, ...] | None] = {"image_features": None, "text_features": None}
    progress: dict[str, tuple[int, ...]] = {"progress": (1,)} if conditioned else {}
    return {
        TEXT: Signature({"input_ids": (1, length), **prompt}, ("text_features",)),
        IMAGE: Signature({"pixels": (1, 3, height, width)}, ("image_features",)),
        GROUND: Signature({**features, **prompt, **progress}, ("boxes", "scores")),
    }


class _GroundingDino:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """The networks of PIZA, but that nobody tells them of a search."""
        return signatures(manifest, conditioned=False)

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """The zoom search that ends after its first step."""
        return ZoomAnswerer(folder, manifest, threshold, _no_end, ONE_LOOK, conditioned=False)

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """It has nothing to say but what it is."""
        return ("one look at the frame",)


def _no_end(history_xywh: NDArray[np.float64]) -> tuple[float, float]:
    """The history of a search that has none: never at its end, never under way."""
    return 0.0, 0.0


FAMILY: Family = _GroundingDino()
