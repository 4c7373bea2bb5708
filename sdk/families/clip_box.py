"""Learned boxes over CLIP features: a projection head, a Q network that acts, a diffusion.

The block ``clip-box`` of the manifest has the image and the text network (``clip``), and the
refiner that makes a box of what they say: its ``method``, its network, how it looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdk.digits import apart
from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import Manifest
from sdk.families.family import Answerer, Call, Family, Query
from sdk.geometry import clip, grow
from sdk.json_reader import JsonReader
from sdk.regions.clip import Clip, Sight, Texts, read_clip
from sdk.regions.refiners import Asked, Refined, Refiner, read_refiner
from sdk.results.grounding import Grounding, Zoom
from sdk.runtime.runtime import Runtime, Signature
from sdk.text import normalise
from sdk.timing import StageTimer
from sdk.zoom.calibration import Calibration
from sdk.zoom.state import Start

HEAD = "head"  # the refiner's network


@dataclass(frozen=True)
class ClipBox:
    """What the manifest's block says.

    Attributes:
        clip: the image and the text network.
        refiner: makes boxes.
    """

    clip: Clip
    refiner: Refiner

    def to_mapping(self) -> dict[str, Any]:
        """The block, as ``read_block`` reads it."""
        return {**self.refiner.to_mapping(), "clip": self.clip.to_mapping()}


def read_block(manifest: Manifest) -> ClipBox:
    """What the block of an engine says.

    Raises:
        EngineError: a value is missing or makes no sense; the message names the family.
    """
    said = f"{manifest.name}, {MANIFEST_FILE}: the block {manifest.family!r} of that family"
    reader = JsonReader(dict(manifest.block), said)
    refiner = read_refiner(reader, tuple(manifest.networks))
    part = reader.part("clip")
    clip = read_clip(part, manifest)
    if clip.image_network is None:
        raise part.fault("image", "the name of a network", None)
    return ClipBox(clip, refiner)


@dataclass(frozen=True, eq=False)
class _Found:
    """What came of one query, and of the start that led nowhere before it."""

    refined: Refined
    score: float
    first_score: float | None = None
    abandoned: tuple[Zoom, ...] = ()


class ClipBoxAnswerer:
    """An ``sdk.families.family.Answerer``."""

    def __init__(self, folder: Path, manifest: Manifest, threshold: float) -> None:
        self._block, self._threshold = read_block(manifest), threshold
        self._texts = Texts(self._block.clip, folder)
        self._calibration = Calibration.from_mapping(manifest.calibration)
        self._engine = manifest.label
        self._stages = tuple(manifest.networks)

    def read(self, ref: str) -> Query:
        """See ``Answerer.read``; the meaning is the sentence as training reads it."""
        return Query(ref, normalise(ref))

    def answer(self, runtime: Runtime | None, call: Call) -> list[Grounding]:
        """See ``Answerer.answer``. What is looked at is looked at once, for all queries."""
        clock = StageTimer(self._stages) if runtime is None else runtime.clock
        clock.start(call.begin_s)
        found: list[_Found | None] = [None] * len(call.queries)
        if runtime is not None and call.deadline.affords(0, 1, first=True):
            sight = Sight(
                self._block.clip, self._texts, runtime, call.frame, call.color, call.deadline
            )
            found = [
                self._found(
                    Asked(
                        sight, runtime, sight.said([query.meaning]), call.frame_wh, call.deadline
                    ),
                    start,
                )
                for query, start in zip(call.queries, call.starts, strict=True)
            ]
        timing_ms = clock.drain()
        return [
            self._answered(call, timing_ms, query, each)
            for query, each in zip(call.queries, found, strict=True)
        ]

    def forget(self) -> None:
        """Sentences are encoded anew."""
        self._texts.forget()

    def _found(self, asked: Asked, start: Start | None) -> _Found:
        """From the start, and from the whole frame where there is none or it leads nowhere."""
        refiner, warm = self._block.refiner, None
        if start is not None and refiner.begins_anywhere:
            window = grow(clip(np.asarray(start.window_xyxy), asked.whole), 1.0, asked.whole)
            warm = refiner.refine(asked, window)
            score = self._calibration.score(warm.steps, start.first_score)
            if score >= start.restart_below:
                return _Found(warm, score, start.first_score)
        refined = refiner.refine(asked, asked.whole)
        score = self._calibration.score(refined.steps)
        return _Found(refined, score, abandoned=() if warm is None else warm.steps)

    def _answered(
        self, call: Call, timing_ms: Mapping[str, float], query: Query, found: _Found | None
    ) -> Grounding:
        reason = self._reason(call, found)
        values: dict[str, Any] = {"engine": self._engine, "timing_ms": timing_ms, "reason": reason}
        if found is None or not found.refined.steps:
            complete = found is not None and found.refined.complete
            return call.answered(
                query, found=False, score=0.0, xyxy=None, zooms=(), complete=complete, **values
            )
        steps = found.refined.steps
        return call.answered(
            query,
            found=reason is None,
            score=found.score,
            xyxy=steps[-1].xyxy,
            zooms=steps,
            complete=found.refined.complete,
            rival=self._calibration.rival(steps[-1:]),
            abandoned=found.abandoned,
            first_score=found.first_score,
            **values,
        )

    def _reason(self, call: Call, found: _Found | None) -> str | None:
        """Why there is no answer to rely on; None when there is."""
        if found is None or (not found.refined.steps and not found.refined.complete):
            return (
                f"the deadline of {call.deadline.limit_ms:g} ms left no time for a first look:"
                f" {call.deadline.why_no_step()}"
            )
        if not found.refined.steps:
            return "the network gave no box: what it said is not finite"
        if not found.refined.complete:
            return (
                f"the deadline of {call.deadline.limit_ms:g} ms ended the search: the box is where"
                " it was then"
            )
        if found.score < self._threshold:
            below, least = apart(found.score, self._threshold)
            return f"the score {below} is below the threshold {least}"
        return None


class _ClipBox:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """CLIP's two, and the one that makes boxes of what they say."""
        block = read_block(manifest)
        return {**block.clip.signatures, block.refiner.network: block.refiner.signature}

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """Regress, act or denoise."""
        return ClipBoxAnswerer(folder, manifest, threshold)

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """How it makes a box."""
        return (read_block(manifest).refiner.describe(),)


FAMILY: Family = _ClipBox()
