"""Two stages: a detector proposes, scorers say which proposal a sentence means.

The block ``two-stage`` of the manifest names the detector's network, its head and classes, where
it looks, and the scorers with their weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdk.digits import apart
from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import Manifest
from sdk.families.family import Answerer, Call, Family, Query
from sdk.geometry import Boxes, area, contains
from sdk.json_reader import JsonReader
from sdk.regions import words
from sdk.regions.detector import Detector
from sdk.regions.heads import read_head
from sdk.regions.proposals import Proposals
from sdk.regions.proposers import Proposer, Survey, read_proposer, survey_at
from sdk.regions.scorers import Weighed, Weighted, fused, interest, read_scorers
from sdk.results.grounding import Considered, Grounding, Zoom
from sdk.runtime.runtime import Runtime, Signature
from sdk.timing import StageTimer
from sdk.zoom.calibration import Calibration
from sdk.zoom.state import Start

LEAST = 0.2  # by trying 0.1, 0.2 and 0.3 on two photographs (docs/photographs.md)
SHOWN = 8  # proposals that an answer tells of
_MOST_CLASSES = 100_000


@dataclass(frozen=True, eq=False)
class Pipeline:
    """What the manifest's block says.

    Attributes:
        detector: proposes.
        proposer: where it looks.
        scorers: who choose.
        least: the detector's own score that a proposal needs to be chosen from. Looking closer goes
            by less: what a detector doubts in the frame it may be sure of in a window.
    """

    detector: Detector
    proposer: Proposer
    scorers: tuple[Weighted, ...]
    least: float = LEAST

    def to_mapping(self) -> dict[str, Any]:
        """The block, as ``read_pipeline`` reads it."""
        return {
            "detector": {
                "network": self.detector.network,
                "head": self.detector.head.to_mapping(),
                "labels": list(self.detector.names),
            },
            "look": self.proposer.to_mapping(),
            "scorers": [each.to_mapping() for each in self.scorers],
            "least": self.least,
        }


def read_pipeline(manifest: Manifest) -> Pipeline:
    """What the block of an engine says.

    Raises:
        EngineError: a value is missing or makes no sense; the message names the family.
    """
    said = f"{manifest.name}, {MANIFEST_FILE}: the block {manifest.family!r} of that family"
    reader = JsonReader(dict(manifest.block), said)
    found = reader.part("detector")
    head, names = read_head(found.part("head")), found.texts("labels", _MOST_CLASSES)
    network = found.text("network", choices=tuple(manifest.networks))
    (image,) = manifest.networks[network].inputs
    if image not in manifest.inputs:
        raise found.fault("network", "one that looks at windows", network)
    if len(names) != head.classes:
        raise found.fault("labels", f"a name for each of {head.classes} classes", len(names))
    detector = Detector(network, manifest.inputs[image].hw, head, names)
    return Pipeline(
        detector,
        read_proposer(reader.part("look")),
        read_scorers(reader, "scorers"),
        reader.number("least", low=0.0, high=1.0),
    )


class TwoStageAnswerer:
    """An ``sdk.families.family.Answerer``."""

    def __init__(self, manifest: Manifest, threshold: float) -> None:
        self._pipeline, self._threshold = read_pipeline(manifest), threshold
        self._calibration = Calibration.from_mapping(manifest.calibration)
        self._engine = f"{manifest.name}@{manifest.fingerprint}"
        self._stages = tuple(manifest.networks)

    def read(self, ref: str) -> Query:
        """See ``Answerer.read``; the meaning is the ``words.Sentence``."""
        sentence = words.parse(ref)
        return Query(ref, sentence, sentence.not_understood, sentence.head != words.Phrase())

    def answer(self, runtime: Runtime | None, call: Call) -> list[Grounding]:
        """See ``Answerer.answer``. What is proposed is proposed once, for all queries."""
        clock = StageTimer(self._stages) if runtime is None else runtime.clock
        clock.start(call.begin_s)
        found: list[_Found | None] = [None] * len(call.queries)
        known = [k for k, query in enumerate(call.queries) if query.understood]
        if runtime is not None and known and call.deadline.affords(1, 0, first=True):
            looks = _Looks(self._pipeline, runtime, call)
            for k, each in zip(known, self._found(looks, known), strict=True):
                found[k] = each
        timing_ms = clock.drain()
        return [
            self._answered(call, timing_ms, query, each)
            for query, each in zip(call.queries, found, strict=True)
        ]

    def forget(self) -> None:
        """Nothing is kept."""

    def _found(self, looks: _Looks, known: Sequence[int]) -> list[_Found]:
        """What comes of each of the queries ``known``.

        Where all of them have a start, one looks there and at the frame, and everywhere else only
        for those whose start leads nowhere.
        """
        call = looks.call
        starts = [call.starts[k] for k in known]
        places = [each for each in starts if each is not None]
        warm = len(places) == len(starts)
        survey = looks.at(places) if warm else looks.everywhere(known)
        found = [self._chosen(looks, call.queries[k], survey, call.starts[k]) for k in known]
        lost = [
            k
            for k, each, start in zip(known, found, starts, strict=True)
            if warm and start is not None and each.score < start.restart_below
        ]
        if not lost:
            return found
        survey = looks.everywhere(lost)
        again = {k: self._chosen(looks, call.queries[k], survey, None) for k in lost}
        return [
            again[k].after(each) if k in again else each
            for k, each in zip(known, found, strict=True)
        ]

    def _chosen(self, looks: _Looks, query: Query, survey: Survey, start: Start | None) -> _Found:
        sure = survey.proposals.scores >= self._pipeline.least
        survey = replace(survey, proposals=survey.proposals.take(sure))
        proposals = survey.proposals
        call, scorers = looks.call, self._pipeline.scorers
        weighed = fused(scorers, call.frame, call.color, proposals, query.meaning)
        order = np.argsort(-weighed.scores, kind="stable")
        steps = _steps(survey, weighed, order) if len(order) else ()
        return _Found(
            steps,
            self._calibration.score(steps[-1:]),
            proposals,
            weighed,
            order,
            complete=not looks.refused,
            first_score=None if start is None else start.first_score,
        )

    def _answered(
        self, call: Call, timing_ms: Mapping[str, float], query: Query, found: _Found | None
    ) -> Grounding:
        reason = self._reason(call, query, found)
        values: dict[str, Any] = {"engine": self._engine, "timing_ms": timing_ms, "reason": reason}
        if found is None or not found.steps:
            complete = not query.understood or (found is not None and found.complete)
            return call.answered(
                query, found=False, score=0.0, xyxy=None, zooms=(), complete=complete, **values
            )
        return call.answered(
            query,
            found=reason is None,
            score=found.score,
            xyxy=found.steps[-1].xyxy,
            zooms=found.steps,
            complete=found.complete,
            rival=self._calibration.rival(found.steps[-1:]),
            abandoned=found.abandoned,
            first_score=found.first_score,
            considered=tuple(self._considered(found)),
            **values,
        )

    def _considered(self, found: _Found) -> list[Considered]:
        shown = []
        for index in found.order[:SHOWN].tolist():
            step = _step(found.steps[-1].window_xyxy, found.proposals, found.weighed, [index])
            parts = {name: float(values[index]) for name, values in found.weighed.parts.items()}
            label = found.proposals.label(index)
            shown.append(Considered(step.xyxy, self._calibration.score((step,)), label, parts))
        return shown

    def _reason(self, call: Call, query: Query, found: _Found | None) -> str | None:
        """Why there is no answer to rely on; None when there is."""
        if not query.understood:
            return f"the engine knows none of the words of {query.ref!r}"
        if found is None:
            return (
                f"the deadline of {call.deadline.limit_ms:g} ms left no time for a first look:"
                f" {call.deadline.why_no_step()}"
            )
        unknown = found.weighed.unknown_kind
        knows_not = f"the detector knows no {unknown!r}" if unknown else ""
        if not found.steps:
            return "the detector proposes nothing in this frame" + (
                f", and {knows_not}" if unknown else ""
            )
        if not found.complete:
            return (
                f"the deadline of {call.deadline.limit_ms:g} ms ended the search: the box is the"
                " best of what was seen until then"
            )
        if found.score < self._threshold:
            below, least = apart(found.score, self._threshold)
            said = f"the score {below} is below the threshold {least}"
            return f"{knows_not}: {said}" if unknown else said
        return None


@dataclass(frozen=True, eq=False)
class _Found:
    """What came of one query. ``order``: proposals by their score, best first."""

    steps: tuple[Zoom, ...]
    score: float
    proposals: Proposals
    weighed: Weighed
    order: Any
    complete: bool
    first_score: float | None = None
    abandoned: tuple[Zoom, ...] = ()

    def after(self, given_up: _Found) -> _Found:
        """As the second attempt, after one that led nowhere."""
        return _Found(
            self.steps,
            self.score,
            self.proposals,
            self.weighed,
            self.order,
            self.complete,
            None,
            given_up.steps,
        )


class _Looks:
    """The detector's eyes on one frame, and whether there was time for all that one wanted."""

    def __init__(self, pipeline: Pipeline, runtime: Runtime, call: Call) -> None:
        self._pipeline, self._runtime, self.call = pipeline, runtime, call
        self._frame = runtime.upload(call.frame, call.color)
        self.refused = False

    def everywhere(self, asked: Sequence[int]) -> Survey:
        """Where the engine looks for these of the call's queries."""
        sentences = [self.call.queries[k].meaning for k in asked]

        def of_any(proposals: Proposals) -> Any:
            return np.max([interest(proposals, each) for each in sentences], axis=0)

        return self._pipeline.proposer.propose(
            self._eyes, self.call.frame_wh, of_any, self._affords
        )

    def at(self, starts: Sequence[Start]) -> Survey:
        """The frame, and the places where one is told to look."""
        windows = np.array([np.asarray(each.window_xyxy, np.float64) for each in starts])
        return survey_at(self._eyes, self.call.frame_wh, windows)

    def _eyes(self, windows: Boxes) -> list[Proposals]:
        with self.call.deadline.pace.timed("windows", len(windows)):
            return self._pipeline.detector.look(
                self._runtime, self._frame, self.call.frame_wh, windows
            )

    def _affords(self, count: int) -> bool:
        afforded = self.call.deadline.affords(count, 0, first=False)
        self.refused |= not afforded
        return afforded


def _steps(survey: Survey, weighed: Weighed, order: Any) -> tuple[Zoom, ...]:
    """The way to the best proposal: the frame, and the closest look that saw all of it."""
    box = survey.proposals.xyxy[order[0]]
    closer = survey.windows[1:]
    closer = closer[contains(closer, box, 0.5)] if len(closer) else closer
    whole = survey.windows[0]
    if not len(closer):
        return (_step(whole, survey.proposals, weighed, order),)
    window = closer[int(np.argmin(area(closer)))]
    last = _step(window, survey.proposals, weighed, order)
    first = Zoom(
        window_xyxy=whole.astype(np.float32),
        xyxy=window.astype(np.float32),
        raw_score=last.raw_score,
        candidates_xyxy=np.empty((0, 4), np.float32),
        candidates_scores=np.empty(0, np.float32),
    )
    return first, last


def _step(window_xyxy: Any, proposals: Proposals, weighed: Weighed, order: Any) -> Zoom:
    """A step that chose the first of ``order`` among the proposals."""
    return Zoom(
        window_xyxy=np.asarray(window_xyxy, np.float32),
        xyxy=proposals.xyxy[order[0]],
        raw_score=float(weighed.scores[order[0]]),
        candidates_xyxy=proposals.xyxy[order],
        candidates_scores=weighed.scores[order].astype(np.float32),
    )


class _TwoStage:
    """See ``sdk.families.family.Family``."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """The detector, which looks at windows."""
        detector = read_pipeline(manifest).detector
        (image,) = manifest.networks[detector.network].inputs
        shape = (1, 3, *detector.input_hw)
        return {detector.network: Signature({image: shape}, detector.head.outputs)}

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """Propose, score, choose."""
        return TwoStageAnswerer(manifest, threshold)

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """The detector, where it looks, and who chooses."""
        pipeline = read_pipeline(manifest)
        head, names = pipeline.detector.head, pipeline.detector.names
        scorers = " x ".join(each.scorer.name for each in pipeline.scorers)
        return (
            f"a detector of {len(names)} classes ({head.kind})",
            f"looks at {pipeline.proposer.describe()}",
            f"scored by {scorers}",
        )


FAMILY: Family = _TwoStage()
