"""Which objects a scene holds: kinds and colours, with distractors by construction."""

from __future__ import annotations

import numpy as np

from evaluation.scenes.catalogue import KINDS

Spec = tuple[str, str]  # noun, colour

_NOUNS = tuple(KINDS)
_WEIGHTS = np.array([KINDS[noun].weight for noun in _NOUNS])
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_TWIN_RATE = 0.46


def small_specs(rng: np.random.Generator) -> list[Spec]:
    """Kinds and colours of the small objects, at least 12 of them.

    The first groups guarantee the distractors: a pair of the same kind and colour with a
    third of another colour beside it, and a kind in two colours.
    """
    count = int(rng.integers(12, 19))
    twins = _pair(rng, _noun(rng, at_least_colours=2))
    other = _other_colour(rng, *twins[0])
    specs = [*twins, other, *_variety(rng, 2)]
    while len(specs) < count:
        if rng.random() < _TWIN_RATE:
            specs += _pair(rng, _noun(rng, at_least_colours=1))
        else:
            specs += _variety(rng, int(rng.integers(1, 3)))
    return specs


def large_specs(rng: np.random.Generator) -> list[Spec]:
    """Kinds and colours of one to three landmarks."""
    nouns = rng.choice(["bus", "truck", "van", "car"], int(rng.integers(1, 4)), replace=False)
    return [(str(noun), _colour(rng, str(noun))) for noun in nouns]


def _noun(rng: np.random.Generator, at_least_colours: int) -> str:
    while True:
        noun = _NOUNS[rng.choice(len(_NOUNS), p=_WEIGHTS)]
        if len(KINDS[noun].colours) >= at_least_colours:
            return noun


def _colour(rng: np.random.Generator, noun: str) -> str:
    colours = KINDS[noun].colours
    if noun == "cone" and rng.random() < 0.5:
        return "orange"
    return colours[int(rng.integers(len(colours)))]


def _other_colour(rng: np.random.Generator, noun: str, colour: str) -> Spec:
    others = [c for c in KINDS[noun].colours if c != colour]
    return noun, others[int(rng.integers(len(others)))]


def _pair(rng: np.random.Generator, noun: str) -> list[Spec]:
    return [(noun, _colour(rng, noun))] * 2


def _variety(rng: np.random.Generator, count: int) -> list[Spec]:
    noun = _noun(rng, at_least_colours=count)
    colours = rng.choice(KINDS[noun].colours, count, replace=False)
    return [(noun, str(colour)) for colour in colours]
