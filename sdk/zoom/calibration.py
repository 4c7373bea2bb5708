"""What an answer is worth: scores of a search -> the probability that its box is right.

A logistic model of the logits of two scores (Platt scaling; with one score this is temperature
scaling with a bias, Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). The first
step sees the whole frame, and so whether a relation holds; the last one sees the object in detail.
Together they tell right answers from near misses better than either does. Weights come from
``piza train calibrate``; the choice of the two scores is our own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdk.geometry import iou
from sdk.json_reader import JsonReader
from sdk.results.grounding import Float32, Rival, Zoom
from sdk.zoom.state import usable

# Candidates that overlap less than this with the chosen one are other places (our choice: windows
# around neighbours overlap, and on rendered scenes 0.3 to 0.8 tell wrong answers equally well).
APART_IOU = 0.5
LEAST_RIVAL = 0.005  # a lower score is shown as 0.00
# No score and no probability is nearer to 0 or 1 than this: logits must be finite.
_CERTAIN = 1e-6
_LARGEST = 100.0  # weights and biases beyond this are nonsense
_ADVICE = "what piza train calibrate writes"

# How a search went, which decides what its scores mean: it ended after several steps; it ended
# after one (a warm start); it did not end, so that its box is a place on the way.
KINDS = ("whole", "close", "open")


@dataclass(frozen=True)
class Weights:
    """``logit(p) = bias + first * logit(first score) + last * logit(last score)``.

    ``first`` and ``last`` are at least 0: a better score never makes an answer worth less.
    """

    bias: float
    first: float
    last: float

    def logit(self, first: float, last: float) -> float:
        """The logit of the probability, from two logits of scores."""
        return self.bias + self.first * first + self.last * last


@dataclass(frozen=True)
class Calibration:
    """What an engine's scores mean; made by ``from_mapping`` from what its manifest says.

    Attributes:
        threshold: score from which an object counts as found, 0..1.
        evidence: weights for each of ``KINDS``; None: the last score is taken as it is.
        ended: end-of-search probability from which a box was the answer and not a place on the
            way, when the weights were fitted.
        tie_margin: a candidate elsewhere is a rival when the answer is at most this much better,
            in logits of the calibrated score.
    """

    threshold: float
    evidence: Mapping[str, Weights] | None = None
    ended: float = 0.0
    tie_margin: float = 0.0

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Calibration:
        """Reads ``calibration`` of a manifest or of a checkpoint's config.

        With ``threshold`` alone scores stay as they are and there are no rivals. Other keys
        (``risk``, ``by_size``, ...) are for other readers.

        Raises:
            EngineError: a value is missing or makes no sense.
        """
        reader = JsonReader({"calibration": values}, _ADVICE)
        threshold = reader.number("calibration.threshold", 0.0, 1.0)
        if "evidence" not in values:
            return cls(threshold)
        evidence = {
            kind: Weights(
                bias=reader.number(f"calibration.evidence.{kind}.bias", -_LARGEST, _LARGEST),
                first=reader.number(f"calibration.evidence.{kind}.first", 0.0, _LARGEST),
                last=reader.number(f"calibration.evidence.{kind}.last", 0.0, _LARGEST),
            )
            for kind in KINDS
        }
        ended = reader.number("calibration.ended", 0.0, _LARGEST)
        return cls(
            threshold, evidence, ended, reader.number("calibration.tie_margin", 0.0, _LARGEST)
        )

    def kind(self, zooms: Sequence[Zoom], first_score: float | None = None) -> str:
        """Which of ``KINDS`` a search of at least one step is."""
        stop = zooms[-1].stop_probability
        if stop is not None and stop < self.ended:
            return "open"
        return "whole" if len(zooms) > 1 or first_score is not None else "close"

    def score(self, zooms: Sequence[Zoom], first_score: float | None = None) -> float:
        """The probability that the last box is right (IoU of at least 0.5 with the object).

        It holds for questions like those of the calibration, with their share of expressions that
        are true of nothing, and for searches without a beam, which picks the best of several
        ends. A warm start that knows the score of an earlier frame's first look is judged by it
        and by its own last look, as the search would be that took both; one that knows of none
        is judged as if its own first look had seen the whole frame.

        Args:
            zooms: the steps of one attempt.
            first_score: of the earlier first look that they go on from, 0..1; None without one.

        Returns:
            0..1, never NaN, not decreasing in the last score; 0 without a step.
        """
        if not zooms:
            return 0.0
        if self.evidence is None:
            score = zooms[-1].raw_score
            return min(max(score, 0.0), 1.0) if not math.isnan(score) else 0.0
        weights = self.evidence[self.kind(zooms, first_score)]
        return probability(weights.logit(*_logits(zooms, first_score)))

    def rival(self, zooms: Sequence[Zoom], first_score: float | None = None) -> Rival | None:
        """The candidate of ``runner_up`` when it is nearly as good as the chosen one, or better:
        when the answer is ahead of it by ``tie_margin`` at most. Where both are as good as
        nothing, near the floor of scores, neither is the other's rival."""
        found = self.runner_up(zooms, first_score)
        if found is None or found[0].score < LEAST_RIVAL or found[1] > self.tie_margin:
            return None
        return found[0]

    def runner_up(
        self, zooms: Sequence[Zoom], first_score: float | None = None
    ) -> tuple[Rival, float] | None:
        """The best candidate elsewhere, and by how much the answer is ahead of it, in logits.

        It is looked for among the candidates of the first step, which chose the window to go on
        with, and of the last one, which chose the box. Its score is what the search would be worth
        with the candidate's score in the place of the chosen one's. Nobody took a closer look at a
        candidate of the first step: its box is the window that would have come next, with the
        object in its middle. A step whose score says nothing of the answer offers none, nor does
        a first look of an earlier frame.

        Args:
            zooms: the steps of one attempt.
            first_score: as for ``score``.

        Returns:
            None when there is no candidate elsewhere, no step, or nothing to judge it by.
        """
        if self.evidence is None or not zooms:
            return None
        weights = self.evidence[self.kind(zooms, first_score)]
        first, last = _logits(zooms, first_score)
        own_first = first_score is None
        offers = []
        if weights.last > 0 and (other := _elsewhere(zooms[-1])) is not None:
            its = logit(other[1])
            only = len(zooms) == 1 and own_first
            offers.append((other[0], weights.logit(its if only else first, its)))
        wide = len(zooms) > 1 and own_first
        if weights.first > 0 and wide and (other := _elsewhere(zooms[0])) is not None:
            offers.append((other[0], weights.logit(logit(other[1]), last)))
        if not offers:
            return None
        box, value = max(offers, key=lambda offer: offer[1])
        return Rival(box, probability(value)), weights.logit(first, last) - value


def _logits(zooms: Sequence[Zoom], first_score: float | None) -> tuple[float, float]:
    """Of the first look's score, which may be an earlier frame's, and of the last one's."""
    first = zooms[0].raw_score if first_score is None else first_score
    return logit(first), logit(zooms[-1].raw_score)


def logit(score: float) -> float:
    """``ln(p / (1 - p))`` of a score in 0..1, kept finite; a score that is NaN counts as 0."""
    p = 0.0 if math.isnan(score) else score
    p = min(max(p, _CERTAIN), 1 - _CERTAIN)
    return math.log(p / (1 - p))


def probability(value: float) -> float:
    """The logistic function, strictly between 0 and 1."""
    return min(max(0.5 * (1 + math.tanh(value / 2)), _CERTAIN), 1 - _CERTAIN)


def _elsewhere(zoom: Zoom) -> tuple[Float32, float] | None:
    """The best usable candidate of a step that is another place, and its score."""
    boxes, scores = zoom.candidates_xyxy, zoom.candidates_scores
    apart = usable(boxes, scores) & (iou(boxes, zoom.xyxy) < APART_IOU)
    if not apart.any():
        return None
    best = int(np.where(apart, scores, -np.inf).argmax())
    return boxes[best], float(scores[best])
