"""Rich expressions: each true of one object of its scene, by the readings of its words."""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from itertools import combinations

from evaluation.scenes.catalogue import KINDS
from evaluation.scenes.expression import Expression
from evaluation.scenes.relations import BINARY, MORE_BINARY, between, gap, holds
from evaluation.scenes.rich import standing
from evaluation.scenes.rich.claims import Claim, Referent, between_two, relate
from evaluation.scenes.rich.phrases import NounPhrase, name
from evaluation.scenes.rich.sentences import MAX_WORDS, sentence
from evaluation.scenes.rich.text import Text
from evaluation.scenes.scene import Scene, SceneObject
from evaluation.scenes.sentences import words_of

_TRIES = 6
_NEIGHBOURS = 7  # referents are taken among the nearest, as people do
_BARE_SHARE = 0.3  # of phrases that need no relation
_SECOND_SHARE = 0.3
# Below 1: preferred; these are rarer, as they hold for fewer pairs.
_EAGERNESS = {"between": 0.45, "in front of": 0.55, "behind": 0.55, "near": 1.2, "beside": 0.7}
_EAGERNESS |= {"nearer": 3.0, "farther": 3.0, "closest": 2.5, "left of": 0.8, "right of": 0.8}


def expressions(
    scene: Scene, seed: int, per_object: int, of: Container[int] | None = None
) -> list[Expression]:
    """Up to ``per_object`` different expressions for each targetable object, or of some alone."""
    found: list[Expression] = []
    for item in scene.objects:
        if item.targetable and (of is None or item.id in of):
            rng = random.Random(f"{seed} {scene.seed} expressions {item.id}")
            found += _varied(rng, scene, item, per_object)
    return found


def _varied(rng: random.Random, scene: Scene, item: SceneObject, count: int) -> list[Expression]:
    mine: dict[str, Expression] = {}
    for _ in range(_TRIES * count):
        made = _express(rng, scene, item)
        if made is not None:
            mine.setdefault(made.ref, made)
        if len(mine) == count:
            break
    return list(mine.values())


def _express(rng: random.Random, scene: Scene, target: SceneObject) -> Expression | None:
    phrase = target_phrase(rng, scene, target)
    fitting = phrase.fitting(scene.objects)
    rivals = [o for o in fitting if o is not target]
    claims = true_claims(rng, scene, target, phrase, fitting)
    chosen = _told(rng, claims, rivals)
    if chosen is None:
        return None
    mention = Text(phrase.text, ((phrase.text, target.id),))
    made = sentence(rng, scene, mention, chosen, target)
    if len(words_of(made.words)) > MAX_WORDS:
        return None
    return Expression(
        ref=made.words,
        target=target.id,
        relation=chosen[0].name if chosen else None,
        needs_relation=bool(rivals),
        description=phrase,
        clauses=tuple((c.name, c.referents) for c in chosen),
        mentions=made.mentions,
    )


def _told(
    rng: random.Random, claims: list[Claim], rivals: Sequence[SceneObject]
) -> list[Claim] | None:
    """Claims that leave no rival, in the order of the list; None when there are none."""
    if not rivals and (not claims or rng.random() < _BARE_SHARE):
        return []
    telling = [c for c in claims if not any(map(c.may_hold, rivals))]
    if rivals and (not telling or (rng.random() < 0.15 and len(claims) > 1)):
        pairs = (list(p) for p in combinations(claims, 2) if compatible(*p))
        return next((p for p in pairs if tells(p, rivals)), telling[:1] or None)
    chosen = telling[:1]
    if rng.random() < _SECOND_SHARE:
        chosen += [c for c in claims if compatible(chosen[0], c)][:1]
    return chosen


def tells(claims: Sequence[Claim], rivals: Sequence[SceneObject]) -> bool:
    """True when every rival fails at least one of the claims."""
    return not any(all(c.may_hold(rival) for c in claims) for rival in rivals)


def compatible(first: Claim, second: Claim) -> bool:
    """True when both may be said in one sentence without sounding odd."""
    if first.head or second.head:
        return not (first.head and second.head)
    apart = not set(first.referents) & set(second.referents)
    return first.name != second.name and apart and bool(first.referents or second.referents)


def target_phrase(rng: random.Random, scene: Scene, target: SceneObject) -> NounPhrase:
    """How the target is called: mostly kind and colour, sometimes less, sometimes its size."""
    draw = rng.random()
    size = "small" if rng.random() < 0.08 else None
    if draw < 0.05:
        return name(rng, target.kind, target.colour, generic=True, size=size)
    coloured = draw > 0.14 or (KINDS[target.kind].clothed and draw > 0.09)
    return name(rng, target.kind, target.colour, target.view, size, coloured=coloured)


def true_claims(
    rng: random.Random,
    scene: Scene,
    target: SceneObject,
    phrase: NounPhrase,
    fitting: Sequence[SceneObject],
) -> list[Claim]:
    """True claims about the target in random order, those with near referents first."""
    named = neighbours(rng, scene, target)
    rivals = [o for o in fitting if o is not target]
    claims: list[Claim] = []
    for referent in named:
        assert referent.item is not None
        like = phrase.may_match(referent.item)
        for relation in (*BINARY, *MORE_BINARY):
            if holds(relation, target, (referent.item,)):
                claims.append(relate(rng, relation, target, (referent,), like))
        claims += standing.closest(rng, target, rivals, referent)
        if not referent.unique:
            pair = between_two(rng, target, referent.phrase, referent.fitting)
            claims += [pair] if pair else []
    for pair in combinations(named[:5], 2):
        if between(target, *(r.item for r in pair if r.item)):
            claims.append(relate(rng, "between", target, pair))
    ordered = [(c.weight * rng.uniform(0.3, 1.0) * _EAGERNESS.get(c.name, 1.0), c) for c in claims]
    others = [*standing.places(rng, scene, target), *standing.ranks(rng, phrase, target, fitting)]
    ordered += [(c.weight, c) for c in others]
    return [claim for _, claim in sorted(ordered, key=lambda pair: pair[0])]


def neighbours(rng: random.Random, scene: Scene, target: SceneObject) -> list[Referent]:
    """The nearest objects with a name each, the large ones farther away, too."""
    others = [o for o in scene.objects if o is not target]
    nearest = sorted(others, key=lambda o: gap(target, o))[:_NEIGHBOURS]
    return [named(rng, scene, other) for other in nearest]


def named(rng: random.Random, scene: Scene, item: SceneObject) -> Referent:
    """An object as another one's referent."""
    size = "large" if item.large and rng.random() < 0.35 else None
    coloured = rng.random() < 0.88
    phrase = name(rng, item.kind, item.colour, item.view, size, coloured=coloured)
    return Referent(phrase, phrase.fitting(scene.objects), item)
