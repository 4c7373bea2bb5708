"""Words around noun phrases and relations; the whole lexicon."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from evaluation.scenes.catalogue import COLOURS, KINDS
from evaluation.scenes.scene import SceneObject

_RELATION_WORDS: dict[str, tuple[str, ...]] = {
    "left of": ("to the left of", "left of", "on the left side of"),
    "right of": ("to the right of", "right of", "on the right side of"),
    "above": ("above",),
    "below": ("below",),
    "near": ("near", "close to", "next to"),
    "in front of": ("in front of",),
    "behind": ("behind",),
    "between": ("between",),
}
_STATES = ("located", "positioned", "situated")
_FRAMES = (
    "The {noun} {where}.",
    "The {noun} {where}.",
    "The {noun} is {where}.",
    "The {noun} is {state} {where}.",
    "The {noun} that is {where}.",
    "The {noun}, which is {state} {where}.",
    "The {noun} can be seen {where}.",
)
_MIN_WORDS, _MAX_WORDS = 5, 25


@dataclass(frozen=True)
class Clause:
    """A relation to one referent, or two for "between", and the words for them."""

    relation: str
    referents: tuple[SceneObject, ...]
    texts: tuple[str, ...]


def sentence(noun: str, clauses: list[Clause], rng: np.random.Generator) -> str:
    """ "The red car is to the left of the white van." from its parts.

    A frame that would make it too long is replaced by the plainest one.
    """
    places = [_place(clause, rng) for clause in clauses]
    frame = _FRAMES[int(rng.integers(len(_FRAMES)))]
    state = _STATES[int(rng.integers(len(_STATES)))]
    for text in (frame, _FRAMES[0]):
        made = text.format(noun=noun, where=" and ".join(places), state=state)
        if fits(made):
            break
    return made


def fits(text: str) -> bool:
    """True when a sentence has 5 to 25 words."""
    return _MIN_WORDS <= len(words_of(text)) <= _MAX_WORDS


def _place(clause: Clause, rng: np.random.Generator) -> str:
    words = _RELATION_WORDS[clause.relation]
    return f"{words[int(rng.integers(len(words)))]} {' and '.join(clause.texts)}"


def words_of(text: str) -> list[str]:
    """The words of a text: lower case, without punctuation."""
    return re.findall(r"[a-z]+", text.lower())


def vocabulary() -> list[str]:
    """Every word that phrases, expressions and absent expressions can use, sorted."""
    texts: list[str] = [*COLOURS, *KINDS, *_STATES]
    texts += [k.hypernym for k in KINDS.values() if k.hypernym is not None]
    texts += [words for choices in _RELATION_WORDS.values() for words in choices]
    texts += [frame.format(noun="", where="", state="") for frame in _FRAMES]
    texts += ["a an the and in wearing showing jacket small large object"]
    return sorted({word for text in texts for word in words_of(text)})
