"""Scorers that compare a sentence with what proposals look like, or with what is said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.frame import ColorOrder
from sdk.json_reader import JsonReader
from sdk.regions.clip import SIDES
from sdk.regions.proposals import Proposals
from sdk.regions.scoring import Floats, Scene, Weighed
from sdk.regions.subject import noun_phrases
from sdk.regions.views import View, read_view
from sdk.regions.words import paint
from sdk.regions.words.sentence import Sentence

_MOST = 32  # proposals that are looked at: the surest ones
# Colours that a description may name, and the part of a thing that has to have one.
_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black",
            "gray")  # fmt: skip
_COVERED = 0.35
_THIRDS = {  # of the frame, by column and row
    (0, 1): "on the left", (2, 1): "on the right", (1, 1): "in the middle", (1, 0): "at the top",
    (1, 2): "at the bottom", (0, 0): "at the top left", (2, 0): "at the top right",
    (0, 2): "at the bottom left", (2, 2): "at the bottom right",
}  # fmt: skip


@dataclass(frozen=True)
class ClipScorer:
    """The sentence against what each proposal looks like: ``clip``.

    YoloClip, DetrClip and ClipSSD are this with their detectors. Only the surest proposals are
    looked at; the others score 0.

    Attributes:
        view: how proposals are shown.
        most: of them that are looked at.
        subject: ask for the first noun phrase of the sentence; where no proposal is as like it as
            ``least``, for the next ones, and in the end for the whole sentence.
        least: a cosine. The published one is of CLIP ViT-B/32; others' cosines are others.
    """

    view: View = field(default_factory=View)
    most: int = _MOST
    subject: bool = False
    least: float = 0.12

    name = "clip"
    uses = SIDES

    def weigh(self, scene: Scene, proposals: Proposals, sentence: Sentence) -> Weighed:
        """See ``Scorer``."""
        sight, boxes = scene.clip, proposals.xyxy[: self.most]
        asked = (*noun_phrases(sentence.ref), sentence.ref) if self.subject else (sentence.ref,)
        cosines = np.empty(0)
        for text in asked:
            [said] = sight.said([text])
            seen = sight.seen(self.view, boxes)
            if not len(seen):
                break
            cosines = (seen @ said).astype(np.float64)
            if cosines.max() > self.least:
                break
        return _weighed(len(proposals), "look", cosines, sight.clip.likelihood(cosines))

    def to_mapping(self) -> dict[str, Any]:
        """See ``Scorer``."""
        return {
            "kind": self.name,
            "view": self.view.to_mapping(),
            "most": self.most,
            "subject": self.subject,
            "least": self.least,
        }


@dataclass(frozen=True)
class PseudoQueriesScorer:
    """The sentence against sentences that describe each proposal: ``pseudo-queries``.

    Kind, colour and place are put into words, by the templates of Pseudo-Q (Jiang et al. 2022) as
    far as they speak of one thing, and the text network compares; no crop is looked at.

    Attributes:
        most: proposals that are described: the surest ones; the others score 0.
    """

    most: int = _MOST

    name = "pseudo-queries"
    uses = ("text",)

    def weigh(self, scene: Scene, proposals: Proposals, sentence: Sentence) -> Weighed:
        """See ``Scorer``."""
        sight = scene.clip
        [said] = sight.said([sentence.ref])
        shown = proposals.take(np.arange(min(len(proposals), self.most)))
        told = descriptions(scene.frame, scene.color, shown)
        cosines = np.empty(0)
        if told:
            vectors = sight.said([text for texts in told for text in texts])
            cosines = (vectors @ said).reshape(len(told), -1).max(axis=1).astype(np.float64)
        return _weighed(len(proposals), "description", cosines, sight.clip.chosen_among(cosines))

    def to_mapping(self) -> dict[str, Any]:
        """See ``Scorer``."""
        return {"kind": self.name, "most": self.most}


def read_clip_scorer(reader: JsonReader) -> ClipScorer:
    """The scorer that a block of a manifest describes; raises EngineError."""
    return ClipScorer(
        read_view(reader.part("view")),
        int(reader.number("most", low=1, high=1000, whole=True)),
        reader.boolean("subject"),
        reader.number("least", low=-1.0, high=1.0),
    )


def read_pseudo_queries(reader: JsonReader) -> PseudoQueriesScorer:
    """The scorer that a block of a manifest describes; raises EngineError."""
    return PseudoQueriesScorer(int(reader.number("most", low=1, high=1000, whole=True)))


def descriptions(
    frame: NDArray[np.uint8], color: ColorOrder, proposals: Proposals
) -> list[tuple[str, ...]]:
    """What can be said of each proposal: by its kind and colour, its kind and place, all three.

    Args:
        frame: ``(h, w, 3)`` uint8, in which they were made.
        color: its channel order.
        proposals: ``N`` of them.

    Returns:
        ``N`` tuples of texts: ``("red car", "car on the left", "red car on the left")``.
    """
    if not len(proposals):
        return []
    size = np.array([frame.shape[1], frame.shape[0]])
    centres = (proposals.xyxy[:, :2] + proposals.xyxy[:, 2:]) / 2
    thirds = np.clip((3 * centres / size).astype(int), 0, 2)
    told: list[tuple[str, ...]] = []
    named = colours_of(frame, color, proposals.xyxy)
    for index, (name, third) in enumerate(zip(named, thirds.tolist(), strict=True)):
        colour = f"{name} " if name else ""
        thing, place = proposals.label(index), _THIRDS[third[0], third[1]]
        told.append((f"{colour}{thing}", f"{thing} {place}", f"{colour}{thing} {place}"))
    return told


def colours_of(frame: NDArray[np.uint8], color: ColorOrder, xyxy: NDArray[np.float32]) -> list[str]:
    """The word for the colour that most of each box has; "" where none covers enough of it.

    Args:
        frame: ``(h, w, 3)`` uint8.
        color: its channel order.
        xyxy: ``(N, 4)`` frame pixels.
    """
    points = paint.samples(frame, color, xyxy)
    shares = np.stack([paint.shares(points, (name,), "whole") for name in _COLOURS], axis=1)
    return [_COLOURS[int(share.argmax())] if share.max() >= _COVERED else "" for share in shares]


def _weighed(count: int, part: str, cosines: Floats, scores: Floats) -> Weighed:
    """As many scores as proposals, of which the first were looked at."""
    rest = np.zeros(count - len(scores))
    shown = np.concatenate([np.clip(cosines, 0.0, 1.0), rest])
    return Weighed(np.concatenate([scores, rest]), {part: shown})
