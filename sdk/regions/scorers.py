"""How well a sentence describes each proposal: scorers, which may be several, and their product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdk.json_reader import JsonReader
from sdk.regions import words
from sdk.regions.clip_scorers import (
    ClipScorer,
    PseudoQueriesScorer,
    read_clip_scorer,
    read_pseudo_queries,
)
from sdk.regions.proposals import Proposals
from sdk.regions.scoring import Floats, Scene, Scorer, Weighed
from sdk.regions.words.sentence import Phrase
from sdk.regions.words.similarity import similarities


@dataclass(frozen=True)
class WordsScorer:
    """Kind, colour, size, position and relations, judged without any weights: ``words``."""

    name = "words"
    uses = ()

    def weigh(self, scene: Scene, proposals: Proposals, sentence: words.Sentence) -> Weighed:
        """See ``Scorer``."""
        judged = words.judge(scene.frame, scene.color, proposals, sentence)
        said = {part: getattr(judged.parts, part) for part in words.PARTS}
        parts = {part: values for part, values in said.items() if values is not None}
        return Weighed(judged.scores, parts, judged.unknown_kind)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Scorer``."""
        return {"kind": self.name}


@dataclass(frozen=True)
class LabelsScorer:
    """The sentence's subject against the detector's classes, and nothing else: ``labels``.

    The published baseline of detectors that are asked for a class by name.
    """

    name = "labels"
    uses = ()

    def weigh(self, scene: Scene, proposals: Proposals, sentence: words.Sentence) -> Weighed:
        """See ``Scorer``."""
        head = sentence.head
        similar, known = similarities(head.kind, head.noun, proposals.names)
        kind = similar[proposals.labels]
        scores = kind * proposals.scores
        return Weighed(scores, {"kind": kind}, None if known else head.noun or sentence.ref)

    def to_mapping(self) -> dict[str, Any]:
        """See ``Scorer``."""
        return {"kind": self.name}


SCORERS: Mapping[str, Scorer] = {
    each.name: each for each in (WordsScorer(), LabelsScorer(), ClipScorer(), PseudoQueriesScorer())
}
_READ: Mapping[str, Callable[[JsonReader], Scorer]] = {
    "clip": read_clip_scorer,
    "pseudo-queries": read_pseudo_queries,
}


@dataclass(frozen=True)
class Weighted:
    """A scorer, and the power to which its score counts."""

    scorer: Scorer
    weight: float = 1.0

    def to_mapping(self) -> dict[str, Any]:
        """What ``read_scorers`` reads."""
        return {**self.scorer.to_mapping(), "weight": self.weight}


def read_scorers(reader: JsonReader, key: str) -> tuple[Weighted, ...]:
    """The scorers that a block of a manifest lists.

    Raises:
        EngineError: one is not known, or there is none.
    """
    found = []
    for each in reader.items(key, len(SCORERS)):
        name = each.text("kind", choices=tuple(SCORERS))
        scorer = _READ[name](each) if name in _READ else SCORERS[name]
        found.append(Weighted(scorer, each.number("weight", 1e-3, 1e3)))
    if not found:
        raise reader.fault(key, "at least one scorer", [])
    return tuple(found)


def fused(
    scorers: Sequence[Weighted], scene: Scene, proposals: Proposals, sentence: words.Sentence
) -> Weighed:
    """What several scorers say together: the geometric mean by their weights.

    A proposal has to please all of them, as in ReCLIP (Subramanian et al. 2022), which multiplies
    what CLIP sees with what rules say of relations.
    """
    each = [(s.weight, s.scorer.weigh(scene, proposals, sentence)) for s in scorers]
    whole = sum(weight for weight, _ in each)
    scores = np.prod([found.scores ** (weight / whole) for weight, found in each], axis=0)
    parts = {name: part for _, found in each for name, part in found.parts.items()}
    unknown = next((found.unknown_kind for _, found in each if found.unknown_kind), None)
    return Weighed(np.asarray(scores), parts, unknown)


def interest(proposals: Proposals, sentence: words.Sentence) -> Floats:
    """How likely each proposal is to be what the sentence is about, or what that stands beside.

    By its class alone, ``(N,)`` in 0..1: where a closer look is worth its time.
    """
    phrases: Sequence[Phrase] = list(sentence.head.everything())
    found = [
        similarities(phrase.kind, phrase.noun, proposals.names)[0][proposals.labels]
        for phrase in phrases
    ]
    return np.asarray(np.max(found, axis=0))
