"""Rich sentences that are true of nothing: wrong colour, wrong kind, missing, wrong relation."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import combinations

from evaluation.scenes.catalogue import KINDS, kinds_in
from evaluation.scenes.relations import BINARY, between, holds
from evaluation.scenes.rich import standing
from evaluation.scenes.rich.claims import Claim, Referent, relate
from evaluation.scenes.rich.expressions import (
    compatible,
    named,
    neighbours,
    target_phrase,
    tells,
    true_claims,
)
from evaluation.scenes.rich.phrases import (
    NounPhrase,
    name,
    strange,
    strangely_equipped,
    strangely_toned,
)
from evaluation.scenes.rich.sentences import MAX_WORDS, sentence
from evaluation.scenes.rich.text import Text, choose
from evaluation.scenes.scene import Scene, SceneObject
from evaluation.scenes.sentences import words_of

_BARE_SHARE = 0.12
_STRANGE_SHARE = 0.35
_OPPOSITE = {
    "left of": "right of", "above": "below", "in front of": "behind", "nearer": "farther",
    "at left": "at right", "at top": "at bottom", "top left": "top right",
    "bottom left": "bottom right", "in foreground": "in background", "on road": "on pavement",
}  # fmt: skip
_OPPOSITE |= {b: a for a, b in _OPPOSITE.items()}
_REACH = 5  # neighbours of the object that a wrong relation is about


def absent(scene: Scene, seed: int) -> str:
    """A sentence that is true of no object of the scene, a near miss if possible."""
    rng = random.Random(f"{seed} {scene.seed} absent")
    while True:
        made = _WAYS[choose(rng, _SHARES)](rng, scene)
        if made is not None and len(words_of(made)) <= MAX_WORDS:
            return made


def _wrong_colour(rng: random.Random, scene: Scene) -> str | None:
    """A kind that is there, in a colour that is not."""
    item = rng.choice(scene.objects)
    return _nothing_such(rng, scene, item, item.kind, rng.choice(KINDS[item.kind].colours))


def _wrong_kind(rng: random.Random, scene: Scene) -> str | None:
    """A colour that is there, on a kind that never is."""
    item = rng.choice(scene.objects)
    kinds = [noun for noun, kind in kinds_in(scene.setting).items() if item.colour in kind.colours]
    return _nothing_such(rng, scene, item, rng.choice(kinds), item.colour)


def _missing(rng: random.Random, scene: Scene) -> str | None:
    """Any kind and colour that are not there."""
    kind = rng.choice(list(kinds_in(scene.setting)))
    item = rng.choice(scene.objects)
    return _nothing_such(rng, scene, item, kind, rng.choice(KINDS[kind].colours))


def _nothing_such(
    rng: random.Random, scene: Scene, item: SceneObject, kind: str, colour: str
) -> str | None:
    """The place of a real object, said of something that is not there."""
    size = "small" if rng.random() < 0.08 else None
    return _elsewhere(rng, scene, item, kind, name(rng, kind, colour, size=size))


def _elsewhere(
    rng: random.Random, scene: Scene, item: SceneObject, kind: str, phrase: NounPhrase
) -> str | None:
    """Something like ``kind`` that is not there, in the place of a real object."""
    if phrase.fitting(scene.objects):
        return None
    claims = [c for c in true_claims(rng, scene, item, phrase, ()) if _suits(c, kind)]
    return _said(rng, scene, phrase, [] if rng.random() < _BARE_SHARE else claims[:1])


def _strange_kind(rng: random.Random, scene: Scene) -> str | None:
    """What no scene has: "the bench on the left"."""
    return _elsewhere(rng, scene, rng.choice(scene.objects), "cone", strange(rng))


def _strange_colour(rng: random.Random, scene: Scene) -> str | None:
    """A kind that is there, in a colour that nothing has."""
    item = rng.choice(scene.objects)
    return _elsewhere(rng, scene, item, item.kind, strangely_toned(rng, item.kind))


def _strange_detail(rng: random.Random, scene: Scene) -> str | None:
    """An object that is there, with what such a thing never has."""
    item = rng.choice([o for o in scene.objects if o.targetable])
    phrase = strangely_equipped(rng, item.kind, item.colour)
    if phrase is None:
        return None
    claims = true_claims(rng, scene, item, phrase, ())
    return _said(rng, scene, phrase, [] if rng.random() < 0.4 else claims[:1])


def _suits(claim: Claim, kind: str) -> bool:
    """False for what such a thing never does, as a car on a pole."""
    if claim.name in ("on pole", "over road"):
        return KINDS[kind].mounted
    return not (KINDS[kind].mounted and claim.name.startswith("on "))


def _wrong_relation(rng: random.Random, scene: Scene) -> str | None:
    """Something that is there, in a relation or place of which everything such clearly fails."""
    item = rng.choice([o for o in scene.objects if o.targetable])
    phrase = target_phrase(rng, scene, item)
    fitting = phrase.fitting(scene.objects)
    wrong = [c for c in _other_claims(rng, scene, item, phrase) if tells([c], fitting)]
    if not wrong:
        return None
    chosen = wrong[:1]
    if rng.random() < 0.15:
        true = true_claims(rng, scene, item, phrase, fitting)
        chosen += [c for c in true if not c.head and compatible(chosen[0], c)][:1]
        rng.shuffle(chosen)
    return _said(rng, scene, phrase, chosen)


def _other_claims(
    rng: random.Random, scene: Scene, item: SceneObject, phrase: NounPhrase
) -> list[Claim]:
    """Claims that may be false: first the opposites of true ones, then what is true of others."""
    readings = standing.readings(scene)
    around = neighbours(rng, scene, item)[:_REACH]
    opposites = [
        relate(rng, _OPPOSITE[relation], None, (referent,), _like(phrase, referent))
        for referent in around
        for relation in _OPPOSITE
        if relation in BINARY and referent.item and holds(relation, item, (referent.item,))
    ]
    opposites += [
        standing.place(rng, _OPPOSITE[place], readings[_OPPOSITE[place]][1])
        for place, (surely, _) in readings.items()
        if _OPPOSITE.get(place) in readings and surely(item) and rng.random() < 0.3
    ]
    others = [
        relate(rng, rng.choice(("near", *BINARY)), None, (referent,), _like(phrase, referent))
        for referent in (named(rng, scene, rng.choice(scene.objects)) for _ in range(3))
        if referent.item is not item
    ]
    others += [
        standing.place(rng, place, perhaps)
        for place, (_, perhaps) in rng.sample(list(readings.items()), 1)
        if not perhaps(item) and not place.endswith(" m")  # nobody argues about metres
    ]
    others += [
        relate(rng, "between", None, pair)
        for pair in list(combinations(around, 2))[:4]
        if not between(item, *(r.item for r in pair if r.item))
    ]
    rng.shuffle(opposites)
    rng.shuffle(others)
    return [*opposites, *others] if rng.random() < 0.7 else [*others, *opposites]


def _like(phrase: NounPhrase, referent: Referent) -> bool:
    return referent.item is not None and phrase.may_match(referent.item)


def _missing_referent(rng: random.Random, scene: Scene) -> str | None:
    """Something that is there, beside something that is not."""
    item = rng.choice([o for o in scene.objects if o.targetable])
    if rng.random() < _STRANGE_SHARE:
        missing = strange(rng)
    else:
        kind = rng.choice(list(kinds_in(scene.setting)))
        missing = name(rng, kind, rng.choice(KINDS[kind].colours))
    if missing.fitting(scene.objects):
        return None
    relation = rng.choice(("near", *BINARY))
    claim = relate(rng, relation, None, (Referent(missing, (), None),))
    return _said(rng, scene, target_phrase(rng, scene, item), [claim])


def _said(rng: random.Random, scene: Scene, phrase: NounPhrase, claims: Sequence[Claim]) -> str:
    return sentence(rng, scene, Text(phrase.text), claims, None).words


_WAYS: dict[str, Callable[[random.Random, Scene], str | None]] = {
    "wrong colour": _wrong_colour,
    "wrong kind": _wrong_kind,
    "missing": _missing,
    "wrong relation": _wrong_relation,
    "missing referent": _missing_referent,
    "strange kind": _strange_kind,
    "strange colour": _strange_colour,
    "strange detail": _strange_detail,
}
_SHARES = {
    "wrong colour": 0.29, "wrong kind": 0.13, "missing": 0.06, "wrong relation": 0.34,
    "missing referent": 0.08, "strange kind": 0.03, "strange colour": 0.04, "strange detail": 0.03,
}  # fmt: skip
