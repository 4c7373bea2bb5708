"""What a sentence claims of its object: "left of the bus".

The scores of a network tell a red car from a blue one nearly always; whether it stands left of the
bus they tell far less well, so that a twin on the wrong side looks as good as the object. But a
network that was taught what each word means by itself (``train.losses.auxiliary.mention_loss``)
also tells where the bus is. The sentence is read by the grammar of ``sdk.regions.words``; its
relations, ranks among its like ("the leftmost red car") and places ("at the left of the picture")
are held against where those words have their objects in ``cpp_ext/src/claims.cpp``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cpp_ext import CLAIMS, weigh_claims
from sdk.geometry import Boxes
from sdk.letterbox import Letterbox
from sdk.regions.words.lexicon.kinds import is_a
from sdk.regions.words.parser import parse
from sdk.regions.words.sentence import Phrase, Relation
from sdk.results.grounding import Float32
from sdk.text import Tokens

Floats = NDArray[np.float64]

# Where something is rather than what is there: the network was taught no place of these.
_NO_LANDMARK = (
    "road", "sidewalk", "crosswalk", "parking lot", "area", "grass", "line", "building", "tree",
    "wall", "fence", "pole", "sky", "wire", "headlight", None,
)  # fmt: skip
_HANGING = ("sign", "light", "camera")  # how low such a thing is says nothing of its distance
_DISTANCES = ("foreground", "background")


@dataclass(frozen=True)
class Claim:
    """A relation of the object to one other thing, "between" two, its rank among its like, or its
    place in the picture.

    Attributes:
        name: of ``cpp_ext.CLAIMS``.
        tokens: of the others' nouns, indices into the prompt, one alone for "between two cars"; of
            a rank, the object's own noun; none of a place.
        negated: it is said not to hold.
        number: of a rank, from 1.
    """

    name: str
    tokens: tuple[int, ...]
    negated: bool = False
    number: int = 1


def claims_of(tokens: Tokens) -> tuple[Claim, ...]:
    """What a prompt claims of its object that landmarks can tell; often nothing.

    Args:
        tokens: of an expression, as ``Tokenizer.encode`` gives them.
    """
    ref = tokens.ref.removesuffix(" .")
    head = parse(ref).head
    nouns = _nouns(head, ref, tokens)
    claims = []
    for relation in head.relations:
        places = [nouns.get(id(phrase)) for phrase in relation.to]
        known = tuple(place for place in places if place is not None)
        if len(known) == len(places) and _tells(relation):
            claims.append(Claim(relation.name, known, relation.negated))
    own = nouns.get(id(head))
    if own is not None:
        claims += [
            Claim(r.name, (own,), number=r.number) for r in head.ranks if _is(r.name, "rank")
        ]
    unsure = _DISTANCES if any(is_a(head.kind, each) for each in _HANGING) else ()
    claims += [Claim(name, ()) for name in head.places if _is(name, "place") and name not in unsure]
    return tuple(claims)


def _tells(relation: Relation) -> bool:
    several = any(phrase.plural for phrase in relation.to)  # "with several cars nearby"
    if any(phrase.kind in _NO_LANDMARK for phrase in relation.to):
        return False
    return _is(relation.name, "between") or (_is(relation.name, "relation") and not several)


def _is(name: str, kind: str) -> bool:
    return CLAIMS.get(name) == kind


def _nouns(head: Phrase, ref: str, tokens: Tokens) -> dict[int, int]:
    """The last token of each phrase's noun, by the phrase's id; in the sentence's order, so that
    of two equal nouns each gets its own."""
    found: dict[int, int] = {}
    end = 0
    for phrase in head.everything():
        noun = re.compile(rf"\b{re.escape(phrase.noun)}\b")
        seen = (noun.search(ref, end) or noun.search(ref)) if phrase.noun else None
        if seen is None:
            continue
        end = max(end, seen.end())
        mine = [n for n, (a, b) in enumerate(tokens.offsets) if a < seen.end() and b > seen.start()]
        if mine:
            found[id(phrase)] = mine[-1] + 1  # + 1: [CLS] comes first
    return found


@lru_cache(maxsize=16)
def locations(levels: tuple[tuple[int, int], ...]) -> Floats:
    """Centres ``(N, 2)`` of a network's locations, as shares of its input's width and height.

    Args:
        levels: rows and columns of each level; locations are in this order, row by row.
    """
    parts = []
    for rows, columns in levels:
        y, x = np.mgrid[:rows, :columns]
        parts.append(np.stack([(x + 0.5) / columns, (y + 0.5) / rows], axis=-1).reshape(-1, 2))
    return np.concatenate(parts)


def weighed(
    claims: Sequence[Claim],
    boxes: Boxes,
    scores: Float32,
    meanings: Float32,
    levels: tuple[tuple[int, int], ...],
    fitted: Letterbox,
    frame_wh: tuple[int, int],
) -> Float32:
    """Scores of candidates, each with what is claimed weighed in.

    Args:
        claims: of the sentence.
        boxes: ``(K, 4)`` xyxy, frame pixels; NaN where there is none.
        scores: ``(K,)`` in 0..1, the network's own.
        meanings: ``(N, T)`` logits, how far each location is what each token's word means.
        levels: rows and columns of each level of locations, see ``locations``.
        fitted: the look's window in the network's input.
        frame_wh: the frame's width and height in pixels.

    Returns:
        ``(K,)`` in 0..1; the scores themselves where nothing is claimed that can be told. NaN for
        boxes of NaN.
    """
    said = [(each.name, each.tokens, each.negated, each.number) for each in claims]
    scale, shift = fitted.affine_xy
    found = weigh_claims(said, boxes, scores, meanings, locations(levels), scale, shift, frame_wh)
    return scores if found is None else found
