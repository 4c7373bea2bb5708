"""PIZA: a Grounding DINO in three networks, asked step by step by the zoom search.

The block ``piza`` of the manifest is the zoom policy, and the name of the file that the
box-history encoder is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.families.family import Answerer, Family
from sdk.families.grounding_dino import signatures
from sdk.json_reader import JsonReader
from sdk.runtime.runtime import Signature
from sdk.zoom.answering import ZoomAnswerer
from sdk.zoom.history import HistoryEncoder
from sdk.zoom.state import ZoomPolicy

HISTORY_FILE = "history.npz"


def block(policy: ZoomPolicy) -> dict[str, Any]:
    """What the manifest of an engine with this policy says of the family."""
    return {**asdict(policy), "history": HISTORY_FILE}


def zoom_policy(manifest: Manifest) -> ZoomPolicy:
    """What the manifest's block says.

    Raises:
        EngineError: a value is missing or makes no sense; the message names the family.
    """
    reader = _reader(manifest)
    return ZoomPolicy(
        max_steps=int(reader.number("max_steps", low=1, high=32, whole=True)),
        stop_threshold=reader.number("stop_threshold", low=0.0),
        progress_step=reader.number("progress_step", low=1e-3, high=1.0),
        min_window_px=reader.number("min_window_px", low=1.0),
    )


def _reader(manifest: Manifest) -> JsonReader:
    said = f"{manifest.name}, {MANIFEST_FILE}: the block {manifest.family!r} of that family"
    return JsonReader(dict(manifest.block), said)


class _Piza:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """Those of a Grounding DINO whose adapters hear how far the search is."""
        return signatures(manifest, conditioned=True)

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """The zoom search."""
        policy, file = zoom_policy(manifest), _reader(manifest).text("history")
        if file not in manifest.files:  # one that nobody vouches for is not opened
            raise EngineError(f"{folder / MANIFEST_FILE}: 'files' does not list {file}")
        history = HistoryEncoder.from_npz(folder / file)
        return ZoomAnswerer(folder, manifest, threshold, history, policy, conditioned=True)

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """How far it zooms."""
        policy = zoom_policy(manifest)
        return (
            f"zooms in up to {policy.max_steps} steps, until a box is the answer with"
            f" {policy.stop_threshold:.0%}; windows of {policy.min_window_px:g} px and more",
        )


FAMILY: Family = _Piza()
