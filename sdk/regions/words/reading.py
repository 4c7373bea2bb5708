"""Text to lexemes: the longest phrases that the lexicon knows, each with all it can be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from sdk.regions.words.lexicon import grammar, phrases
from sdk.regions.words.lexicon.colours import colour_words
from sdk.regions.words.lexicon.kinds import KINDS
from sdk.text import normalise


class Role(Enum):
    """What a phrase can be in a sentence; the parser decides which of them it is."""

    ARTICLE = 1
    ANOTHER = 2
    NUMBER = 3
    ORDINAL = 4
    COLOUR = 5
    SIZE = 6
    SHAPE = 7
    ADJECTIVE = 8
    RANK = 9
    NOUN = 10
    PART = 11
    LAMP = 12
    GARMENT = 13
    PICTURE = 14
    IT = 15
    BE = 16
    WHICH = 17
    AND = 18
    COMMA = 19
    OF = 20
    WITH = 21
    WITHOUT = 22
    SHOWING = 23
    WEARING = 24
    CARRYING = 25
    NOT = 26
    ASKING = 27
    STATE = 28
    RELATION = 29
    ATTENDED = 30
    PLACE = 31
    RANKED = 32
    OF_SEVERAL = 33
    POSSESSIVE = 34
    TEXT = 35
    UNKNOWN = 36


@dataclass(frozen=True)
class Lexeme:
    """A word or phrase of the sentence.

    Attributes:
        text: as it stands there, in lower case.
        roles: what it can be, each with its meaning: the name of a kind, a relation, a place.
        plural: a noun in the plural.
    """

    text: str
    roles: dict[Role, str]
    plural: bool = False

    def can_be(self, *roles: Role) -> bool:
        """True when it can be one of these."""
        return any(role in self.roles for role in roles)


_TOKEN = re.compile(
    r"[\"“”][^\"“”]*[\"“”]"  # what is written on a sign
    r"|[^\W_]+(?:[-‐‑'’.][^\W_]+)*"  # a word, a number, an abbreviation
    r"|['’]s?|[,;:()&]|[^\s]"
)
_QUOTES = ('"', "“", "”")
_PUNCTUATION = set(",;:().!?")
_COLOURED = re.compile(r"(.+?)-(?:colou?red|toned|hued|tinted)$")
_COLOURS_FIRST = ("orange",)  # nobody on a road speaks of the fruit
_IRREGULAR = {"person": "people", "man": "men", "woman": "women", "child": "children",
              "policeman": "policemen", "gentleman": "gentlemen", "foot": "feet", "mouse": "mice",
              "leaf": "leaves", "shelf": "shelves", "knife": "knives", "foliage": "foliage",
              "sheep": "sheep", "people": "people", "passerby": "passersby"}  # fmt: skip


def plural(noun: str) -> str:
    """The plural of a noun in the singular: "traffic light" -> "traffic lights"."""
    *first, last = noun.split(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif re.search(r"(?:s|x|z|ch|sh)$", last):
        last += "es"
    elif re.search(r"[^aeiou]y$", last):
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*first, last])


@lru_cache(maxsize=1)
def _lexicon() -> tuple[dict[str, Lexeme], int]:
    """Every phrase, and the most words that one has."""
    entries: dict[str, dict[Role, str]] = {}
    plurals: set[str] = set()

    def add(role: Role, words: Iterable[str], meaning: str = "") -> None:
        for word in words:
            entries.setdefault(word, {}).setdefault(role, meaning or word)

    for kind in KINDS.values():
        add(Role.NOUN, (word for word in kind.words if word not in _COLOURS_FIRST), kind.name)
        many = [plural(word) for word in kind.words]
        plurals.update(word for word in many if word not in kind.words)
        add(Role.NOUN, many, kind.name)
    for word, meant in colour_words().items():
        add(Role.COLOUR, (word, f"{word}-colored"), "|".join(meant))
    for role, table in (
        (Role.RELATION, phrases.RELATIONS), (Role.ATTENDED, phrases.ATTENDED),
        (Role.PLACE, phrases.PLACES), (Role.RANK, phrases.RANKS), (Role.SIZE, phrases.SIZES),
        (Role.RANKED, phrases.AFTER_RANKED), (Role.OF_SEVERAL, phrases.OF_SEVERAL),
        (Role.GARMENT, phrases.GARMENTS), (Role.SHAPE, phrases.SHAPES),
    ):  # fmt: skip
        for name, words in table.items():
            add(role, words, name)
            if role is Role.GARMENT:
                add(role, map(plural, words), name)
    add(Role.ORDINAL, phrases.ORDINALS)
    for role, words in (
        (Role.PART, phrases.PARTS), (Role.LAMP, phrases.LAMP_PARTS),
        (Role.ARTICLE, grammar.ARTICLES), (Role.ANOTHER, grammar.ANOTHER),
        (Role.NUMBER, grammar.NUMBERS), (Role.BE, grammar.BE), (Role.WHICH, grammar.WHICH),
        (Role.AND, grammar.AND), (Role.WITH, grammar.WITH), (Role.WITHOUT, grammar.WITHOUT),
        (Role.SHOWING, grammar.SHOWING), (Role.WEARING, grammar.WEARING),
        (Role.CARRYING, grammar.CARRYING), (Role.NOT, grammar.NOT), (Role.IT, grammar.IT),
        (Role.PICTURE, grammar.PICTURE), (Role.ASKING, grammar.ASKING),
        (Role.STATE, grammar.STATES), (Role.ADJECTIVE, grammar.ADJECTIVES), (Role.OF, ("of",)),
    ):  # fmt: skip
        add(role, words)
        if role in (Role.PART, Role.LAMP):
            add(role, map(plural, words))
    lexemes = {text: Lexeme(text, roles, text in plurals) for text, roles in entries.items()}
    return lexemes, max(len(text.split(" ")) for text in lexemes)


def read(ref: str) -> list[Lexeme]:
    """The lexemes of an expression in order; what the lexicon lacks is ``UNKNOWN``.

    Raises:
        InputError: it is no text, not Unicode, too long, or has no word (``sdk.text.normalise``).
    """
    text = normalise(ref)
    if ref.rstrip(" .!?").endswith(_QUOTES) and sum(map(text.count, _QUOTES)) % 2:
        text += _QUOTES[0]  # which closed what is written on a sign
    tokens = list(_tokens(text))
    lexicon, longest = _lexicon()
    found: list[Lexeme] = []
    at = 0
    while at < len(tokens):
        for length in range(min(longest, len(tokens) - at), 0, -1):
            lexeme = lexicon.get(" ".join(tokens[at : at + length]))
            if lexeme is not None:
                break
        else:
            length, lexeme = 1, _other(tokens[at])
        found.append(lexeme)
        at += length
    return found


def _tokens(text: str) -> Iterator[str]:
    """Words and marks; a compound that the lexicon lacks falls apart where its parts are known."""
    lexicon, _ = _lexicon()
    for token in _TOKEN.findall(text):
        word = token.replace("’", "'").replace("‐", "-").replace("‑", "-")
        if word.endswith("'s") and word not in lexicon and word != "'s":
            yield word[:-2]
            yield "'s"
        elif "-" in word and word not in lexicon:
            yield from _parted(word)
        else:
            yield word


def _parted(word: str) -> Iterator[str]:
    lexicon, _ = _lexicon()
    coloured = _COLOURED.match(word)
    parts = word.split("-")
    if coloured is not None:
        *first, last = coloured[1].split("-")  # "red-and-white-coloured"
        shade = " ".join([*first, last])
        known = f"{shade}-colored" in lexicon
        yield from (f"{shade}-colored",) if known else (*first, f"{last}-colored")
    elif all(part in lexicon for part in parts) and lexicon[parts[-1]].can_be(
        Role.NOUN, Role.COLOUR
    ):
        yield from parts
    else:
        yield word


def _other(token: str) -> Lexeme:
    if token in _PUNCTUATION:
        return Lexeme(token, {Role.COMMA: token})
    if token[0] in '"“”':
        return Lexeme(token, {Role.TEXT: token})
    if token in ("'s", "'"):
        return Lexeme(token, {Role.POSSESSIVE: token})
    return Lexeme(token, {Role.UNKNOWN: token})
