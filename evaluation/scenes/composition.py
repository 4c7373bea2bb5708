"""Which objects a scene holds: kinds and colours, with distractors by construction."""

from __future__ import annotations

from functools import cache

import numpy as np

from evaluation.scenes.catalogue import KINDS, kinds_in

Spec = tuple[str, str]  # noun, colour

_LANDMARKS = {
    "plain": ["bus", "truck", "van", "car"],
    "road": ["bus", "truck", "van", "car", "tram", "pickup"],
}
_TWIN_RATE = 0.46


def small_specs(rng: np.random.Generator, setting: str = "plain") -> list[Spec]:
    """Kinds and colours of the small objects, at least 12 of them.

    The first groups guarantee the distractors: a pair of the same kind and colour with a
    third of another colour beside it, and a kind in two colours.
    """
    count = int(rng.integers(12, 19))
    twins = _pair(rng, _noun(rng, setting, at_least_colours=2))
    other = _other_colour(rng, *twins[0])
    specs = [*twins, other, *_variety(rng, setting, 2)]
    while len(specs) < count:
        if rng.random() < _TWIN_RATE:
            specs += _pair(rng, _noun(rng, setting, at_least_colours=1))
        else:
            specs += _variety(rng, setting, int(rng.integers(1, 3)))
    return specs


def large_specs(rng: np.random.Generator, setting: str = "plain") -> list[Spec]:
    """Kinds and colours of one to three landmarks."""
    nouns = rng.choice(_LANDMARKS[setting], int(rng.integers(1, 4)), replace=False)
    return [(str(noun), _colour(rng, str(noun))) for noun in nouns]


@cache
def _shares(setting: str) -> tuple[tuple[str, ...], np.ndarray]:
    """The nouns of a setting and how often each is drawn, of 1."""
    kinds = kinds_in(setting)
    weights = np.array([kind.weight for kind in kinds.values()])
    return tuple(kinds), weights / weights.sum()


def _noun(rng: np.random.Generator, setting: str, at_least_colours: int) -> str:
    nouns, shares = _shares(setting)
    while True:
        noun = nouns[rng.choice(len(nouns), p=shares)]
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


def _variety(rng: np.random.Generator, setting: str, count: int) -> list[Spec]:
    noun = _noun(rng, setting, at_least_colours=count)
    colours = rng.choice(KINDS[noun].colours, count, replace=False)
    return [(noun, str(colour)) for colour in colours]
