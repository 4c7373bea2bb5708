"""What a sentence claims of its object, "left of the bus", held against where the bus is.

The scores of a network tell a red car from a blue one nearly always; whether it stands left of the
bus they tell far less well, so that a twin on the wrong side looks as good as the object. But a
network that was taught what each word means by itself (``train.losses.auxiliary.mention_loss``)
also tells where the bus is: the *landmarks* of its token. The sentence is read by the grammar of
``sdk.regions.words``, and each relation becomes a probability for each candidate of a look; ranks
among its like ("the leftmost red car") and places ("at the left of the picture") alike.
Log odds are added to those of the candidate's score, as those of evidence of its own. The first
look surely shows the landmarks, a closer one shows them finer where they stand near the object:
by both, right answers are told from near misses better than by either.

Every constant is our own choice, by measurement on rendered scenes whose seeds serve for that
alone (``evaluation.seeds.FEATURES``). Lengths are shares of the frame's diagonal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes
from sdk.regions.words.lexicon.kinds import is_a
from sdk.regions.words.parser import parse
from sdk.regions.words.sentence import Phrase, Relation
from sdk.results.grounding import Float32
from sdk.text import Tokens

Floats = NDArray[np.float64]
Margin = Callable[[Floats, Floats], Floats]

LANDMARKS = 4  # of a word, which may mean any of several things
_APART = 0.035  # what is nearer than so, across and down, is one landmark in a look at the frame
_SHARPNESS = 2.0  # of the choice among a word's landmarks, by their logits
_SELF = 0.01  # a landmark as near to a candidate is the candidate: nothing is left of itself
_NOT_ITSELF = 20.0  # logits that such a landmark loses
_NONE = -1e4  # logits of a place that is no landmark any more
_DOUBT = 0.02  # of every probability: sentences and landmarks may be misread
_MOST = 1.0  # log odds that a claim adds at most: one that holds proves less than one that fails
_LIKE = 1.0  # logits below the best landmark of a noun: as likely as not another of its like
_CERTAIN = 1e-6  # no score is nearer to 0 or 1: log odds must be finite
# Where something is rather than what is there: the network was taught no place of these.
_NO_LANDMARK = (
    "road", "sidewalk", "crosswalk", "parking lot", "area", "grass", "line", "building", "tree",
    "wall", "fence", "pole", "sky", "wire", "headlight", None,
)  # fmt: skip
_HANGING = ("sign", "light", "camera")  # how low such a thing is says nothing of its distance


@dataclass(frozen=True)
class Claim:
    """A relation of the object to one other thing, "between" two, its rank among its like, or its
    place in the picture.

    Attributes:
        name: a key of ``_BINARY``, ``_RANKS`` or ``_PLACES``, or "between".
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
        claims += [Claim(r.name, (own,), number=r.number) for r in head.ranks if r.name in _RANKS]
    hangs = any(is_a(head.kind, each) for each in _HANGING)
    claims += [Claim(name, ()) for name in head.places if name in (_SIDES if hangs else _PLACES)]
    return tuple(claims)


def _tells(relation: Relation) -> bool:
    several = any(phrase.plural for phrase in relation.to)  # "with several cars nearby"
    if any(phrase.kind in _NO_LANDMARK for phrase in relation.to):
        return False
    return relation.name == "between" or (relation.name in _BINARY and not several)


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
    places: Floats,
    frame_wh: tuple[int, int],
) -> Float32:
    """Scores of candidates, each with what is claimed weighed in.

    Args:
        claims: of the sentence.
        boxes: ``(K, 4)`` xyxy, frame pixels; NaN where there is none.
        scores: ``(K,)`` in 0..1, the network's own.
        meanings: ``(N, T)`` logits, how far each location is what each token's word means.
        places: ``(N, 2)`` the locations' centres, frame pixels.
        frame_wh: the frame's width and height in pixels.

    Returns:
        ``(K,)`` in 0..1; the scores themselves where nothing is claimed that can be told. NaN for
        boxes of NaN.
    """
    diagonal = math.hypot(*frame_wh)
    known = [each for each in claims if np.isfinite(meanings[:, list(each.tokens)]).all()]
    if not known:
        return scores
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    centres, shares, places = middle / diagonal, middle / frame_wh, places / diagonal
    # Closer looks tell nearer things apart, though objects fill more of their cells.
    apart = _APART * math.sqrt(math.hypot(*np.ptp(places, axis=0)))
    odds = []
    for each in known:
        marks = [landmarks(meanings[:, token], places, apart) for token in each.tokens]
        odds.append(_log_odds(each, centres, shares, marks))
    p = np.clip(scores.astype(np.float64), _CERTAIN, 1 - _CERTAIN)
    return np.asarray(_sigmoid(np.log(p / (1 - p)) + sum(odds)), np.float32)


def landmarks(meaning: Float32, places: Floats, apart: float = _APART) -> Floats:
    """Where a word has its objects: ``(LANDMARKS, 3)`` x, y and logit, best first.

    Args:
        meaning: ``(N,)`` logits of the locations.
        places: ``(N, 2)``, in diagonals.
        apart: what is nearer than so, across and down, is one landmark.
    """
    rest = meaning.astype(np.float64)
    found = np.empty((LANDMARKS, 3))
    for k in range(LANDMARKS):
        best = int(rest.argmax())
        found[k] = *places[best], rest[best]
        near = np.abs(places - places[best]) < apart
        rest[near[:, 0] & near[:, 1]] = _NONE
    return found


def _log_odds(claim: Claim, centres: Floats, shares: Floats, marks: Sequence[Floats]) -> Floats:
    """How far a claim speaks for each candidate, ``(K,)``.

    centres ``(K, 2)`` in diagonals, shares ``(K, 2)`` in widths and heights of the frame, marks
    ``(L, 3)`` each, up to two of them.
    """
    if claim.name in _PLACES:
        margin = _PLACES[claim.name](shares[:, 0], shares[:, 1])
        holds = _sigmoid(np.clip(margin, -6.0, 6.0))
    elif claim.name in _RANKS:
        holds = _ranked(_RANKS[claim.name], claim.number, centres, marks[0])
    elif claim.name == "between":
        holds = _chosen(*_pairs(centres, marks[0], marks[-1], len(marks) == 1))
    else:
        offset = centres[:, None] - marks[0][:, :2]  # (K, L, 2), seen from the landmark
        dx, dy = offset[..., 0], offset[..., 1]
        logits = marks[0][:, 2] - _NOT_ITSELF * (np.hypot(dx, dy) < _SELF)
        holds = _chosen(_BINARY[claim.name](dx, dy), logits)
    if claim.negated:
        holds = 1.0 - holds
    return np.minimum(np.log((holds + _DOUBT) / (1.0 - holds + _DOUBT)), _MOST)


def _chosen(margins: Floats, logits: Floats) -> Floats:
    """The probability that a relation holds with whichever landmark is meant, ``(K,)``.

    margins ``(K, M)``, logits ``(K, M)`` or ``(M,)``, of landmarks or of pairs of them.
    """
    weights = np.exp(_SHARPNESS * (logits - logits.max(axis=-1, keepdims=True)))
    holds = _sigmoid(np.clip(margins, -6.0, 6.0))
    return np.asarray((weights * holds).sum(axis=-1) / weights.sum(axis=-1))


def _ranked(key: tuple[float, float], number: int, centres: Floats, marks: Floats) -> Floats:
    """The probability that so many of its like stand before each candidate, ``(K,)``.

    key: what grows along the row, as weights of x and y.
    """
    before = _sigmoid((centres[:, None] @ key - marks[:, :2] @ key - 0.008) / 0.004)  # (K, L)
    itself = np.hypot(*np.moveaxis(centres[:, None] - marks[:, :2], -1, 0)) < _SELF
    like = _sigmoid(2.0 * _SHARPNESS * (marks[:, 2] - marks[0, 2] + _LIKE))
    count = (like * before * ~itself).sum(axis=-1)
    return np.asarray(np.exp(-np.abs(count - (number - 1))))


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(values / 2.0)))


# Margins: above 0 where a relation holds, below where it does not, ``dx`` and ``dy`` being the
# candidate's centre seen from the landmark's. Landmarks are as coarse as the network's cells, and
# people argue about the borders, so that all of them are soft.


def _sideways(along: Floats, across: Floats, wide: float) -> Floats:
    distance = np.hypot(along, across)
    return np.asarray((along - wide * np.abs(across)) / (0.008 + 0.08 * distance))


def _near(dx: Floats, dy: Floats) -> Floats:
    return np.asarray((0.075 - np.hypot(dx, dy)) / 0.016)


def _beside(dx: Floats, dy: Floats) -> Floats:
    return np.minimum(_near(dx, dy), (0.02 - np.abs(dy)) / 0.007)


def _in_line(dx: Floats, dy: Floats) -> Floats:
    close = (0.104 - np.hypot(dx, dy)) / 0.018
    return np.minimum((0.052 - np.abs(dx)) / 0.011, close)


def _in_front_of(dx: Floats, dy: Floats) -> Floats:
    return np.minimum(_in_line(dx, dy), (dy + 0.0027) / 0.0045)


_BINARY: dict[str, Margin] = {
    "left of": lambda dx, dy: _sideways(-dx, dy, 0.8),
    "right of": lambda dx, dy: _sideways(dx, dy, 0.8),
    "above": lambda dx, dy: _sideways(-dy, dx, 0.85),
    "below": lambda dx, dy: _sideways(dy, dx, 0.85),
    "near": _near,
    "beside": _beside,
    "in front of": _in_front_of,
    "behind": lambda dx, dy: _in_front_of(dx, -dy),
    "ahead of": _in_line,
    "nearer": lambda dx, dy: dy / 0.0055,  # what is nearer stands lower in the picture
    "farther": lambda dx, dy: -dy / 0.0055,
    "closest": lambda dx, dy: (0.118 - np.hypot(dx, dy)) / 0.027,
}


def _corner(row: Margin, column: Margin, x: Floats, y: Floats) -> Floats:
    return np.minimum(row(x, y), column(x, y))


# Margins of a place in the picture, from the centre's x and y in shares of its width and height.
_SIDES: dict[str, Margin] = {
    "left": lambda x, y: (0.39 - x) / 0.03,
    "right": lambda x, y: (x - 0.61) / 0.03,
    "top": lambda x, y: (0.43 - y) / 0.025,
    "bottom": lambda x, y: (y - 0.625) / 0.025,
    "middle": lambda x, y: (0.14 - np.abs(x - 0.5)) / 0.02,
}
_SIDES |= {f"{side} edge": _SIDES[side] for side in ("left", "right")}
_SIDES |= {
    f"{row} {column}": partial(_corner, _SIDES[row], _SIDES[column])
    for row in ("top", "bottom")
    for column in ("left", "right")
}
_PLACES = _SIDES | {
    "foreground": lambda x, y: (y - 0.66) / 0.05,
    "background": lambda x, y: (0.62 - y) / 0.05,
}
# What grows from the first in a row to the last, as weights of x and y; near is low in the picture.
_RANKS: dict[str, tuple[float, float]] = {
    "leftmost": (1.0, 0.0), "rightmost": (-1.0, 0.0), "topmost": (0.0, 1.0), "lowest": (0.0, -1.0),
    "nearest": (0.0, -1.0), "farthest": (0.0, 1.0),
}  # fmt: skip


def _pairs(centres: Floats, first: Floats, second: Floats, alike: bool) -> tuple[Floats, Floats]:
    """Margins ``(K, L * L)`` of "between" any two landmarks, and the pairs' logits ``(L * L,)``.

    alike: both are of one word, "between two cars", and no pair is one car.
    """
    a, b = first[:, None], second[None]  # (L, 1, 3), (1, L, 3)
    axis = (b - a)[..., :2]  # (L, L, 2)
    length = np.hypot(axis[..., 0], axis[..., 1]) + 1e-9
    start = centres[:, None, None] - a[..., :2]  # (K, L, L, 2)
    along = (start * axis).sum(axis=-1) / length**2
    across = np.abs(start[..., 0] * axis[..., 1] - start[..., 1] * axis[..., 0]) / length
    inside = (0.42 - np.abs(along - 0.5)) * length / 0.016
    margin = np.minimum(inside, (np.maximum(0.33 * length, 0.018) - across) / 0.009)
    logits = a[..., 2] + b[..., 2]
    if alike:
        logits = logits - _NOT_ITSELF * np.eye(len(first))
    return margin.reshape(len(centres), logits.size), logits.ravel()
