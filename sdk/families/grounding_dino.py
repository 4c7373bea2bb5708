"""Grounding DINO: an expression and a window, one look at once. No history, nothing is learned of
zooming; a block ``{"zoom": N}`` asks for N closer looks all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import Manifest
from sdk.families.family import Answerer, Family
from sdk.json_reader import JsonReader
from sdk.runtime.runtime import Signature
from sdk.zoom.answering import GROUND, IMAGE, TEXT, ZoomAnswerer
from sdk.zoom.state import Closer, ZoomPolicy

ZOOM = "zoom"
ONE_LOOK, TWO_LOOKS = ZoomPolicy(max_steps=1), ZoomPolicy(max_steps=2)
MOST_LOOKS = 16  # closer ones


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
        """The zoom search that ends after its first step, or after closer looks."""
        closer = closer_looks(manifest)
        policy = ONE_LOOK if closer is None else TWO_LOOKS
        return ZoomAnswerer(
            folder, manifest, threshold, no_end, policy, conditioned=False, closer=closer
        )

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """How often it looks."""
        closer = closer_looks(manifest)
        if closer is None:
            return ("one look at the frame",)
        windows = "window" if closer.looks == 1 else "windows"
        return (f"one look at the frame, then closer at up to {closer.looks} {windows} of it",)


def closer_looks(manifest: Manifest) -> Closer | None:
    """What the manifest's block says, None for one look.

    Raises:
        EngineError: the value makes no sense; the message names the family.
    """
    said = f"{manifest.name}, {MANIFEST_FILE}: the block {manifest.family!r} of that family"
    reader = JsonReader({ZOOM: 0, **manifest.block}, said)
    looks = int(reader.number(ZOOM, low=0, high=MOST_LOOKS, whole=True))
    return Closer(looks) if looks else None


def no_end(history_xywh: NDArray[np.float64]) -> tuple[float, float]:
    """The history of a search that has none: never at its end, never under way."""
    return 0.0, 0.0


FAMILY: Family = _GroundingDino()
