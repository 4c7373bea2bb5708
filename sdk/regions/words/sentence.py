"""What a sentence says: a noun phrase, which has a kind, colours, places, relations to others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sdk.regions.words.lexicon.kinds import ANY


@dataclass(frozen=True)
class Tone:
    """Colours that a thing has somewhere.

    Attributes:
        colours: names of ``lexicon.colours``; one after the other as "and" joins them, each a
            tuple of those that the word may mean.
        where: "whole", "upper", "lower", "head" (of a person), "part" (some part of it), "lamp"
            (what is lit).
        negated: it has not.
    """

    colours: tuple[tuple[str, ...], ...]
    where: str = "whole"
    negated: bool = False

    def __str__(self) -> str:
        words = " and ".join("/".join(any_of) for any_of in self.colours)
        place = "" if self.where == "whole" else f" {self.where}"
        return f"{'not ' if self.negated else ''}{words}{place}"


@dataclass(frozen=True)
class Rank:
    """Where a thing stands among its like: the ``number``-th from that end, from 1."""

    name: str
    number: int = 1

    def __str__(self) -> str:
        return self.name if self.number == 1 else f"{self.name} but {self.number - 1}"


@dataclass(frozen=True)
class Relation:
    """How a thing stands to another, or "between" two others.

    Attributes:
        name: of ``lexicon.phrases.RELATIONS``.
        to: one noun phrase, or two; a single one for "between" is a plural.
        negated: it does not.
    """

    name: str
    to: tuple[Phrase, ...]
    negated: bool = False

    def __str__(self) -> str:
        others = " and ".join(map(str, self.to))
        return f"{'not ' if self.negated else ''}{self.name} ({others})"


@dataclass(frozen=True)
class Phrase:
    """A noun phrase.

    Attributes:
        noun: as it was said, "" where there is none.
        kind: a name of ``lexicon.kinds``, ``ANY`` for a mere object, None for a noun that the
            lexicon lacks.
        tones: its colours.
        sizes: "small", "large".
        places: names of ``lexicon.phrases.PLACES``.
        ranks: among its like.
        relations: to others.
        plural: it is several.
        other: "another", "the other": not what the sentence is about.
    """

    noun: str = ""
    kind: str | None = None
    tones: tuple[Tone, ...] = ()
    sizes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    ranks: tuple[Rank, ...] = ()
    relations: tuple[Relation, ...] = ()
    plural: bool = False
    other: bool = False

    def __str__(self) -> str:
        """In short: "car, red, between (car, black and van, white)"."""
        kind = self.kind if self.kind is not None else f"unknown {self.noun!r}"
        places = [f"at the {place}" for place in self.places]
        said = [kind, *self.tones, *self.sizes, *places, *self.ranks, *self.relations]
        return ", ".join(map(str, said))

    def everything(self) -> Iterator[Phrase]:
        """This noun phrase and all that it relates to, in the order of the sentence."""
        yield self
        for relation in self.relations:
            for other in relation.to:
                yield from other.everything()


@dataclass(frozen=True)
class Sentence:
    """A sentence, understood as far as it was.

    Attributes:
        ref: the expression, normalised.
        head: what it is about.
        not_understood: words that the lexicon lacks.
    """

    ref: str
    head: Phrase
    not_understood: tuple[str, ...] = ()

    @property
    def any_kind(self) -> bool:
        """True when whatever the detector found may be meant."""
        return self.head.kind == ANY

    def to_dict(self) -> dict[str, Any]:
        """What was understood, as plain values."""
        return {"ref": self.ref, **_plain(self.head), "not_understood": list(self.not_understood)}


def _plain(phrase: Phrase) -> dict[str, Any]:
    """A noun phrase as plain values, without what it does not say."""
    said: dict[str, Any] = {"noun": phrase.noun, "kind": phrase.kind}
    said["colours"] = [
        {
            "colours": ["/".join(any_of) for any_of in tone.colours],
            "where": tone.where,
            "negated": tone.negated,
        }
        for tone in phrase.tones
    ]
    said["sizes"], said["places"] = list(phrase.sizes), list(phrase.places)
    said["ranks"] = [{"name": rank.name, "number": rank.number} for rank in phrase.ranks]
    said["relations"] = [
        {"name": each.name, "negated": each.negated, "to": [_plain(other) for other in each.to]}
        for each in phrase.relations
    ]
    return {key: value for key, value in said.items() if value != []}
