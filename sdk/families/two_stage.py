"""Two stages: a detector proposes, scorers say which proposal a sentence means.

The block ``two-stage`` of the manifest names the detector's network, its head and classes, where
it looks, the image and text networks if there are any, and the scorers with their weights. Without
a detector regions of the frame are scored, and the hottest rectangle is the only proposal. With a
refiner (``refine``) the box that was chosen is corrected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sdk.digits import apart
from sdk.engine.folder import MANIFEST_FILE
from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.families.family import Answerer, Call, Family, Query
from sdk.geometry import Boxes, area, contains
from sdk.json_reader import JsonReader
from sdk.regions import words
from sdk.regions.clip import Clip, Float32, Sight, Texts, read_clip
from sdk.regions.detector import Detector
from sdk.regions.heads import read_head
from sdk.regions.heatmap import HeatmapProposer, Regions, read_heatmap, require_segmentation
from sdk.regions.proposals import Proposals
from sdk.regions.proposers import PLACES, Proposer, Survey, read_proposer, survey_at
from sdk.regions.refiners import (
    Asked,
    Correction,
    Refined,
    read_correction,
    read_refiner,
)
from sdk.regions.scorers import Weighted, fused, interest, read_scorers
from sdk.regions.scoring import Scene, Weighed
from sdk.regions.views import View
from sdk.results.grounding import Considered, Grounding, Zoom
from sdk.runtime.runtime import Runtime, Signature, Value
from sdk.text import normalise
from sdk.timing import StageTimer
from sdk.zoom.calibration import Calibration
from sdk.zoom.state import Start

LEAST = 0.2  # by trying 0.1, 0.2 and 0.3 on two photographs (docs/photographs.md)
HEATMAP = "heatmap"  # where one looks without a detector
SHOWN = 8  # proposals that an answer tells of
_MOST_CLASSES = 100_000
_REGION = ("region",)  # what a heatmap proposes
_REGION_VIEW = View("tight")


@dataclass(frozen=True, eq=False)
class Pipeline:
    """What the manifest's block says.

    Attributes:
        detector: proposes; None where a heatmap does.
        proposer: where it looks.
        scorers: who choose.
        least: the detector's own score that a proposal needs to be chosen from. Looking closer goes
            by less: what a detector doubts in the frame it may be sure of in a window.
        clip: image and text networks, for the scorers, the heatmap and the refiner that use them.
        correction: what becomes of the box that was chosen; None where it stays as it is.
    """

    detector: Detector | None
    proposer: Proposer | HeatmapProposer
    scorers: tuple[Weighted, ...]
    least: float = LEAST
    clip: Clip | None = None
    correction: Correction | None = None

    @property
    def by_detector(self) -> tuple[Detector, Proposer]:
        """The detector and where it looks; raises EngineError where a heatmap proposes."""
        if self.detector is None or isinstance(self.proposer, HeatmapProposer):
            raise EngineError("expected an engine with a detector, found one that goes by heat")
        return self.detector, self.proposer

    def to_mapping(self) -> dict[str, Any]:
        """The block, as ``read_pipeline`` reads it."""
        said: dict[str, Any] = {}
        if self.detector is not None:
            said["detector"] = {
                "network": self.detector.network,
                "head": self.detector.head.to_mapping(),
                "labels": list(self.detector.names),
            }
        if self.clip is not None:
            said["clip"] = self.clip.to_mapping()
        if self.correction is not None:
            said["refine"] = self.correction.to_mapping()
        return said | {
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
    look, scorers = reader.part("look"), read_scorers(reader, "scorers")
    least = reader.number("least", low=0.0, high=1.0)
    clip = read_clip(reader.part("clip"), manifest) if "clip" in manifest.block else None
    names, has = [each.scorer.name for each in scorers], () if clip is None else clip.sides
    missing = {side for each in scorers for side in each.scorer.uses} - set(has)
    if missing:
        raise reader.fault("scorers", f"some that need no {' or '.join(missing)} network", names)
    correction = None
    if "refine" in manifest.block:
        if "image" not in has:
            raise reader.fault("refine", "none, as there is no image network", "one")
        part = reader.part("refine")
        correction = read_correction(part, read_refiner(part, tuple(manifest.networks)))
    if look.text("where", choices=(*PLACES, HEATMAP)) != HEATMAP:
        detector = _read_detector(reader.part("detector"), manifest)
        return Pipeline(detector, read_proposer(look), scorers, least, clip, correction)
    if names != ["clip"]:
        raise reader.fault("scorers", "clip alone, for a region has no kind", names)
    heatmap = read_heatmap(look)
    if heatmap.pool == "attention" and (clip is None or clip.regions is None):
        raise reader.fault("look", "other regions, as no network pools them", heatmap.pool)
    return Pipeline(None, heatmap, scorers, least, clip, correction)


def _read_detector(found: JsonReader, manifest: Manifest) -> Detector:
    head, names = read_head(found.part("head")), found.texts("labels", _MOST_CLASSES)
    network = found.text("network", choices=tuple(manifest.networks))
    inputs = tuple(manifest.networks[network].inputs)
    if len(inputs) != 1 or inputs[0] not in manifest.inputs:
        raise found.fault("network", "one that looks at windows", network)
    if len(names) != head.classes:
        raise found.fault("labels", f"a name for each of {head.classes} classes", len(names))
    return Detector(network, manifest.inputs[inputs[0]].hw, head, names)


class TwoStageAnswerer:
    """An ``sdk.families.family.Answerer``."""

    def __init__(self, folder: Path, manifest: Manifest, threshold: float) -> None:
        self._pipeline, self._threshold = read_pipeline(manifest), threshold
        clip = self._pipeline.clip
        self._texts = None if clip is None else Texts(clip, folder)
        self._reads_all = any(each.scorer.uses for each in self._pipeline.scorers)
        if self._pipeline.detector is None:
            require_segmentation()
        self._calibration = Calibration.from_mapping(manifest.calibration)
        self._engine = manifest.label
        self._stages = tuple(manifest.networks)

    def read(self, ref: str) -> Query:
        """See ``Answerer.read``; the meaning is the ``words.Sentence``."""
        sentence = words.parse(ref)
        if self._reads_all:
            return Query(ref, sentence)
        return Query(ref, sentence, sentence.not_understood, sentence.head != words.Phrase())

    def answer(self, runtime: Runtime | None, call: Call) -> list[Grounding]:
        """See ``Answerer.answer``. What is proposed is proposed once, for all queries."""
        clock = StageTimer(self._stages) if runtime is None else runtime.clock
        clock.start(call.begin_s)
        found: list[_Found | None] = [None] * len(call.queries)
        known = [k for k, query in enumerate(call.queries) if query.understood]
        if runtime is not None and known and call.deadline.affords(1, 0, first=True):
            answers = self._found(_Frame(self._pipeline, self._texts, runtime, call), known)
            for k, each in zip(known, answers, strict=True):
                found[k] = each
        timing_ms = clock.drain()
        return [
            self._answered(call, timing_ms, query, each)
            for query, each in zip(call.queries, found, strict=True)
        ]

    def forget(self) -> None:
        """Sentences are encoded anew."""
        if self._texts is not None:
            self._texts.forget()

    def _found(self, seen: _Frame, known: Sequence[int]) -> list[_Found]:
        """What comes of each of the queries ``known``; a heatmap sees everything, start or not."""
        proposer = self._pipeline.proposer
        if not isinstance(proposer, HeatmapProposer):
            return self._detected(seen, known)
        queries = [seen.call.queries[k] for k in known]
        return [self._chosen(seen, each, seen.hottest(proposer, each), None) for each in queries]

    def _detected(self, seen: _Frame, known: Sequence[int]) -> list[_Found]:
        """What the detector finds of each of the queries ``known``.

        Where all of them have a start, one looks there and at the frame, and everywhere else only
        for those whose start leads nowhere.
        """
        call = seen.call
        starts = [call.starts[k] for k in known]
        places = [each for each in starts if each is not None]
        warm = len(places) == len(starts)
        survey = seen.at(places) if warm else seen.everywhere(known)
        found = [self._chosen(seen, call.queries[k], survey, call.starts[k]) for k in known]
        lost = [
            k
            for k, each, start in zip(known, found, starts, strict=True)
            if warm and start is not None and each.score < start.restart_below
        ]
        if not lost:
            return found
        survey = seen.everywhere(lost)
        again = {k: self._chosen(seen, call.queries[k], survey, None) for k in lost}
        return [
            again[k].after(each) if k in again else each
            for k, each in zip(known, found, strict=True)
        ]

    def _chosen(self, seen: _Frame, query: Query, survey: Survey, start: Start | None) -> _Found:
        sure = survey.proposals.scores >= self._pipeline.least
        survey = replace(survey, proposals=survey.proposals.take(sure))
        proposals = survey.proposals
        weighed = fused(self._pipeline.scorers, seen.scene, proposals, query.meaning)
        order = np.argsort(-weighed.scores, kind="stable")
        steps = _steps(survey, weighed, order) if len(order) else ()
        refined = seen.corrected(query, steps[-1]) if steps else Refined(())
        return _Found(
            steps,
            self._calibration.score(steps[-1:]),
            proposals,
            weighed,
            order,
            complete=not seen.refused,
            refined=refined.steps,
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
            xyxy=found.zooms[-1].xyxy,
            zooms=found.zooms,
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
        if not found.steps and not found.complete and self._pipeline.detector is None:
            limit = f"{call.deadline.limit_ms:g} ms"
            return f"the deadline of {limit} left no time to compare the regions of the frame"
        if not found.steps and self._pipeline.detector is None:
            return "no region of this frame stands out"
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
    """What came of one query. ``steps``: to the choice; ``refined``: from there on; ``order``:
    proposals by their score, best first."""

    steps: tuple[Zoom, ...]
    score: float
    proposals: Proposals
    weighed: Weighed
    order: Any
    complete: bool
    refined: tuple[Zoom, ...] = ()
    first_score: float | None = None
    abandoned: tuple[Zoom, ...] = ()

    @property
    def zooms(self) -> tuple[Zoom, ...]:
        """All steps, of which the last one has the answer."""
        return self.steps + self.refined

    def after(self, given_up: _Found) -> _Found:
        """As the second attempt, after one that led nowhere."""
        return replace(self, first_score=None, abandoned=given_up.zooms)


class _Frame:
    """One frame as the engine sees it, and whether there was time for all that one wanted."""

    def __init__(
        self, pipeline: Pipeline, texts: Texts | None, runtime: Runtime, call: Call
    ) -> None:
        self._pipeline, self._runtime, self.call = pipeline, runtime, call
        self._regions: Regions | None = None
        self._pooled: Float32 | None = None
        self._refused = False
        sight = None
        if pipeline.clip is not None and texts is not None:
            sight = Sight(pipeline.clip, texts, runtime, call.frame, call.color, call.deadline)
        self.scene = Scene(call.frame, call.color, sight)

    @property
    def refused(self) -> bool:
        """Whether time was short."""
        sight = self.scene.sight
        return self._refused or (sight is not None and sight.refused)

    def everywhere(self, asked: Sequence[int]) -> Survey:
        """What the detector finds where the engine looks for these of the call's queries."""
        sentences = [self.call.queries[k].meaning for k in asked]

        def of_any(proposals: Proposals) -> Any:
            return np.max([interest(proposals, each) for each in sentences], axis=0)

        _, proposer = self._pipeline.by_detector
        return proposer.propose(self._eyes, self.call.frame_wh, of_any, self._affords)

    def at(self, starts: Sequence[Start]) -> Survey:
        """What it finds in the frame, and in the places where one is told to look."""
        windows = np.array([np.asarray(each.window_xyxy, np.float64) for each in starts])
        return survey_at(self._eyes, self.call.frame_wh, windows)

    def hottest(self, proposer: HeatmapProposer, query: Query) -> Survey:
        """The rectangle that looks most like what a query says; nothing if time is short."""
        if self._regions is None:
            self._regions = proposer.regions(self.call.frame, self.call.color)
        regions, sight, best = self._regions, self.scene.clip, None
        [said] = sight.said([query.meaning.ref])
        seen = self._vectors(proposer, regions)
        if len(seen) == len(regions.boxes_xyxy) > 0:
            heat = seen @ said
            if proposer.pool == "attention":  # the softmax is exp(cosine / temperature), scaled
                heat = sight.clip.chosen_among(heat)
            best = proposer.hottest(regions, heat)
        found = Proposals.empty(_REGION)
        if best is not None:
            found = Proposals(
                np.array([best.xyxy]), np.array([best.heat]), np.zeros(1, int), _REGION
            )
        return Survey(found, np.array([[0.0, 0.0, *self.call.frame_wh]]))

    def _vectors(self, proposer: HeatmapProposer, regions: Regions) -> Float32:
        """Those of regions, as many as there is time for; made once, for all queries."""
        if proposer.pool != "attention":
            return self.scene.clip.seen(_REGION_VIEW, regions.boxes_xyxy)
        if self._pooled is None:
            self._pooled = self.scene.clip.pooled(regions)
        return self._pooled

    def corrected(self, query: Query, chosen: Zoom) -> Refined:
        """What the refiner makes of a choice; no step where there is none."""
        correction = self._pipeline.correction
        if correction is None:
            return Refined(())
        said = self.scene.clip.said([normalise(query.ref)])
        call = self.call
        asked = Asked(
            self.scene.clip, self._runtime, said, call.frame_wh, call.deadline, needed=False
        )
        return correction.corrected(asked, chosen.xyxy)

    @cached_property
    def _uploaded(self) -> Value:
        return self._runtime.upload(self.call.frame, self.call.color)

    def _eyes(self, windows: Boxes) -> list[Proposals]:
        detector, _ = self._pipeline.by_detector
        with self.call.deadline.pace.timed("windows", len(windows)):
            return detector.look(self._runtime, self._uploaded, self.call.frame_wh, windows)

    def _affords(self, count: int) -> bool:
        afforded = self.call.deadline.affords(count, 0, first=False)
        self._refused |= not afforded
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
        """The detector, which looks at windows, and those that compare texts and crops."""
        pipeline = read_pipeline(manifest)
        found = {} if pipeline.clip is None else pipeline.clip.signatures
        if pipeline.correction is not None:
            refiner = pipeline.correction.refiner
            found[refiner.network] = refiner.signature
        if pipeline.detector is None:
            return found
        detector = pipeline.detector
        (image,) = manifest.networks[detector.network].inputs
        shape = (1, 3, *detector.input_hw)
        return {detector.network: Signature({image: shape}, detector.head.outputs), **found}

    def answerer(self, folder: Path, manifest: Manifest, threshold: float) -> Answerer:
        """Propose, score, choose."""
        return TwoStageAnswerer(folder, manifest, threshold)

    def describe(self, manifest: Manifest) -> Sequence[str]:
        """The detector, where it looks, and who chooses."""
        pipeline = read_pipeline(manifest)
        told = []
        if pipeline.detector is not None:
            head, names = pipeline.detector.head, pipeline.detector.names
            told.append(f"a detector of {len(names)} classes ({head.kind})")
        scorers = " x ".join(each.scorer.name for each in pipeline.scorers)
        told += [f"looks at {pipeline.proposer.describe()}", f"scored by {scorers}"]
        return told if pipeline.correction is None else [*told, pipeline.correction.describe()]


FAMILY: Family = _TwoStage()
