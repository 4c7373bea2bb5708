"""How well each class of a detector stands for the kind that a sentence asks for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdk.regions.words.lexicon.kinds import ANY, KINDS, Kind
from sdk.regions.words.reading import plural

_OF_WIDER = 0.85  # "vehicle", where a van is asked for: it may be another one
_STAND_IN = 0.4  # of what stands for a kind that the detector has by itself
_UNLIKE = 0.02  # of any other class: detectors take things for the strangest
FITS = 0.15  # from here on a box counts among those that a noun may mean
KNOWN = 0.65  # a detector without a class this similar cannot know the kind
_ENOUGH = 2  # narrower classes that make a kind: "stop sign" alone is not "sign"


@lru_cache(maxsize=64)
def class_kinds(names: tuple[str, ...]) -> tuple[str | None, ...]:
    """The kind of each class of a detector, None for names that the lexicon lacks."""
    return tuple(_words().get(_spelled(name)) for name in names)


@lru_cache(maxsize=256)
def similarities(
    kind: str | None, noun: str, names: tuple[str, ...]
) -> tuple[NDArray[np.float64], bool]:
    """How well each class stands for a noun, ``(C,)`` in 0..1, and whether the detector knows it.

    Args:
        kind: what is asked for, None for a noun that the lexicon lacks.
        noun: as it was said; compared with the names by its letters where it has no kind.
        names: the detector's classes.
    """
    if kind == ANY:
        return np.ones(len(names)), True
    if kind is None:
        spelled = [_spelled(name) for name in names]
        same = np.array([noun in (name, plural(name)) for name in spelled], dtype=bool)
        return np.where(same, 1.0, _UNLIKE), bool(same.any())
    kinds = class_kinds(names)
    own = np.array([_own(kind, each) for each in kinds])
    narrower = {each for each in kinds if each is not None and each != kind and _within(each, kind)}
    # One narrow class is not the kind; the others that the kind is taken for stand for it then.
    has = bool((own >= _OF_WIDER).any()) and not (
        len(narrower) < _ENOUGH and own.max(initial=0.0) == 1.0 and kind not in kinds
    )
    like = np.array([_like(kind, each) for each in kinds]) * (_STAND_IN if has else 1.0)
    found = np.maximum(np.maximum(own, like), _UNLIKE)
    return found, has or bool((like >= KNOWN).any())


def _own(kind: str, of_class: str | None) -> float:
    """1 for the kind itself and those within it, less for a wider one, else 0."""
    if of_class is None:
        return 0.0
    if _within(of_class, kind):
        return 1.0
    return _OF_WIDER if of_class in KINDS[kind].wider else 0.0


def _like(kind: str, of_class: str | None) -> float:
    """What the tables say of the two and of what is wider than each, in either direction."""
    if of_class is None:
        return 0.0
    asked, found = _family(kind), _family(of_class)
    return max(
        max(a.like.get(b.name, 0.0), 0.8 * b.like.get(a.name, 0.0)) for a in asked for b in found
    )


def _family(kind: str) -> list[Kind]:
    return [KINDS[kind], *(KINDS[wider] for wider in KINDS[kind].wider)]


def _within(kind: str, wider: str) -> bool:
    return kind == wider or wider in KINDS[kind].wider


def _spelled(name: str) -> str:
    """A class name as the lexicon spells nouns: "Traffic-Sign" -> "traffic sign"."""
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    words: dict[str, str] = {}
    for kind in KINDS.values():
        for word in kind.words:
            for form in (word, plural(word)):
                words.setdefault(_spelled(form), kind.name)
    return words
