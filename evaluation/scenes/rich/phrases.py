"""Noun phrases of the rich grammar: how an object may be called, and what else that fits."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from evaluation.scenes.catalogue import COLOURS, KINDS, article
from evaluation.scenes.rich import details, lexicon, tones
from evaluation.scenes.rich.lexicon import Reading, Word
from evaluation.scenes.rich.strangers import STRANGERS
from evaluation.scenes.rich.text import choose
from evaluation.scenes.scene import SceneObject

_ANY_COLOUR = Reading(frozenset(COLOURS), frozenset(COLOURS))
_DETAIL_SHARE = 0.17


@dataclass(frozen=True)
class NounPhrase:
    """A noun phrase without article and its meaning.

    Attributes:
        text: "small dark-colored lorry".
        kinds: what its noun means.
        colours: what its colour word means; every colour when it has none.
        size: "small", "large" or None.
        plural: the same of several objects, "" when it has none.
    """

    text: str
    kinds: Reading
    colours: Reading
    size: str | None = None
    plural: str = ""

    def may_match(self, item: SceneObject) -> bool:
        """True when somebody might use the phrase for ``item``."""
        if item.kind not in self.kinds.perhaps or item.colour not in self.colours.perhaps:
            return False
        return not {"large": item.targetable, "small": item.large, None: False}[self.size]

    def matches(self, item: SceneObject) -> bool:
        """True when the phrase is clearly true of ``item``."""
        if item.kind not in self.kinds.surely or item.colour not in self.colours.surely:
            return False
        return {"large": item.large, "small": item.targetable, None: True}[self.size]

    def fitting(self, objects: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
        """The objects that it might mean."""
        return tuple(o for o in objects if self.may_match(o))


def name(
    rng: random.Random,
    kind: str,
    colour: str,
    view: str | None = None,
    size: str | None = None,
    generic: bool = False,
    coloured: bool = True,
) -> NounPhrase:
    """One of the ways to call an object of ``kind`` and ``colour``.

    Args:
        rng: chooses the words.
        kind: of the catalogue.
        colour: of the catalogue.
        view: the side that is seen, if that may be said.
        size: "small" or "large", if that is to be said.
        generic: call it an object or thing.
        coloured: say the colour.
    """
    noun = _pick(rng, tuple(lexicon.GENERIC) if generic else nouns_of(kind))
    if not coloured:
        text, plural, colours = _without_tone(noun.text), _without_tone(noun.plural), _ANY_COLOUR
    else:
        tone = _pick(rng, _tones_of("" if generic else kind, colour))
        colours = tone.reading
        text, plural = _coloured(rng, noun, kind, tone.text, generic)
    if not generic and rng.random() < _DETAIL_SHARE and " with " not in text:
        more = details.detail(rng, kind, colour, view, coloured)
        if more:
            text, plural = f"{text} {more}", ""
    if size is not None:
        word = choose(rng, lexicon.SIZES[size])
        text, plural = f"{word} {text}", plural and f"{word} {plural}"
    return NounPhrase(text, noun.reading, colours, size, plural)


def strange(rng: random.Random) -> NounPhrase:
    """ "gray fire hydrant": what no scene has, and what people take for it."""
    noun = _pick(rng, STRANGERS)
    if rng.random() < 0.5:
        return NounPhrase(noun.text, noun.reading, _ANY_COLOUR, plural=noun.plural)
    tone = _pick(rng, rng.choice((tones.TONES, tones.STRANGE_TONES)))
    text, plural = f"{tone.text} {noun.text}", f"{tone.text} {noun.plural}"
    return NounPhrase(text, noun.reading, _ANY_COLOUR, plural=plural)


def strangely_toned(rng: random.Random, kind: str) -> NounPhrase:
    """ "beige van": a kind in a colour that nothing has."""
    noun, tone = _pick(rng, nouns_of(kind)), _pick(rng, tones.STRANGE_TONES)
    text, plural = _coloured(rng, noun, kind, tone.text, generic=False)
    return NounPhrase(text, noun.reading, tone.reading, plural=plural)


def strangely_equipped(rng: random.Random, kind: str, colour: str) -> NounPhrase | None:
    """ "man in red with a suitcase": a kind with what it never has."""
    phrase, more = name(rng, kind, colour), details.strange(rng, kind)
    clear = more and " with" not in phrase.text and phrase.kinds.surely == {kind}
    return replace(phrase, text=f"{phrase.text} {more}", plural="") if clear else None


def called(kind: str, colour: str, seed: int) -> str:
    """A phrase that is clearly true of no other kind or colour."""
    rng = random.Random(f"{seed} {kind} {colour} called")
    while True:
        phrase = name(rng, kind, colour)
        if len(phrase.kinds.surely) == len(phrase.colours.surely) == 1:
            return phrase.text


@lru_cache(maxsize=64)
def nouns_of(kind: str) -> tuple[Word, ...]:
    """The nouns that are clearly true of a kind."""
    return tuple(word for word in lexicon.NOUNS if kind in word.reading.surely)


@lru_cache(maxsize=256)
def _tones_of(kind: str, colour: str) -> tuple[Word, ...]:
    lamp = kind != "" and KINDS[kind].category == "traffic-light"
    words = tones.LAMP_TONES if lamp else tones.TONES
    return tuple(word for word in words if colour in word.reading.surely)


def _pick(rng: random.Random, words: tuple[Word, ...]) -> Word:
    return rng.choices(words, weights=[word.weight for word in words])[0]


def _without_tone(text: str) -> str:
    return text.replace("{tone} ", "").replace("{worn} ", "")


def _coloured(
    rng: random.Random, noun: Word, kind: str, tone: str, generic: bool
) -> tuple[str, str]:
    """The noun with its colour, singular and plural."""
    words = {"tone": tone, "a_tone": f"{article(tone)} {tone}"}
    if KINDS[kind].clothed and not generic:
        worn = choose(rng, details.WORN).format(**words)
        if "{worn}" in noun.text:
            return noun.text.format(worn=worn), ""
        return f"{noun.text} {worn}", f"{noun.plural} {worn}"
    if KINDS[kind].category == "traffic-light" and not generic and rng.random() < 0.6:
        shown = choose(rng, details.SHOWN).format(**words)
        housing = f"{choose(rng, details.HOUSINGS)} " if rng.random() < 0.2 else ""
        return f"{housing}{noun.text} {shown}", f"{housing}{noun.plural} {shown}"
    if kind == "bicycle" and not generic and rng.random() < 0.15:
        return f"{noun.text} {choose(rng, details.FRAMES).format(**words)}", ""
    if "{tone}" in noun.text:
        return noun.text.format(**words), noun.plural.format(**words)
    if rng.random() < 0.07:
        return choose(rng, details.COLOURED).format(noun=noun.text, **words), ""
    if kind == "cone" and not generic and rng.random() < 0.15:
        tone = rng.choice(details.STRIPED_CONE).format(tone=tone)
    return f"{tone} {noun.text}", f"{tone} {noun.plural}"
