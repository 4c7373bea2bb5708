"""Typing slips: words with one letter swapped, dropped or doubled."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from evaluation.scenes.expression import Expression

_WORD = re.compile(r"[A-Za-z]{3,}")  # what is shorter would become another word


def mistype(text: str, share: float, seed: str) -> str:
    """The text with about ``share`` of its words mistyped; the same seed slips the same way."""
    rng = random.Random(seed)
    return _WORD.sub(lambda word: _slip(rng, word[0]) if rng.random() < share else word[0], text)


def mistyped(made: Expression, share: float, seed: str) -> Expression:
    """The expression mistyped, its mentions as they are now written."""
    ref = mistype(made.ref, share, seed)
    old, new = _words(made.ref), _words(ref)
    mentions, start = [], 0
    for text, item in made.mentions:
        words = _words(text)
        while old[start : start + len(words)] != words:
            start += 1
        stop = start + len(words)
        mentions.append((" ".join(new[start:stop]), item))
        start = stop
    return replace(made, ref=ref, mentions=tuple(mentions))


def _words(text: str) -> list[str]:
    return [word.strip(".,?") for word in text.lower().split()]


def _slip(rng: random.Random, word: str) -> str:
    at = rng.randrange(1, len(word) - 1)  # the first letter is seldom wrong
    start, letter, following, rest = word[:at], word[at], word[at + 1], word[at + 2 :]
    slipped = (following, letter + letter + following, following + letter)
    return f"{start}{rng.choice(slipped)}{rest}"
