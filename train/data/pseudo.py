"""Sentences about detections, which stand for labels that nobody has given.

As Pseudo-Q (Jiang et al. 2022): the few largest, surest things of an image, people first; each is
named by its noun, its colour, its place among its like (left, right, ..., where their centres are
apart; in front or behind, where their sizes differ much), and by what it stands beside. What is
ours: a sentence is said of a thing only if it holds for no other one, and places among all things
of the image are used, not those of the chosen ones alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes, area
from sdk.regions.proposals import Proposals

LEAST_SHARE = 1 / 64  # of the image, that a thing covers, as published
OBJECTS, QUERIES = 3, 6  # of an image, as published
APART = 0.08  # of a side of the image between centres (published: 50 pixels of about 640)
SMALLER = 0.4  # ratio of areas from which one of two is behind the other, as published
PEOPLE = ("person", "pedestrian", "cyclist", "rider", "man", "woman", "child")
# What the colour of a box does not say: white things in the shade are grey; the case of a lamp.
_DOUBTFUL, _LAMPS = ("gray",), ("traffic light",)

# Which way a thing is the extreme one of its like, or lies from another one: the axis, the sign,
# and how it is said of it alone and beside another one.
_WAYS = {
    "left": (0, -1, "on the left", "left of"),
    "right": (0, 1, "on the right", "right of"),
    "top": (1, -1, "at the top", "above"),
    "bottom": (1, 1, "at the bottom", "below"),
}
_SIZES = {"front": (1, "nearest {}"), "behind": (-1, "farthest {}")}
_MIDDLE = "middle"
PLACES = (*_WAYS, *_SIZES, _MIDDLE)


@dataclass(frozen=True, eq=False)
class Things:
    """What is in an image, by a detector or by an annotation.

    Attributes:
        xyxy: (n, 4) pixels.
        nouns: of each.
        colours: of each, "" where it is not known.
        image_wh: width and height of the image in pixels.
    """

    xyxy: Boxes
    nouns: tuple[str, ...]
    colours: tuple[str, ...]
    image_wh: tuple[int, int]

    @property
    def centres(self) -> Boxes:
        """(n, 2) as shares of the image's sides."""
        return (self.xyxy[:, :2] + self.xyxy[:, 2:]) / 2 / np.array(self.image_wh)


@dataclass(frozen=True)
class Phrase:
    """A thing by its noun and, where said, its colour; of people, that of what they wear."""

    noun: str
    colour: str = ""

    def __str__(self) -> str:
        if self.colour and self.noun in PEOPLE:
            return f"{self.noun} in {self.colour}"
        return f"{self.colour} {self.noun}".strip()

    def alike(self, things: Things) -> NDArray[np.bool_]:
        """The things (n,) that it fits."""
        fits = [
            noun == self.noun and self.colour in ("", colour)
            for noun, colour in zip(things.nouns, things.colours, strict=True)
        ]
        return np.array(fits, np.bool_)


@dataclass(frozen=True)
class Query:
    """One sentence.

    Attributes:
        phrase: what it is about.
        place: one of ``PLACES``, "" without; beside ``anchor`` one of the four ways.
        anchor: what the thing stands beside.
    """

    phrase: Phrase
    place: str = ""
    anchor: Phrase | None = None

    def __str__(self) -> str:
        if self.anchor is not None:
            return f"{self.phrase} {_WAYS[self.place][3]} the {self.anchor}"
        if self.place in _SIZES:
            return _SIZES[self.place][1].format(self.phrase)
        if self.place == _MIDDLE:
            return f"{self.phrase} in the middle"
        return f"{self.phrase} {_WAYS[self.place][2]}" if self.place else str(self.phrase)

    def meant(self, things: Things) -> NDArray[np.bool_]:
        """The things (n,) of which it is true."""
        alike = self.phrase.alike(things)
        if self.anchor is not None:
            return alike & self._beside(things)
        if not self.place:
            return alike
        found = np.zeros(len(alike), np.bool_)
        among = np.flatnonzero(alike)
        if len(among) > 1:
            best = self._extreme(things, among)
            if best is not None:
                found[best] = True
        return found

    def _beside(self, things: Things) -> NDArray[np.bool_]:
        anchors = np.flatnonzero(self.anchor.alike(things)) if self.anchor else np.empty(0, int)
        if len(anchors) != 1:
            return np.zeros(len(things.nouns), np.bool_)
        axis, sign, *_ = _WAYS[self.place]
        ahead = sign * (things.centres[:, axis] - things.centres[anchors[0], axis])
        return np.asarray(ahead > APART)

    def _extreme(self, things: Things, among: NDArray[np.int64]) -> int | None:
        """The one of ``among`` that is further that way than all others by enough."""
        if self.place == _MIDDLE:
            return _between(things.centres[among, 0], among)
        if self.place in _SIZES:
            sizes = area(things.xyxy[among]) ** _SIZES[self.place][0]
            order = np.argsort(-sizes)
            clear = sizes[order[1]] < SMALLER * sizes[order[0]]
        else:
            axis, sign, *_ = _WAYS[self.place]
            ahead = sign * things.centres[among, axis]
            order = np.argsort(-ahead)
            clear = ahead[order[0]] - ahead[order[1]] > APART
        return int(among[order[0]]) if clear else None


def _between(centres: NDArray[np.float64], among: NDArray[np.int64]) -> int | None:
    """The middle one of three that are apart."""
    order = np.argsort(centres)
    apart = (np.diff(centres[order]) > APART).all()
    return int(among[order[1]]) if len(among) == 3 and apart else None


def things_of(proposals: Proposals, colours: Sequence[str], image_wh: tuple[int, int]) -> Things:
    """Detections as what sentences are made of.

    Args:
        proposals: n of them, in pixels.
        colours: of each box, by its pixels; not all of them are told.
        image_wh: width and height of the image.
    """
    nouns = tuple(map(proposals.label, range(len(proposals))))
    told = (
        "" if noun in _LAMPS or colour in _DOUBTFUL else colour
        for noun, colour in zip(nouns, colours, strict=True)
    )
    return Things(proposals.xyxy.astype(np.float64), nouns, tuple(told), image_wh)


def spoken_of(
    things: Things, scores: NDArray[Any], least_share: float = LEAST_SHARE, most: int = OBJECTS
) -> list[int]:
    """The things that sentences are made about: large enough, people first, then the surest.

    Args:
        things: n of them.
        scores: (n,) of the detector.
        least_share: of the image that one must cover.
        most: of an image.
    """
    share = area(things.xyxy) / np.prod(things.image_wh)
    large = [k for k in range(len(scores)) if share[k] >= least_share]
    return sorted(large, key=lambda k: (things.nouns[k] not in PEOPLE, -scores[k]))[:most]


def queries_about(things: Things, index: int) -> list[Query]:
    """All sentences that are true of one thing and of no other one."""
    own = np.zeros(len(things.nouns), np.bool_)
    own[index] = True
    return [each for each in _tried(things, index) if (each.meant(things) == own).all()]


def chosen(
    things: Things, about: Sequence[int], most: int, rng: np.random.Generator
) -> dict[int, list[Query]]:
    """Sentences of an image, one about each thing in turn, at random among those that are true.

    Args:
        things: of the image.
        about: the things that are spoken of.
        most: sentences of the image.
        rng: chooses.
    """
    left = {k: list(rng.permutation(np.array(queries_about(things, k), object))) for k in about}
    said: dict[int, list[Query]] = {k: [] for k in about}
    while sum(map(len, said.values())) < most and any(left.values()):
        for index, queries in left.items():
            if queries and sum(map(len, said.values())) < most:
                said[index].append(queries.pop())
    return {index: queries for index, queries in said.items() if queries}


def _tried(things: Things, index: int) -> Iterator[Query]:
    """Everything that the templates can say of a thing, true or not."""
    for phrase in _phrases(things, index):
        yield Query(phrase)
        for place in PLACES:
            yield Query(phrase, place)
        for other in range(len(things.nouns)):
            if other != index:
                for anchor in _phrases(things, other):
                    yield from (Query(phrase, way, anchor) for way in _WAYS)


def _phrases(things: Things, index: int) -> list[Phrase]:
    noun, colour = things.nouns[index], things.colours[index]
    return [Phrase(noun)] + [Phrase(noun, colour)] * bool(colour)
