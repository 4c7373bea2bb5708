"""PIZA: a Grounding DINO in three networks, asked step by step by the zoom search.

The block ``piza`` of the manifest is the zoom policy, and the name of the file that the
box-history encoder is in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.families.family import Answerer, Family
from sdk.families.grounding_dino import signatures
from sdk.json_reader import JsonReader
from sdk.runtime.runtime import Signature
from sdk.zoom.answering import GROUND, MEANINGS, ZoomAnswerer
from sdk.zoom.history import HistoryEncoder
from sdk.zoom.state import ZoomPolicy

HISTORY_FILE = "history.npz"
Levels = tuple[tuple[int, int], ...]
_MOST_LEVELS, _MOST_CELLS = 8, 4096


def block(policy: ZoomPolicy, levels: Levels = ()) -> dict[str, Any]:
    """What the manifest of an engine says of the family.

    Args:
        policy: of its search.
        levels: height and width of each level of the ground network's grid, if it tells what words
            mean.
    """
    told = {"levels": [list(each) for each in levels]} if levels else {}
    return {**asdict(policy), "history": HISTORY_FILE, **told}


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


def grid_levels(manifest: Manifest) -> Levels:
    """What the manifest's block says; none where the ground network tells nothing of words.

    Raises:
        EngineError: a value makes no sense; the message names the family.
    """
    told, reader = manifest.block.get("levels", []), _reader(manifest)
    if not isinstance(told, list) or len(told) > _MOST_LEVELS:
        raise reader.fault("levels", f"a list of at most {_MOST_LEVELS} pairs", told)
    readers = [JsonReader({"levels": each}, reader.source) for each in told]
    return tuple(_pair(each) for each in readers)


def _pair(reader: JsonReader) -> tuple[int, int]:
    height, width = reader.numbers("levels", 2, 1, _MOST_CELLS)
    if height != int(height) or width != int(width):
        raise reader.fault("levels", "[height, width] in whole cells", [height, width])
    return int(height), int(width)


def _reader(manifest: Manifest) -> JsonReader:
    said = f"{manifest.name}, {MANIFEST_FILE}: the block {manifest.family!r} of that family"
    return JsonReader(dict(manifest.block), said)


class _Piza:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """Those of a Grounding DINO whose adapters hear how far the search is."""
        found = signatures(manifest, conditioned=True)
        if grid_levels(manifest):
            ground = found[GROUND]
            found[GROUND] = replace(ground, outputs=(*ground.outputs, MEANINGS))
        return found

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """The zoom search."""
        policy, file = zoom_policy(manifest), _reader(manifest).text("history")
        if file not in manifest.files:  # one that nobody vouches for is not opened
            raise EngineError(f"{folder / MANIFEST_FILE}: 'files' does not list {file}")
        history = HistoryEncoder.from_npz(folder / file)
        levels = grid_levels(manifest)
        return ZoomAnswerer(
            folder, manifest, threshold, history, policy, conditioned=True, levels=levels
        )

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """How far it zooms."""
        policy = zoom_policy(manifest)
        return (
            f"zooms in up to {policy.max_steps} steps, until a box is the answer with"
            f" {policy.stop_threshold:.0%}; windows of {policy.min_window_px:g} px and more",
        )


FAMILY: Family = _Piza()
