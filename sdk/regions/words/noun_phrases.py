"""Noun phrases: determiners, what describes the noun, the noun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sdk.regions.words.lexicon import phrases
from sdk.regions.words.lexicon.kinds import ANY, KINDS
from sdk.regions.words.reading import Lexeme, Role
from sdk.regions.words.sentence import Phrase, Rank, Relation, Tone

_BEFORE_NOUN = (
    Role.ARTICLE, Role.ANOTHER, Role.NUMBER, Role.ORDINAL, Role.COLOUR, Role.SIZE, Role.SHAPE,
    Role.ADJECTIVE, Role.RANK, Role.TEXT, Role.UNKNOWN, Role.OF_SEVERAL,
)  # fmt: skip
_NAMES = (Role.NOUN, Role.PART, Role.GARMENT, Role.PICTURE)
_DESCRIBES = (Role.COLOUR, Role.SIZE, Role.SHAPE, Role.ADJECTIVE)
# What may follow a noun and is no second one: "car parked", "person following".
_NO_COMPOUND = (
    Role.RELATION, Role.STATE, Role.WITH, Role.AND, Role.SHOWING, Role.NUMBER, Role.ATTENDED,
)  # fmt: skip


@dataclass
class Draft:
    """A noun phrase on the way."""

    noun: str = ""
    kind: str | None = None
    role: Role | None = None  # what its noun is; None without one
    zone: str = ""  # of a garment
    picture: bool = False  # its noun may be that of the picture
    lamp: bool = False  # its noun is something that shines, or shows
    part: bool = False  # its noun may be that of a part as well
    shape: str = ""
    tones: list[Tone] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    ranks: list[Rank] = field(default_factory=list)
    ordinal: int = 0  # "second", before what it counts from: "from the left"
    relations: list[Relation] = field(default_factory=list)
    plural: bool = False
    other: bool = False

    def phrase(self) -> Phrase:
        """As it was understood."""
        return Phrase(
            self.noun, self._kind(), tuple(dict.fromkeys(self.tones)),
            tuple(dict.fromkeys(self.sizes)), tuple(dict.fromkeys(self.places)),
            tuple(dict.fromkeys(self.ranks)), tuple(self.relations), self.plural, self.other,
        )  # fmt: skip

    def _kind(self) -> str | None:
        shaped = f"{self.shape} {self.kind}"
        return shaped if shaped in KINDS else self.kind

    @property
    def colours(self) -> tuple[tuple[str, ...], ...]:
        """The colours that were said before its noun."""
        return tuple(each for tone in self.tones for each in tone.colours)

    @property
    def worn(self) -> bool:
        """True for what one can be in: a garment, though it may be a thing; letters."""
        return bool(self.zone) or (self.kind == "symbol" and bool(self.tones))

    @property
    def belongs(self) -> bool:
        """True for what is a part or a garment of something rather than a thing."""
        return self.role in (Role.PART, Role.GARMENT)


class NounPhrases:
    """Lexemes, read once from left to right, and the noun phrases among them."""

    def __init__(self, lexemes: list[Lexeme]) -> None:
        self._lexemes = lexemes
        self._at = 0

    def _now(self, ahead: int = 0) -> Lexeme | None:
        at = self._at + ahead
        return self._lexemes[at] if at < len(self._lexemes) else None

    def _text(self) -> str:
        lexeme = self._now()
        return "" if lexeme is None else lexeme.text

    def _is(self, *roles: Role, ahead: int = 0) -> bool:
        lexeme = self._now(ahead)
        return lexeme is not None and lexeme.can_be(*roles)

    def _take(self, role: Role) -> str | None:
        """The meaning of the current lexeme in this role, if it has it; then goes on."""
        lexeme = self._now()
        if lexeme is None or role not in lexeme.roles:
            return None
        self._at += 1
        return lexeme.roles[role]

    def _skip(self, *roles: Role) -> None:
        while self._is(*roles):
            self._at += 1

    def _skip_states(self) -> None:
        """Go past what says how something is there; "riding" also says on what."""
        while self._is(Role.STATE) and not self._is(Role.RELATION, Role.OF):
            self._at += 1

    def _try(self, read: Callable[[], Draft | None]) -> Draft | None:
        """What ``read`` gives; where that is None nothing was read."""
        at = self._at
        found = read()
        if found is None:
            self._at = at
        return found

    def _begins_noun_phrase(self) -> bool:
        begins = self._is(*_BEFORE_NOUN, *_NAMES)
        return begins and not self._is(Role.RELATION, Role.PLACE, Role.WITH, Role.WEARING)

    def _noun_phrase(self) -> Draft | None:
        """The noun phrase that begins here; None, and nothing read, where none does."""
        return self._try(self._of_several) or self._try(self._plain_noun_phrase)

    def _of_several(self) -> Draft | None:
        """ "the left one of the two cars": one of them, with its rank."""
        self._skip(Role.ARTICLE)
        rank = self._take(Role.OF_SEVERAL)
        if rank is None:
            return None
        found = self._try(self._plain_noun_phrase) or Draft(kind=ANY, role=Role.NOUN)
        found.ranks.append(Rank(rank))
        found.plural = False
        return found

    def _plain_noun_phrase(self) -> Draft | None:
        draft = Draft()
        unknown = ""
        colours: list[tuple[str, ...]] = []
        begun = False
        while (lexeme := self._now()) is not None:
            if self._noun_here(lexeme):
                self._read_noun(draft, lexeme)
                break
            if lexeme.can_be(Role.COLOUR):
                colours.append(tuple(lexeme.roles[Role.COLOUR].split("|")))
            elif lexeme.can_be(Role.SIZE):
                draft.sizes.append(lexeme.roles[Role.SIZE])
            elif lexeme.can_be(Role.SHAPE):
                draft.shape = lexeme.roles[Role.SHAPE]
            elif lexeme.can_be(Role.ANOTHER):
                draft.other = True
            elif lexeme.can_be(Role.ORDINAL):
                draft.ordinal = phrases.ORDINALS[lexeme.text]
            elif lexeme.can_be(Role.RANK) and self._ranks_here():
                draft.ranks.append(Rank(lexeme.roles[Role.RANK]))
            elif lexeme.can_be(Role.NUMBER):
                draft.plural = True
            elif lexeme.can_be(Role.UNKNOWN, Role.TEXT):
                unknown = lexeme.text
            elif lexeme.can_be(Role.AND, Role.COMMA):
                if not begun or not self._goes_on(lexeme):
                    break
            elif not lexeme.can_be(Role.ARTICLE, Role.ADJECTIVE):
                break
            begun = begun or lexeme.can_be(*_BEFORE_NOUN)
            self._at += 1
        if draft.role is None and unknown:
            draft.noun, draft.role = unknown, Role.UNKNOWN
        if colours:
            draft.tones.append(Tone(tuple(dict.fromkeys(colours))))
        if draft.role is None and not colours and not (draft.other or draft.ranks):
            return None
        if draft.role is None and (draft.other or draft.ranks):
            draft.kind = ANY
        return draft

    def _goes_on(self, joint: Lexeme) -> bool:
        """Whether "and" or a comma stands among what describes a noun, not behind it."""
        after_comma = joint.can_be(Role.COMMA)
        ahead = 2 if after_comma and self._is(Role.AND, ahead=1) else 1  # "red, white, and blue"
        following = self._now(ahead)
        if following is None:
            return False
        if following.can_be(Role.STATE) and not self._is(Role.NOUN, ahead=ahead + 1):
            return False  # ", standing near"
        if after_comma and ahead == 1:
            return following.can_be(*_DESCRIBES, Role.NOUN, Role.UNKNOWN)
        return following.can_be(*_DESCRIBES)

    def _noun_here(self, lexeme: Lexeme) -> bool:
        """Whether a lexeme is the noun; "light", "bus" may also describe the one that follows."""
        if not lexeme.can_be(*_NAMES):
            return False
        following = self._now(1)
        if not lexeme.can_be(*_BEFORE_NOUN) or following is None:
            return True
        describes = following.can_be(*_DESCRIBES) and not following.can_be(Role.STATE, Role.SHOWING)
        return not describes and not following.can_be(*_NAMES)

    def _ranks_here(self) -> bool:
        """Whether a rank stands before a noun, as "closest" does not in "closest to the bus"."""
        return self._is(*_BEFORE_NOUN, *_NAMES, ahead=1)

    def _read_noun(self, draft: Draft, lexeme: Lexeme) -> None:
        """The noun and those that it is compounded with: "bus stop", "car's roof"."""
        while True:
            self._name(draft, lexeme)
            self._at += 1
            self._skip(Role.TEXT)  # 'the number "30"'
            possessive = self._take(Role.POSSESSIVE) is not None
            following = self._now()
            if possessive:
                self._skip(*_DESCRIBES)
                following = self._now()
            if following is None or not following.can_be(Role.NOUN, Role.PART, Role.UNKNOWN):
                return
            if not possessive and following.can_be(*_NO_COMPOUND):
                return
            if draft.role is Role.NOUN and not following.can_be(Role.NOUN):
                if following.can_be(Role.PART):  # of the thing, for which it stands
                    self._at += 1
                return
            lexeme = following

    def _name(self, draft: Draft, lexeme: Lexeme) -> None:
        draft.plural = draft.plural or lexeme.plural
        for role in _NAMES:
            if role in lexeme.roles:
                draft.noun, draft.role = lexeme.text, role
                draft.kind = lexeme.roles[role] if role is Role.NOUN else None
                draft.zone = lexeme.roles.get(Role.GARMENT, "")
                draft.part, draft.lamp = lexeme.can_be(Role.PART), lexeme.can_be(Role.LAMP)
                draft.picture = lexeme.can_be(Role.PICTURE)
                return
        draft.noun, draft.role, draft.kind = lexeme.text, Role.UNKNOWN, None
