"""Words that remember what their noun phrases mean."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from evaluation.scenes.catalogue import article

_SLOT = re.compile(r"(?:\b(?P<article>a) )?\{(?P<name>\w+)\}")


@dataclass(frozen=True)
class Text:
    """Some words; ``mentions`` are noun phrases within them, in order, with ids of objects."""

    words: str
    mentions: tuple[tuple[str, int], ...] = ()


def fill(template: str, **parts: Text | str) -> Text:
    """``template`` with each ``{name}`` replaced; "a {name}" becomes "an" where it should.

    Mentions come in the order of the slots.
    """
    mentions: list[tuple[str, int]] = []

    def replacement(slot: re.Match[str]) -> str:
        part = parts[slot["name"]]
        words = part
        if isinstance(part, Text):
            mentions.extend(part.mentions)
            words = part.words
        return f"{article(words)} {words}" if slot["article"] else words

    words = _SLOT.sub(replacement, template)
    return Text(words, tuple(mentions))


def choose(rng: random.Random, options: Mapping[str, float]) -> str:
    """A key of ``options``, the values being weights."""
    keys, totals = _cumulated(tuple(options.items()))
    return rng.choices(keys, cum_weights=totals)[0]


@lru_cache(maxsize=4096)
def _cumulated(items: tuple[tuple[str, float], ...]) -> tuple[list[str], list[float]]:
    return [key for key, _ in items], list(accumulate(weight for _, weight in items))


def texts_of(table: object) -> list[str]:
    """Every text in nested tuples, lists and mappings of texts, weighted texts and ``Word``s."""
    if isinstance(table, str):
        return [table]
    if isinstance(table, Mapping):
        weighted = all(isinstance(value, int | float) for value in table.values())
        parts = table.keys() if weighted else table.values()
        return [text for part in parts for text in texts_of(part)]
    if isinstance(table, Sequence):
        return [text for part in table for text in texts_of(part)]
    if hasattr(table, "text"):
        return [table.text, table.plural]
    return []
