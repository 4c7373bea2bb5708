"""What may be claimed of an object: each claim with its words and whom else it might be true of."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from evaluation.scenes import relations
from evaluation.scenes.relations import gap
from evaluation.scenes.rich import constructions as said
from evaluation.scenes.rich.phrases import NounPhrase
from evaluation.scenes.rich.text import Text, choose, fill
from evaluation.scenes.scene import SceneObject

_TOUCHING_PX = 60.0
_HIDDEN = 0.12  # share of a box from which on a part is hidden
_HIDING_SHARE = 0.6  # of "behind" what covers a part
_ANOTHER = ("another", "another", "another", "another similar")


@dataclass(frozen=True)
class Claim:
    """One thing said of an object.

    Attributes:
        name: of the relation, place or rank.
        where: the words of a relation or place, which follow the noun phrase.
        may_hold: True of every object that somebody might say it of.
        referents: ids of the objects that it relates to.
        head: for a rank, the noun phrase with the rank in it, "leftmost red car"; else "".
        after_is: True when the words may also follow "is".
        weight: how far down the list of a speaker it stands: about pixels of distance.
    """

    name: str
    where: Text
    may_hold: Callable[[SceneObject], bool]
    referents: tuple[int, ...] = ()
    head: str = ""
    after_is: bool = True
    weight: float = 0.0


@dataclass(frozen=True)
class Referent:
    """What a relation relates to.

    ``fitting``: every object that the phrase might mean. ``item``: the one that is meant, None
    when it is missing from the scene.
    """

    phrase: NounPhrase
    fitting: tuple[SceneObject, ...]
    item: SceneObject | None

    @property
    def unique(self) -> bool:
        """True when the phrase alone tells which object is meant."""
        return len(self.fitting) == 1


def relate(
    rng: random.Random,
    relation: str,
    of: SceneObject | None,
    to: tuple[Referent, ...],
    like_target: bool = False,
) -> Claim:
    """The claim that ``relation`` holds with the one or two referents.

    A referent that is not unique is an indefinite one: the claim may hold with any that fits.

    Args:
        rng: chooses the words.
        relation: a name of ``constructions.RELATIONS``.
        of: the object of which it is clearly true; None when it is not.
        to: one referent, two for "between".
        like_target: the target's own noun phrase fits the referents: they are "another".
    """

    def may_hold(item: SceneObject) -> bool:
        return any(relations.may_hold(relation, item, chosen) for chosen in _choices(item, to))

    sure = (
        of is not None and sum(relations.may_hold(relation, of, c) for c in _choices(of, to)) == 1
    )
    texts = [_referring(rng, r, like_target, sure) for r in to]
    where, after_is = _worded(rng, relation, of, to, texts)
    items = tuple(r.item for r in to if r.item is not None)
    distance = max((gap(of, item) for item in items), default=0.0) if of is not None else 0.0
    return Claim(
        relation, where, may_hold, tuple(i.id for i in items), after_is=after_is, weight=distance
    )


def between_two(
    rng: random.Random, of: SceneObject, phrase: NounPhrase, fitting: Sequence[SceneObject]
) -> Claim | None:
    """ "between two red cars", if it is clearly true of the object and the plural exists."""
    mine = [pair for pair in combinations(fitting, 2) if of not in pair]
    true = [pair for pair in mine if relations.between(of, *pair)]
    if not phrase.plural or not true or not all(map(phrase.matches, true[0])):
        return None

    def may_hold(item: SceneObject) -> bool:
        pairs = combinations(fitting, 2)
        return any(item not in pair and relations.maybe_between(item, *pair) for pair in pairs)

    templates = said.BETWEEN_TWO if len(fitting) == 2 else said.BETWEEN_MANY
    where = fill(rng.choice(templates), s=phrase.plural)
    ids = (true[0][0].id, true[0][1].id)
    return Claim("between", where, may_hold, ids, weight=max(gap(of, o) for o in true[0]))


def hides(far: SceneObject, near: SceneObject) -> bool:
    """True when ``near`` covers a part of ``far`` that is worth a word."""
    w = min(far.xyxy[2], near.xyxy[2]) - max(far.xyxy[0], near.xyxy[0])
    h = min(far.xyxy[3], near.xyxy[3]) - max(far.xyxy[1], near.xyxy[1])
    return near.depth_m < far.depth_m and min(w, h) > 0 and w * h >= _HIDDEN * far.area


def _choices(item: SceneObject, to: tuple[Referent, ...]) -> list[tuple[SceneObject, ...]]:
    """What the referents could be when the claim is made of ``item``."""
    combined = product(*(r.fitting for r in to))
    return [c for c in combined if item not in c and len(set(map(id, c))) == len(c)]


def _referring(rng: random.Random, referent: Referent, like_target: bool, sure: bool) -> Text:
    """The referent with its article; a mention only where it is certain which object is meant."""
    determiner = "the" if referent.unique and rng.random() < 0.6 else "a"
    if not referent.unique:
        determiner = rng.choice(_ANOTHER) if like_target else "a"
    known = referent.item is not None and (referent.unique or sure)
    mentions = ((referent.phrase.text, referent.item.id),) if known else ()
    return fill(f"{determiner} {{np}}", np=Text(referent.phrase.text, mentions))


def _worded(
    rng: random.Random,
    relation: str,
    of: SceneObject | None,
    to: tuple[Referent, ...],
    texts: list[Text],
) -> tuple[Text, bool]:
    """Words, and whether they may follow "is"."""
    if relation == "between":
        a, b = texts
        if of is not None and rng.random() < 0.4:
            first, second = (r.item for r in to)
            if relations.left_of(second, of) and relations.left_of(of, first):
                a, b, first, second = b, a, second, first
            if relations.left_of(first, of) and relations.left_of(of, second):
                return fill(rng.choice(said.BETWEEN_SIDES), a=a, b=b), True
        return fill(choose(rng, said.RELATIONS[relation]), a=a, b=b), True
    if relation in said.ATTENDED and rng.random() < 0.14:
        return fill(rng.choice(said.ATTENDED[relation]), a=texts[0]), False
    template = choose(rng, said.RELATIONS[relation])
    if relation in said.HIDING and of is not None and to[0].item is not None:
        behind = (of, to[0].item) if relation == "behind" else (to[0].item, of)
        if hides(*behind) and rng.random() < _HIDING_SHARE:
            template = rng.choice(said.HIDING[relation])
    where = fill(template, a=texts[0])
    close = of is not None and to[0].item is not None and gap(of, to[0].item) < _TOUCHING_PX
    if close and template in said.CLOSELY_SAID and rng.random() < 0.25:
        where = Text(f"{rng.choice(said.CLOSELY)} {where.words}", where.mentions)
    return where, True
