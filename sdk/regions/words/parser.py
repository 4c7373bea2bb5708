"""A small grammar of referring expressions: lexemes to noun phrases and what they stand to.

The first noun phrase is what the sentence is about (the head); "the object is a car" makes it the
car. What follows describes the head, except where it follows another noun phrase directly, with
nothing between them: "near a person in red", "behind a bus with white stripes". Everything that
the grammar has no rule for is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sdk.regions.words.lexicon.kinds import ANY, is_a
from sdk.regions.words.noun_phrases import Draft, NounPhrases
from sdk.regions.words.reading import Lexeme, Role, read
from sdk.regions.words.sentence import Phrase, Rank, Relation, Sentence, Tone
from sdk.text import normalise

MOST_RELATIONS = 12  # of one sentence; what says more is passed over
_DEEPEST = 2  # "near a car behind a bus": how far phrases hang on one another

_LOOSE = (Role.PART, Role.GARMENT, Role.PICTURE, None)  # what follows them is said of others
# Where something is rather than what is there: what follows them describes the head again.
_ROADS = ("road", "sidewalk", "crosswalk", "parking lot", "area")
_GROUND = (*_ROADS, "grass", "line", "building")
_SCENERY = (*_GROUND, "tree", "wall", "fence", "pole", "sky", "wire", "traffic light")  # on no sign
_RIDDEN = {"two-wheeler": "rider", "bicycle": "cyclist", "motorcycle": "motorcyclist"}
_SAME_KIND = ("one", "ones", "")
_WHOLE = (
    "color", "colour", "hue", "tint", "color scheme", "color pattern", "color combination", "body",
    "background", "shade", "tone", "scheme", "pattern", "exterior",
)  # fmt: skip
# The place "at the left" of something that is not the picture is a relation to it.
_OF_THINGS = {
    "left": "left of", "right": "right of", "top": "on", "bottom": "on", "middle": "on",
    "edge": "near", "corner": "near", "left edge": "near", "right edge": "near",
}  # fmt: skip
# A relation to the picture, or to whoever looks at it, is a place.
_OF_PICTURE = {
    "left of": "left", "right of": "right", "above": "top", "below": "bottom",
    "closest": "foreground", "nearer": "foreground", "in front of": "foreground",
}  # fmt: skip
# How the head stands to what is said to be there.
_SIDES = {
    "left": "right of", "right": "left of", "left edge": "right of", "right edge": "left of",
    "top": "below", "bottom": "above", "foreground": "farther", "background": "nearer",
}  # fmt: skip
# Where on a thing its parts are, in words that are those of places.
_WITHIN = {"lamp": ("top", "middle", "bottom"), "part": ("middle",)}
_UPON = ("on", "somewhere")  # "in a red jacket", "on a blue background"

# Reads the rest of a description of a noun phrase; the number is how deep that one hangs.
_Clause = Callable[["Draft", int], None]


def parse(ref: str) -> Sentence:
    """What an expression says.

    Raises:
        InputError: it is no text, not Unicode, too long, or has no word (``sdk.text.normalise``).
    """
    lexemes = read(ref)
    head = _Parser(lexemes).sentence()
    unknown = (each.text for each in lexemes if each.can_be(Role.UNKNOWN))
    words = dict.fromkeys(text for text in unknown if not text.isdigit())
    return Sentence(normalise(ref), head, tuple(words))


class _Parser(NounPhrases):
    """What the noun phrases are said to be, to wear, to stand to."""

    def __init__(self, lexemes: list[Lexeme]) -> None:
        super().__init__(lexemes)
        self._relations = 0
        self._said = False  # the head's verb was read
        self._head = Draft()

    def sentence(self) -> Phrase:
        """The head with all that is said of it."""
        self._skip(Role.ASKING, Role.COMMA)
        before = Draft()
        if not self._begins_noun_phrase():  # "to the left of the bus there is a red car"
            self._describe(before, fronted=True)
            self._skip(Role.ASKING, Role.COMMA, Role.BE)
        head = self._noun_phrase()
        while head is None and self._now() is not None:
            self._at += 1
            head = self._noun_phrase()
        self._head = head or Draft()
        self._head.relations += before.relations
        self._head.places += before.places
        self._head.tones += before.tones
        self._describe(self._head)
        return self._head.phrase()

    def _describe(self, head: Draft, fronted: bool = False) -> None:
        """Everything to the end of the sentence, said of its head.

        ``fronted``: what precedes the head; it ends where that begins.
        """
        again: _Clause | None = None
        negated = False
        subject = head
        while (lexeme := self._now()) is not None:
            if fronted and self._fronting_ends(lexeme):
                return
            negated = negated and not lexeme.can_be(Role.COMMA, Role.AND)
            clause = self._clause(lexeme, negated)
            if clause is not None:
                again, negated = clause, False
                clause(subject, 0)
            elif lexeme.can_be(Role.AND) and again is not None:
                self._at += 1
                self._skip(Role.COMMA)
                if self._continue(again, subject):
                    subject = Draft()
            elif lexeme.can_be(Role.WHICH):
                self._skip(Role.WHICH, Role.BE)
                others = self._said and subject.relations
                subject = Draft() if others else subject  # of what was named last
                self._predicate(subject)
            elif lexeme.can_be(Role.BE):
                self._at += 1
                self._said = True
                self._predicate(subject)
            elif self._describe_shortly(subject, 0):
                continue
            elif lexeme.can_be(Role.NOT):
                self._at += 1
                negated = not self._predicate(subject, negated=True)
            elif lexeme.can_be(Role.COMMA):
                self._at += 1
                subject = Draft() if self._is_apposition() else head
            elif lexeme.can_be(Role.STATE, Role.ASKING, Role.IT, Role.ATTENDED):
                self._at += 1
            elif self._referent(1) is not None:
                subject = Draft() if self._clause_of_its_own() else subject
            else:
                self._at += 1

    def _is_apposition(self) -> bool:
        """Whether some of what was named last are told apart: ", one of which is red"."""
        some = self._is(Role.NUMBER) or self._text() == "one"
        return some and self._is(Role.WHICH, Role.WITH, Role.RELATION, ahead=1)

    def _continue(self, again: _Clause, subject: Draft) -> bool:
        """What "and" joins to a clause; True where it began one: "and trees are behind it"."""
        if not self._begins_noun_phrase():
            return False
        said = len(subject.relations)
        again(subject, 0)
        if not self._clause_of_its_own():
            return False
        del subject.relations[said:]
        return True

    def _clause_of_its_own(self) -> bool:
        """Go past a second verb and what it says of the noun phrase that was just read."""
        if not self._said or self._take(Role.BE) is None:
            return False
        self._predicate(Draft())
        return True

    def _fronting_ends(self, lexeme: Lexeme) -> bool:
        begins = lexeme.can_be(Role.COMMA) and self._is(Role.ARTICLE, Role.NUMBER, ahead=1)
        return begins or lexeme.can_be(Role.ASKING, Role.BE)

    def _describe_directly(self, draft: Draft, depth: int, alone: bool) -> None:
        """What follows a noun phrase with nothing between them.

        ``alone``: leaves what may say where the phrase stands to the head, as in "with a bus on
        its left".
        """
        while self._now() is not None:
            at = self._at
            self._skip_states()
            if self._is(Role.WHICH):
                self._skip(Role.WHICH)
                self._skip(Role.BE)
                if self._predicate(draft):
                    continue
                self._skip_states()
            lexeme = self._now()
            if lexeme is None:
                return
            if draft.kind in _GROUND and self._take_furnishing(alone):
                continue
            relates = lexeme.can_be(Role.RELATION, Role.WITH)
            ends = draft.role in _LOOSE or (relates and draft.kind in _GROUND)
            ends = ends or (alone and lexeme.can_be(Role.ATTENDED, Role.PLACE, Role.RANKED))
            if not ends and self._describe_shortly(draft, depth):
                continue
            clause = None if ends or depth > _DEEPEST else self._clause(lexeme, negated=False)
            if clause is None:
                self._at = at
                return
            clause(draft, depth)

    def _take_furnishing(self, alone: bool) -> bool:
        """Go past what a place is furnished with: "a street with lamps", but no bus on its left.

        ``alone``: a place that is on somebody's left itself.
        """
        at = self._at
        if self._take(Role.WITH) is not None and self._noun_phrase() is not None:
            more = self._at
            self._at += 1
            if not self._is(Role.AND, ahead=-1) or not self._part_follows():
                self._at = more
            self._skip_states()
            if alone or not self._is(Role.ATTENDED, Role.PLACE):
                return True
        self._at = at
        return False

    def _part_follows(self) -> bool:
        """Whether a part stands here, which is read then."""
        part = self._noun_phrase() if self._begins_noun_phrase() else None
        return part is not None and (part.part or part.belongs)

    def _describe_shortly(self, draft: Draft, depth: int) -> bool:
        """A rank or a place, if one stands here."""
        lexeme = self._now()
        if lexeme is None:
            return False
        counted = draft.ordinal or not lexeme.text.startswith("from")
        if lexeme.can_be(Role.RANKED) and counted:
            draft.ranks.append(Rank(lexeme.roles[Role.RANKED], max(draft.ordinal, 1)))
            self._at += 1
        elif lexeme.can_be(Role.PLACE):
            self._place(draft, depth)
        elif lexeme.can_be(Role.OF):
            return self._of_colour(draft)
        else:
            return False
        return True

    def _of_colour(self, draft: Draft) -> bool:
        """ "of blue colour"."""
        of = self._at
        self._at += 1
        other = self._noun_phrase() if self._begins_noun_phrase() else None
        if other is None or not other.belongs or not other.colours:
            self._at = of
            return False
        self._bear(draft, other)
        return True

    def _clause(self, lexeme: Lexeme, negated: bool) -> _Clause | None:
        """How what begins here describes a noun phrase; its first word is read already then."""
        read: _Clause
        if lexeme.can_be(Role.WEARING, Role.SHOWING):
            read = self._bearing
        elif lexeme.can_be(Role.WITH):
            read = self._accompanied
        elif lexeme.can_be(Role.WITHOUT):
            read = self._lacking
        elif lexeme.can_be(Role.CARRYING):
            read = self._carrying
        elif lexeme.can_be(Role.RELATION) and not lexeme.can_be(Role.PLACE):
            name = lexeme.roles[Role.RELATION]
            self._at += 1
            return lambda draft, depth: self._relate(draft, depth, name, negated)
        else:
            return None
        self._at += 1
        return self._lacking if negated else read

    def _predicate(self, head: Draft, negated: bool = False) -> bool:
        """What stands after "is": "is white", "is a car"; False when nothing does."""
        self._skip_states()
        said = self._noun_phrase() if self._begins_noun_phrase() else None
        if said is None:
            return False
        if not negated and said.role is Role.NOUN and head.kind in (None, ANY):
            self._become(head, said)
        else:
            head.tones += [replace(tone, negated=negated) for tone in said.tones]
            head.sizes += [] if negated else said.sizes
        return True

    def _become(self, head: Draft, said: Draft) -> None:
        """ "the object is the leftmost car": the object is what is said of it."""
        if said.kind != ANY:
            head.noun, head.kind, head.role = said.noun, said.kind, said.role
        head.shape = said.shape or head.shape
        head.ordinal = said.ordinal or head.ordinal
        head.tones += said.tones
        head.sizes += said.sizes
        head.ranks += said.ranks

    def _referent(self, depth: int, alone: bool = False) -> Draft | None:
        """A noun phrase with what directly follows it."""
        self._skip_states()
        if not self._begins_noun_phrase():
            return None
        draft = self._noun_phrase()
        if draft is None:
            return None
        draft = self._whole_of(draft) or draft
        self._same_kind(draft)
        self._describe_directly(draft, depth, alone)
        return draft

    def _whole_of(self, draft: Draft) -> Draft | None:
        """ "the side of a bus" stands where the bus does."""
        at = self._at
        is_part = draft.part or draft.belongs or draft.kind == "area"
        if is_part and self._take(Role.OF) is not None:
            whole = self._noun_phrase() if self._begins_noun_phrase() else None
            if whole is not None and not whole.belongs:
                return whole
        self._at = at
        return None

    def _same_kind(self, draft: Draft) -> None:
        """ "another one" is of the kind that the sentence is about."""
        if draft.kind == ANY and draft.noun in _SAME_KIND:
            draft.kind = self._head.kind

    def _relate(self, draft: Draft, depth: int, name: str, negated: bool) -> None:
        if name == "between":
            self._between(draft, depth, negated)
            return
        other = self._referent(depth + 1)
        if other is None:
            return
        if other.picture and not other.colours:
            place = _OF_PICTURE.get(name)
            draft.places += [place] if place else []
        elif name in _UPON and (other.role is None or other.worn or other.noun in _WHOLE):
            self._bear(draft, other)
        elif other.kind in _ROADS and name in ("left of", "right of"):
            draft.places.append(_OF_PICTURE[name])
        elif name in _UPON and other.kind in _RIDDEN and is_a(draft.kind, "person"):
            draft.kind = _RIDDEN[other.kind]
            draft.relations += other.relations  # where the bike stands, its rider is
            draft.places += other.places
            draft.ranks += other.ranks
        elif not other.belongs and other.role is not None:
            self._add(draft, Relation(name, (other.phrase(),), negated))

    def _between(self, draft: Draft, depth: int, negated: bool) -> None:
        """ "between a car on its left and a van": both, and on which side each is."""
        ends: list[Phrase] = []
        sides: list[Relation] = []
        for _ in range(2):
            other = self._referent(depth + 1, alone=True)
            if other is None or other.role is None or other.belongs:
                break
            ends.append(other.phrase())
            side = self._side()
            sides += [Relation(side, (ends[-1],), negated)] if side else []
            if self._is(Role.COMMA) and self._is(Role.AND, ahead=1):
                self._at += 1
            if self._take(Role.AND) is None:
                break
        if len(ends) == 2 or (ends and ends[0].plural):
            self._add(draft, Relation("between", tuple(ends), negated))
        elif ends:
            self._add(draft, Relation("near", tuple(ends), negated))
        for relation in sides:
            self._add(draft, relation)

    def _side(self, places: bool = True) -> str | None:
        """How the head stands to what was just named, if that is said: "on its left"."""
        self._skip_states()
        name = self._take(Role.ATTENDED)
        if name is not None or not places or not self._is(Role.PLACE):
            return name
        place = Draft()
        while self._is(Role.PLACE):  # "farther back on the left"
            self._place(place, _DEEPEST)
        return _SIDES.get(place.places[0]) if place.places else None

    def _accompanied(self, draft: Draft, depth: int) -> None:
        """ "with a red roof" is of the thing; "with a bus behind it" is a relation."""
        self._skip_states()
        other = self._noun_phrase() if self._begins_noun_phrase() else None
        if other is None:
            return
        whole = None if other.colours else self._whole_of(other)
        if whole is None and self._is_of(draft, other, depth):
            self._bear(draft, other)
            return
        other = whole or other
        self._same_kind(other)
        self._describe_directly(other, depth + 1, alone=True)
        after = self._at
        side = self._side(places=depth == 0)
        if other.belongs or other.picture or self._is(Role.BE):
            return
        content = is_a(draft.kind, "sign") and other.kind not in _SCENERY
        content = content or other.role is Role.UNKNOWN
        if side is None and content and self._at == after:
            self._bear(draft, other)
        else:
            self._add(draft, Relation(side or "near", (other.phrase(),)))

    def _is_of(self, draft: Draft, other: Draft, depth: int) -> bool:
        """Whether something is a part, a garment or the lamp of what it comes with."""
        if other.role is None or (other.zone and is_a(draft.kind, "person")):
            return True
        if other.belongs:
            return not self._is_beside()
        lamp = other.lamp and is_a(draft.kind, "light")
        if other.other or (self._is(Role.ATTENDED) and not (lamp and depth)):
            return False
        elsewhere = self._is(Role.PLACE) and not other.colours
        return lamp or (other.part and not elsewhere)

    def _is_beside(self) -> bool:
        """Whether what was just named is said to stand somewhere by the head: "behind it"."""
        ahead = 0
        while self._is(Role.STATE, ahead=ahead):
            ahead += 1
        return self._is(Role.ATTENDED, ahead=ahead)

    def _bearing(self, draft: Draft, depth: int) -> None:
        """What is worn, or shown; what a light shows is its lamp."""
        self._skip_states()
        other = self._noun_phrase() if self._begins_noun_phrase() else None
        if other is not None:
            self._bear(draft, other, shown=True)

    def _carrying(self, draft: Draft, depth: int) -> None:
        """What somebody carries is no relation to something that stands there."""
        self._referent(depth + 1, alone=True)

    def _lacking(self, draft: Draft, depth: int) -> None:
        """What something is without, or does not wear, is none of what it is."""
        self._skip_states()
        if self._begins_noun_phrase():
            self._noun_phrase()

    def _bear(self, draft: Draft, other: Draft, shown: bool = False) -> None:
        """The colours of a part, a garment or a lamp become those of what has it."""
        if not other.colours:
            return
        where = other.zone or "part"
        if other.noun in _WHOLE or (other.role is None and not is_a(draft.kind, "sign")):
            where = "whole"
        if is_a(draft.kind, "light") and (shown or other.lamp):
            where = "lamp"
        draft.tones.append(Tone(other.colours, where))
        within = self._now()
        if within is not None and within.roles.get(Role.PLACE) in _WITHIN.get(where, ()):
            self._at += 1  # "with a black symbol in the middle": of the sign, not of the picture
        more = self._try(self._another_part)
        if more is not None:
            self._bear(draft, more, shown)

    def _another_part(self) -> Draft | None:
        """The next of a list of parts or garments: "a white hat, an orange shirt, and jeans"."""
        comma, and_ = self._take(Role.COMMA), self._take(Role.AND)
        if (comma is None and and_ is None) or not self._begins_noun_phrase():
            return None
        part = self._noun_phrase()
        return part if part is not None and part.belongs and part.colours else None

    def _place(self, draft: Draft, depth: int) -> None:
        place = self._take(Role.PLACE) or ""
        if self._is(Role.NOUN, Role.UNKNOWN):  # "near the centre divider"
            self._noun_phrase()
            return
        if self._take(Role.OF) is None:
            draft.places.append(place)
            return
        other = self._referent(depth + 1, alone=True)
        relation = _OF_THINGS.get(place)
        of_ground = other is not None and other.kind in _ROADS
        if other is None or other.picture or relation is None or (of_ground and place in _SIDES):
            draft.places.append(place)
        elif other.role is not None and not other.belongs:
            among = place == "middle" and other.plural
            self._add(draft, Relation("near" if among else relation, (other.phrase(),)))

    def _add(self, draft: Draft, relation: Relation) -> None:
        if self._relations < MOST_RELATIONS:
            self._relations += 1
            draft.relations.append(relation)
