"""Every proposal held against a sentence: kind, colour, size, position, relations, each a number.

A noun phrase is judged by itself and so are those that it relates to, one within the other; a
relation is worth what the best referent makes of it: how well that one fits its own phrase, times
the geometry of the two. The work grows linearly with the proposals: of referents the best
``REFERENTS`` are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError
from sdk.frame import Frame, check_color, check_frame
from sdk.regions.proposals import Proposals
from sdk.regions.words import layout, paint, standing
from sdk.regions.words.layout import Boxes
from sdk.regions.words.lexicon.colours import COLOURS
from sdk.regions.words.lexicon.kinds import ANY, KINDS, is_a
from sdk.regions.words.sentence import Phrase, Relation, Sentence, Tone
from sdk.regions.words.similarity import FITS, class_kinds, similarities

Floats = NDArray[np.float64]

REFERENTS = 64  # of one relation
ENDS = 24  # of "between", which looks at pairs of them
PARTS = ("kind", "colour", "size", "position", "relation")
# What a part leaves of the score where it says no: colours and relations are often misread.
_LEAST: Mapping[str, float] = {"colour": 0.04, "size": 0.3, "position": 0.1, "relation": 0.04}
_SHY = 0.4  # detectors are unsure of what is small; this power of their score tells enough
_FITTING = 0.35  # a referent that fits its phrase as well as this counts fully
_DOUBT = 0.4  # a relation to what the detector cannot know speaks for a thing, hardly against it
_SAME_OBJECT = 0.6  # IoU from which a proposal is no other thing, and no referent
_PRESENT = 0.04  # the part of a box that a symbol, a rim or a lamp takes
_SMALL = ("part", "lamp")  # where more of a colour is no more of it
_SHADOWS = ("black", "dark", "gray", "dark gray")  # what windows and shadows are, too
_RIVALRY = 0.3  # the power of how much less of a colour a thing has than the best of its like
_LEAST_OWN = 0.4  # of a box that is not dark, counted at least
_LAMPS = (("red",), ("yellow", "orange"), ("green", "teal"))
_SOME = 0.25  # of what a colour covers where it has the thing alone, when it shares it
_AFOOT = 0.25  # of a person without anything to ride, where a rider is asked for
_MOUNTED = ("sign", "light", "camera")


@dataclass(frozen=True, eq=False)
class Parts:
    """How well a noun phrase describes each proposal, ``(N,)`` each in 0..1.

    None: the phrase does not say it, or it cannot be judged.
    """

    kind: Floats
    colour: Floats | None = None
    size: Floats | None = None
    position: Floats | None = None
    relation: Floats | None = None

    def together(self) -> Floats:
        """All of them in one number, which grows with each."""
        product = self.kind.copy()
        for name, least in _LEAST.items():
            part = getattr(self, name)
            if part is not None:
                product *= least + (1.0 - least) * part
        return product


@dataclass(frozen=True, eq=False)
class Link:
    """A relation of the sentence's subject, and which proposals it was found to hold with.

    Attributes:
        relation: as the sentence says it.
        scores: ``(N,)`` how well it holds of each proposal, in 0..1.
        referents: ``(N, 1)`` or, of "between", ``(N, 2)``: the best referents of each proposal,
            indices of proposals, -1 where there is none.
    """

    relation: Relation
    scores: Floats
    referents: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Judged:
    """All proposals of a frame, judged by one sentence.

    Attributes:
        sentence: as it was understood.
        scores: ``(N,)`` in 0..1, higher for what the sentence describes better.
        parts: what they are made of.
        links: the relations that could be judged.
        unknown_kind: the noun of the subject where the detector has no such class and none that
            stands for it; else None.
        unknown_referents: nouns of others that it cannot know: those relations were not judged.
    """

    sentence: Sentence
    scores: Floats
    parts: Parts
    links: tuple[Link, ...]
    unknown_kind: str | None
    unknown_referents: tuple[str, ...]

    def __repr__(self) -> str:
        best = "" if self.best is None else f", best {self.best} at {self.scores[self.best]:.3f}"
        return f"Judged({len(self.scores)} proposals{best}: {self.sentence.head})"

    @property
    def best(self) -> int | None:
        """The index of the best proposal; of equals the one that the detector ranks first."""
        return int(self.scores.argmax()) if len(self.scores) else None

    def parts_of(self, index: int) -> dict[str, float | None]:
        """The parts of one proposal's score by their names."""
        values = {name: getattr(self.parts, name) for name in PARTS}
        return {
            name: None if value is None else float(value[index]) for name, value in values.items()
        }

    def to_dict(self, index: int) -> dict[str, Any]:
        """One proposal's score, its parts and its referents, as plain values."""
        return {
            "score": float(self.scores[index]),
            **self.parts_of(index),
            "relations": [
                {
                    "name": link.relation.name,
                    "negated": link.relation.negated,
                    "to": [other.noun for other in link.relation.to],
                    "score": float(link.scores[index]),
                    "referents": [int(each) for each in link.referents[index] if each >= 0],
                }
                for link in self.links
            ],
        }


def judge(frame: Frame, color: str, proposals: Proposals, sentence: Sentence) -> Judged:
    """How well a sentence describes each proposal.

    Args:
        frame: ``(h, w, 3)`` uint8, in which the proposals were made.
        color: "bgr" or "rgb", the order of its channels.
        proposals: ``N`` boxes, best first.
        sentence: what ``parse`` made of an expression.

    Raises:
        InputError: the frame, the order, the proposals or the sentence are something else.
    """
    check_frame(frame)
    check_color(color)
    if not isinstance(proposals, Proposals):
        raise InputError(f"expected Proposals, got {type(proposals).__name__}")
    if not isinstance(sentence, Sentence):
        raise InputError(f"expected a Sentence, as parse gives it, got {type(sentence).__name__}")
    return _Judge(frame, color, proposals).judged(sentence)


class _Judge:
    """One frame and its proposals, with what every phrase asks of them."""

    def __init__(self, frame: Frame, color: str, proposals: Proposals) -> None:
        self._proposals = proposals
        self._found = paint.samples(frame, color, proposals.xyxy)
        self._sure = proposals.scores.astype(np.float64) ** _SHY
        kinds = [class_kinds(proposals.names)[label] for label in proposals.labels]
        height, width = frame.shape[:2]
        xyxy = proposals.xyxy.astype(np.float64)
        heights = np.array([_height(kind) for kind in kinds], dtype=np.float64)
        self._boxes = Boxes(
            xyxy,
            depth=heights / np.maximum(xyxy[:, 3] - xyxy[:, 1], 1.0),
            mounted=np.array([any(is_a(k, each) for each in _MOUNTED) for k in kinds], dtype=bool),
            frame_wh=(width, height),
        )
        self._filled = np.array([_filled(kind) for kind in kinds], dtype=np.float64)
        self._light = np.array([is_a(kind, "light") for kind in kinds], dtype=bool)
        self._unknown: dict[str, None] = {}

    def judged(self, sentence: Sentence) -> Judged:
        head = sentence.head
        _, known = self._kind(head)
        links: list[Link] = []
        parts = self._parts(head, links)
        return Judged(
            sentence=sentence,
            scores=parts.together(),
            parts=parts,
            links=tuple(links),
            unknown_kind=None if known else head.noun or sentence.ref,
            unknown_referents=tuple(self._unknown),
        )

    def _kind(self, phrase: Phrase) -> tuple[Floats, bool]:
        """How far each proposal is of the kind, ``(N,)``; whether the detector knows the kind."""
        kind = phrase.kind
        if not phrase.noun and phrase != Phrase():  # "in red, on the left"
            kind = ANY
        names = self._proposals.names
        similar, known = similarities(kind, phrase.noun, names)
        found = similar[self._proposals.labels] * self._sure
        upon = KINDS[kind].upon if kind in KINDS else None
        if upon is not None and not any(is_a(each, "rider") for each in class_kinds(names)):
            found = found * self._riding(upon)
        return found, known

    def _riding(self, upon: str) -> Floats:
        """How far each proposal is one of two that make a rider, ``(N,)``: one upon the other."""
        labels = self._proposals.labels
        person = similarities("person", "", self._proposals.names)[0][labels]
        seat = similarities(upon, "", self._proposals.names)[0][labels]
        some = self._best(np.maximum(person, seat) * self._sure, REFERENTS)
        if not len(some):
            return np.ones(0)
        pairs = np.maximum(person[:, None] * seat[some][None], seat[:, None] * person[some][None])
        upon_it = layout.on(self._boxes, self._boxes.take(some)) * pairs * self._apart(some)
        return np.asarray(_AFOOT + (1.0 - _AFOOT) * upon_it.max(axis=1))

    def _parts(self, phrase: Phrase, links: list[Link]) -> Parts:
        """The parts of a phrase; its relations are added to ``links``."""
        kind, _ = self._kind(phrase)
        fits = kind >= FITS * self._sure
        colour = self._colour(phrase, fits)
        size = self._size(phrase, kind * fits)
        alike = Parts(kind, colour, size).together() * fits
        position = self._position(phrase, alike)
        for relation in phrase.relations:
            link = self._link(relation, alike)
            links += [link] if link is not None else []
        return Parts(kind, colour, size, position, _joined([link.scores for link in links]))

    def _colour(self, phrase: Phrase, fits: NDArray[np.bool_]) -> Floats | None:
        if not phrase.tones:
            return None
        scores = [self._tone(tone, fits) for tone in phrase.tones]
        return np.asarray(np.prod(scores, axis=0))

    def _tone(self, tone: Tone, fits: NDArray[np.bool_]) -> Floats:
        """How far each proposal has the colours where it should."""
        score = self._painted(tone, tone.where, fits)
        if tone.where == "whole" and self._light.any():  # a red light is one that shines red
            lit = self._painted(tone, "lamp", fits)
            score = np.where(self._light, np.maximum(score, lit), score)
        return 1.0 - score if tone.negated else score

    def _painted(self, tone: Tone, where: str, fits: NDArray[np.bool_]) -> Floats:
        every = tuple(name for any_of in tone.colours for name in any_of)
        share, wanted = self._share(every, where), self._wanted(every, where)
        score = np.minimum(share / wanted, 1.0)
        if len(tone.colours) > 1:
            for any_of in tone.colours:
                score = score * np.minimum(self._share(any_of, where) / (_SOME * wanted), 1.0)
        if where == "lamp":  # what is lit outshines the other lamps
            lamps = [paint.shares(self._found, colours, where) for colours in _LAMPS]
            return np.asarray(score * share / np.maximum(share, np.max(lamps, axis=0) + 1e-9))
        if where == "part":  # what covers nearly all of it is more than a part
            return np.asarray(score * (0.5 + 0.5 * layout.falling(share, 0.4, 0.7)))
        most = share[fits].max(initial=0.0)
        return np.asarray(score * np.minimum(share / most, 1.0) ** _RIVALRY) if most else score

    def _share(self, colours: tuple[str, ...], where: str) -> Floats:
        """The part of each box that has a colour; of its own colour, windows and shadows aside."""
        share = paint.shares(self._found, colours, where)
        if where != "whole" or any(name in _SHADOWS for name in colours):
            return share
        dark = paint.shares(self._found, ("black",), where)
        return np.asarray(share / np.maximum(1.0 - dark, _LEAST_OWN))

    def _wanted(self, colours: tuple[str, ...], where: str) -> Floats:
        """The share from which on a box has a colour beyond doubt, ``(N,)``."""
        if where in _SMALL:
            return np.full(len(self._filled), _PRESENT)
        if where != "whole":
            return np.full(len(self._filled), 0.4)
        if all(COLOURS[name].rare for name in colours):
            return 0.7 * self._filled
        return 0.9 * self._filled + 0.1

    def _size(self, phrase: Phrase, weights: Floats) -> Floats | None:
        sizes = [standing.size(name, self._boxes, weights) for name in phrase.sizes]
        return np.asarray(np.prod(sizes, axis=0)) if sizes else None

    def _position(self, phrase: Phrase, alike: Floats) -> Floats | None:
        scores = [standing.place(name, self._boxes) for name in phrase.places]
        if phrase.ranks:
            # How many of its like stand before it: of doubtful ones each counts as far as it may
            # be one.
            weights = layout.falling(-alike / max(alike.max(initial=0.0), 1e-9), -0.5, -0.2)
            weights = weights * self._proposals.scores
            scores += [
                standing.rank(rank.name, rank.number, self._boxes, weights) for rank in phrase.ranks
            ]
        return np.asarray(np.prod(scores, axis=0)) if scores else None

    # -- relations ------------------------------------------------------------------------------

    def _link(self, relation: Relation, alike: Floats) -> Link | None:
        """A relation of every proposal to the best referents; None where nobody can judge it."""
        weights = [self._referents(phrase) for phrase in relation.to]
        known = [each for each in weights if each is not None]
        if len(known) < len(weights) or relation.name not in _JUDGED:
            return None
        if relation.name == "between":
            scores, chosen = self._between(known[0], known[-1], same=len(known) == 1)
        else:
            scores, chosen = self._binary(relation.name, known[0], alike, relation.to[0].other)
        if not all(self._kind(phrase)[1] for phrase in relation.to):
            scores = _DOUBT + (1.0 - _DOUBT) * scores
        if relation.negated:
            scores = 1.0 - scores
        return Link(relation, scores, chosen)

    def _referents(self, phrase: Phrase) -> Floats | None:
        """How far each proposal is what a phrase means, in 0..1; None: nothing here may be it.

        Of a kind that the detector cannot know some proposals may still stand for it.
        """
        kind, known = self._kind(phrase)
        if not known:
            self._unknown[phrase.noun] = None
        if phrase.kind == ANY or not (known or kind.max(initial=0.0) >= FITS):
            return None
        weights = self._parts(phrase, []).together() * (kind >= FITS * self._sure)
        return np.asarray(weights / max(weights.max(initial=0.0), _FITTING))

    def _best(self, weights: Floats, count: int) -> NDArray[np.int64]:
        """The indices of the heaviest, at most ``count``."""
        if len(weights) <= count:
            return np.arange(len(weights))
        return np.sort(np.argpartition(-weights, count)[:count])

    def _binary(
        self, name: str, weights: Floats, alike: Floats, another: bool
    ) -> tuple[Floats, NDArray[np.int64]]:
        some = self._best(weights, REFERENTS)
        if not len(some):
            return np.zeros(0), np.zeros((0, 1), np.int64)
        others = self._boxes.take(some)
        if name == "closest":
            fits = _closest(self._boxes, others, alike)
        else:
            fits = layout.RELATIONS[name](self._boxes, others)
        scores = fits * weights[some] * self._apart(some)
        if another:
            scores *= self._alike(some)
        best = scores.argmax(axis=1)
        return scores.max(axis=1), _chosen(scores.max(axis=1), some[best][:, None])

    def _apart(self, some: NDArray[np.int64]) -> NDArray[np.bool_]:
        """False where a referent is the proposal itself, or the same thing found twice."""
        return layout.iou(self._boxes, self._boxes.take(some)) < _SAME_OBJECT

    def _alike(self, some: NDArray[np.int64]) -> Floats:
        """How far each box and each referent can be two of a kind, by their sizes. ``(N, M)``."""
        side = np.log(self._boxes.area) / 2
        apart = np.abs(side[:, None] - side[some][None])
        return layout.falling(apart, np.log(2.5), np.log(8.0))

    def _between(
        self, first: Floats, second: Floats, same: bool
    ) -> tuple[Floats, NDArray[np.int64]]:
        some, more = self._best(first, ENDS), self._best(second, ENDS)
        if not len(some):
            return np.zeros(0), np.zeros((0, 2), np.int64)
        a, b = self._boxes.take(some), self._boxes.take(more)
        pairs = first[some][:, None] * second[more][None]
        pairs = pairs * (layout.iou(a, b) < _SAME_OBJECT)
        if same:
            pairs = np.sqrt(pairs)
        scores = layout.between(self._boxes, a, b) * pairs
        scores *= self._apart(some)[:, :, None] & self._apart(more)[:, None, :]
        flat = scores.reshape(len(scores), -1)
        best = flat.argmax(axis=1)
        ends = np.stack([some[best // len(more)], more[best % len(more)]], axis=1)
        return flat.max(axis=1), _chosen(flat.max(axis=1), ends)


_JUDGED = (*layout.RELATIONS, "between", "closest")


def _closest(boxes: Boxes, others: Boxes, alike: Floats) -> Floats:
    """How near each box comes to being the nearest of its like to each referent. ``(N, M)``."""
    distance = layout.gap(boxes, others) + 0.002 * boxes.diagonal
    counts = (alike >= 0.5 * alike.max(initial=0.0)) & (alike > 0)
    apart = layout.iou(boxes, others) < _SAME_OBJECT
    rivals = np.where(counts[:, None] & apart, distance, np.inf).min(axis=0)
    return np.asarray(np.minimum(rivals / distance, 1.0) ** 1.5)


def _chosen(scores: Floats, indices: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(scores[:, None] > 0, indices, -1)


def _joined(scores: list[Floats]) -> Floats | None:
    """Several relations in one number: their product, tempered, as they are no strangers."""
    if not scores:
        return None
    return np.asarray(np.prod(scores, axis=0) ** (1.0 / np.sqrt(len(scores))))


def _height(kind: str | None) -> float:
    height = KINDS[kind].height_m if kind is not None else None
    return float("nan") if height is None else height


def _filled(kind: str | None) -> float:
    return 0.4 if kind is None else KINDS[kind].filled
