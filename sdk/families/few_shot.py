"""A detector of known and of taught classes, whose scores of the latter are corrected by CLIP.

The block ``few-shot`` of the manifest has the detector's classes, its anchors, how many proposals
it makes, where it looks, and, where the engine has image and text networks, the bank of classes
that these judge. A sentence is answered by the best box of the class that it names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.digits import apart
from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import Manifest
from sdk.families.family import Answerer, Call, Family, Query
from sdk.frame import ColorOrder
from sdk.geometry import Boxes
from sdk.json_reader import JsonReader
from sdk.regions.class_bank import ClassBank, corrected, corrects, read_bank
from sdk.regions.clip import Clip, Sight, Texts, read_clip
from sdk.regions.detector import Detector
from sdk.regions.heads import Wanted
from sdk.regions.proposals import Float32, Proposals
from sdk.regions.proposers import FrameProposer, Proposer, read_proposer
from sdk.regions.region_proposals import (
    CLASSES,
    FEATURES,
    MOVES,
    OBJECTNESS,
    OFFSETS,
    PROPOSALS,
    AnchorGrid,
    RegionHead,
    propose,
    read_anchors,
)
from sdk.results.grounding import Considered, Grounding, Zoom
from sdk.runtime.runtime import Runtime, Signature, Value
from sdk.text import normalise
from sdk.timing import Deadline, StageTimer
from sdk.zoom.calibration import Calibration

PROPOSE, JUDGE, PIXELS = "propose", "judge", "pixels"  # the networks; the first one's input
BANK, CLIP = "bank", "clip"  # of the block
SHOWN = 8  # boxes that an answer tells of
_MOST_CLASSES, _MOST_PROPOSALS = 10_000, 1000


@dataclass(frozen=True, eq=False)
class FewShot:
    """What the manifest's block says.

    Attributes:
        labels: the detector's classes.
        anchors: of the first network.
        proposals: how many the second one judges.
        wanted: how many boxes a look gives, and from which score on.
        proposer: where it looks.
        clip: image and text network, None where scores are the detector's own.
        bank: whose scores are corrected by them.
    """

    labels: tuple[str, ...]
    anchors: AnchorGrid
    proposals: int
    wanted: Wanted = field(default_factory=lambda: Wanted(least=0.05, most=100))
    proposer: Proposer = field(default_factory=FrameProposer)
    clip: Clip | None = None
    bank: ClassBank | None = None

    @cached_property
    def detector(self) -> Detector:
        """How the second network's outputs become boxes."""
        head = RegionHead(len(self.labels))
        return Detector(JUDGE, self.anchors.input_hw, head, self.labels, self.wanted)

    def to_mapping(self) -> dict[str, Any]:
        """The block, as ``read_block`` reads it."""
        said: dict[str, Any] = {
            "labels": list(self.labels),
            "anchors": self.anchors.to_mapping(),
            "proposals": self.proposals,
            "least": self.wanted.least,
            "most": self.wanted.most,
            "look": self.proposer.to_mapping(),
        }
        if self.clip is not None and self.bank is not None:
            said |= {CLIP: self.clip.to_mapping(), BANK: self.bank.to_mapping()}
        return said


def read_block(manifest: Manifest) -> FewShot:
    """What the block of an engine says.

    Raises:
        EngineError: a value is missing or makes no sense; the message names the family.
    """
    said = f"{manifest.name}, {MANIFEST_FILE}: the block {manifest.family!r} of that family"
    reader = JsonReader(dict(manifest.block), said)
    labels = reader.texts("labels", _MOST_CLASSES)
    if not labels or PIXELS not in manifest.inputs:
        raise reader.fault("labels", f"some, and an input {PIXELS!r}", list(labels))
    clip = bank = None
    if CLIP in manifest.block:
        clip, bank = read_clip(reader.part(CLIP), manifest), read_bank(reader.part(BANK))
        if strange := sorted(set(bank.texts) - set(labels)):
            raise reader.fault(BANK, f"classes out of {', '.join(labels)}", strange)
    return FewShot(
        labels,
        read_anchors(reader.part("anchors"), manifest.inputs[PIXELS].hw),
        int(reader.number("proposals", low=1, high=_MOST_PROPOSALS, whole=True)),
        Wanted(
            reader.number("least", low=0.0, high=1.0),
            int(reader.number("most", low=1, high=_MOST_PROPOSALS, whole=True)),
        ),
        read_proposer(reader.part("look")),
        clip,
        bank,
    )


@dataclass(frozen=True, eq=False)
class Detected:
    """What there is in a frame.

    Attributes:
        proposals: best first, by their scores as they are told.
        own: ``(N,)`` the detector's own scores.
        windows: ``(n, 4)`` frame pixels, where one looked.
        complete: False where a deadline left something out.
    """

    proposals: Proposals
    own: Float32
    windows: Boxes
    complete: bool


class FewShotAnswerer:
    """An ``sdk.families.family.Answerer``, and what ``sdk.Detector`` asks.

    Where a warm start says to look is of no account: every frame is seen whole.
    """

    def __init__(self, folder: Path, manifest: Manifest, threshold: float) -> None:
        self.block, self.threshold = read_block(manifest), threshold
        self.engine = manifest.label
        self._texts = None if self.block.clip is None else Texts(self.block.clip, folder)
        self._calibration = Calibration.from_mapping(manifest.calibration)
        self._stages = tuple(manifest.networks)

    def detect(
        self, runtime: Runtime, frame: NDArray[np.uint8], color: ColorOrder, deadline: Deadline
    ) -> Detected:
        """Everything in a frame, each box of a taught class as CLIP corrects it.

        Args:
            runtime: the networks.
            frame: ``(h, w, 3)``.
            color: its channel order.
            deadline: when the answer is wanted.
        """
        frame_wh, refused = (frame.shape[1], frame.shape[0]), False
        uploaded = runtime.upload(frame, color)

        def eyes(windows: Boxes) -> list[Proposals]:
            with deadline.pace.timed("windows", len(windows)):
                return self._look(runtime, uploaded, frame_wh, windows)

        def affords(count: int) -> bool:
            nonlocal refused
            afforded = deadline.affords(count, 0, first=False)
            refused |= not afforded
            return afforded

        survey = self.block.proposer.propose(eyes, frame_wh, None, affords)
        found, own = survey.proposals, survey.proposals.scores
        if self._texts is not None and self.block.clip is not None:
            sight = Sight(self.block.clip, self._texts, runtime, frame, color, deadline)
            found, own = self._corrected(found, sight)
            refused |= sight.refused
        return Detected(found, own, survey.windows, not refused)

    def told(self, scores: Sequence[float]) -> list[float]:
        """What scores are worth: by the engine's calibration, or as they are."""
        nowhere = np.zeros(4, np.float32)
        none = np.empty((0, 4), np.float32), np.empty(0, np.float32)
        return [
            self._calibration.score((Zoom(nowhere, nowhere, score, *none),)) for score in scores
        ]

    def read(self, ref: str) -> Query:
        """See ``Answerer.read``; the meaning is the longest of the detector's classes that the
        expression names, None for none."""
        said = f" {' '.join(normalise(ref).replace(',', ' ').replace('.', ' ').split())} "
        named = [label for label in self.block.labels if f" {label.lower()} " in said]
        return Query(ref, max(named, key=len, default=None))

    def answer(self, runtime: Runtime | None, call: Call) -> list[Grounding]:
        """See ``Answerer.answer``. A frame is looked at once, for all queries."""
        clock = StageTimer(self._stages) if runtime is None else runtime.clock
        clock.start(call.begin_s)
        found = None
        if runtime is not None and call.deadline.affords(1, 0, first=True):
            found = self.detect(runtime, call.frame, call.color, call.deadline)
        timing_ms = clock.drain()
        return [self._answered(call, timing_ms, query, found) for query in call.queries]

    def forget(self) -> None:
        """Classes are encoded anew."""
        if self._texts is not None:
            self._texts.forget()

    def _look(
        self, runtime: Runtime, frame: Value, frame_wh: tuple[int, int], windows: Boxes
    ) -> list[Proposals]:
        block = self.block
        feeds = [
            {
                FEATURES: each[FEATURES],
                PROPOSALS: propose(
                    each[OBJECTNESS][0], each[OFFSETS][0], block.anchors, block.proposals
                )[None],
            }
            for each in runtime.see(PROPOSE, frame, windows)
        ]
        judged = runtime.fetch(JUDGE, feeds)
        return [
            block.detector.proposals({PROPOSALS: feed[PROPOSALS], **said}, window, frame_wh)
            for feed, said, window in zip(feeds, judged, windows, strict=True)
        ]

    def _corrected(self, found: Proposals, sight: Sight) -> tuple[Proposals, Float32]:
        """Scores as the bank corrects them, the best first again, and the detector's own."""
        bank, clip = self.block.bank, self.block.clip
        if bank is None or clip is None or not bank.texts or not len(found):
            return found, found.scores
        rows = bank.rows([found.names[label] for label in found.labels])
        (doubted,) = np.nonzero(corrects(found.scores, rows, bank.fusion))
        scores = found.scores.astype(np.float64)
        if len(doubted):
            said = sight.said(bank.asked)
            seen = sight.seen(bank.view, found.xyxy[doubted])
            doubted = doubted[: len(seen)]  # time may be short
            if len(doubted):
                scores[doubted] = corrected(
                    found.scores[doubted], rows[doubted], seen @ said.T, clip.scale, bank.fusion
                )
        order = np.argsort(-scores, kind="stable")
        better = Proposals(
            found.xyxy[order],
            np.clip(scores[order], 0.0, 1.0).astype(np.float32),
            found.labels[order],
            found.names,
        )
        return better, found.scores[order]

    def _answered(
        self, call: Call, timing_ms: Mapping[str, float], query: Query, found: Detected | None
    ) -> Grounding:
        values: dict[str, Any] = {"engine": self.engine, "timing_ms": timing_ms}
        none: dict[str, Any] = {"found": False, "score": 0.0, "xyxy": None, "zooms": ()}
        if found is None:
            reason = (
                f"the deadline of {call.deadline.limit_ms:g} ms left no time for a first look:"
                f" {call.deadline.why_no_step()}"
            )
            return call.answered(query, reason=reason, complete=False, **none, **values)
        values["complete"] = found.complete
        label = query.meaning
        rows = np.arange(len(found.proposals))
        if label is not None:
            rows = rows[found.proposals.labels == self.block.labels.index(label)]
        if not len(rows):
            thing = "anything that it knows" if label is None else f"any {label!r}"
            reason = f"the detector does not find {thing} in this frame"
            return call.answered(query, reason=reason, **none, **values)
        step = _step(found, rows)
        (score,) = self.told([step.raw_score])
        doubt = self._doubt(call, label, found, score)
        return call.answered(
            query,
            found=doubt is None,
            reason=doubt,
            score=score,
            xyxy=step.xyxy,
            zooms=(step,),
            considered=self._considered(found, rows),
            **values,
        )

    def _doubt(self, call: Call, label: str | None, found: Detected, score: float) -> str | None:
        """Why there is no answer to rely on; None when there is."""
        if label is None:
            some = ", ".join(self.block.labels[:8])
            more = ", ..." if len(self.block.labels) > 8 else ""
            return f"it names none of the classes that the detector knows: {some}{more}"
        if not found.complete:
            return (
                f"the deadline of {call.deadline.limit_ms:g} ms ended the search: the box is the"
                " best of what was seen until then"
            )
        if score < self.threshold:
            below, least = apart(score, self.threshold)
            return f"the score {below} is below the threshold {least}"
        return None

    def _considered(self, found: Detected, rows: NDArray[np.int64]) -> tuple[Considered, ...]:
        shown = rows[:SHOWN]
        scores = self.told(found.proposals.scores[shown].tolist())
        return tuple(
            Considered(
                found.proposals.xyxy[row],
                score,
                found.proposals.label(row),
                {"detector": float(found.own[row])},
            )
            for row, score in zip(shown.tolist(), scores, strict=True)
        )


def _step(found: Detected, rows: NDArray[np.int64]) -> Zoom:
    """One look, which chose the first of these rows."""
    proposals = found.proposals
    return Zoom(
        window_xyxy=found.windows[0].astype(np.float32),
        xyxy=proposals.xyxy[rows[0]],
        raw_score=float(proposals.scores[rows[0]]),
        candidates_xyxy=proposals.xyxy[rows],
        candidates_scores=proposals.scores[rows],
    )


class _FewShot:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """The two stages, and those that compare texts and crops."""
        block = read_block(manifest)
        pixels = (1, 3, *block.anchors.input_hw)
        found = {
            PROPOSE: Signature({PIXELS: pixels}, (FEATURES, OBJECTNESS, OFFSETS)),
            JUDGE: Signature(
                {FEATURES: None, PROPOSALS: (1, block.proposals, 4)}, (CLASSES, MOVES)
            ),
        }
        return found if block.clip is None else {**found, **block.clip.signatures}

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """Propose, judge, correct."""
        return FewShotAnswerer(folder, manifest, threshold)

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """What it knows, where it looks, what is corrected."""
        block = read_block(manifest)
        told = [f"a two-stage detector of {len(block.labels)} classes"]
        told.append(f"looks at {block.proposer.describe()}")
        if block.bank is not None:
            told.append(f"corrects by what they look like: {', '.join(block.bank.texts) or 'none'}")
        return tuple(told)


FAMILY: Family = _FewShot()
