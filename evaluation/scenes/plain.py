"""The plain grammar: few words, one noun for each kind; stored figures are measured in it."""

from __future__ import annotations

import itertools
from collections.abc import Container

import numpy as np

from evaluation.scenes.catalogue import KINDS, kinds_in
from evaluation.scenes.descriptions import Description, describe
from evaluation.scenes.expression import Expression
from evaluation.scenes.relations import RELATIONS, gap, holds, may_hold
from evaluation.scenes.scene import Scene, SceneObject
from evaluation.scenes.sentences import Clause, fits, sentence

_TRIES = 8
_NEIGHBOURS = 7  # referents are taken among the nearest, as people do


def expressions(
    scene: Scene, seed: int, per_object: int, of: Container[int] | None
) -> list[Expression]:
    """Up to ``per_object`` different expressions for each targetable object of ``of``."""
    found: list[Expression] = []
    for item in scene.objects:
        if not item.targetable or (of is not None and item.id not in of):
            continue
        rng = np.random.default_rng([seed, scene.seed, 6, item.id])
        found += _varied(scene, item, rng, per_object)
    return found


def _varied(
    scene: Scene, item: SceneObject, rng: np.random.Generator, count: int
) -> list[Expression]:
    """Up to ``count`` different expressions for one object, of different relations if possible."""
    mine: dict[str, Expression] = {}
    said: set[tuple[str, tuple[int, ...]]] = set()
    tries = _TRIES * count
    for k in range(tries):
        made = _express(scene, item, rng)
        if made is None or (k < tries // 2 and made.clauses[0] in said):
            continue
        said.add(made.clauses[0])
        mine.setdefault(made.ref, made)
        if len(mine) == count:
            break
    return list(mine.values())


def _express(scene: Scene, target: SceneObject, rng: np.random.Generator) -> Expression | None:
    description = _target_description(scene, target, rng)
    rivals = [o for o in scene.objects if o.id != target.id and description.may_match(o)]
    clauses = _clauses(scene, target, rng)
    if not clauses:
        return None
    chosen = clauses[:1]
    if rivals and not _singles_out(chosen, rivals):
        telling = [c for c in clauses if _singles_out([c], rivals)]
        chosen = telling[:1] or _telling_pair(clauses, rivals)
        if not chosen:
            return None
    if len(chosen) == 1 and rng.random() < 0.3:
        others = [c for c in clauses if c.relation != chosen[0].relation]
        others = [c for c in others if not set(c.referents) & set(chosen[0].referents)]
        chosen = [*chosen, *others[:1]]
    ref = sentence(description.text, chosen, rng)
    if not fits(ref):
        return None
    return Expression(
        ref=ref,
        target=target.id,
        relation=chosen[0].relation,
        needs_relation=bool(rivals),
        description=description,
        clauses=tuple((c.relation, tuple(o.id for o in c.referents)) for c in chosen),
        mentions=((description.text, target.id), *_referents(chosen)),
    )


def _referents(clauses: list[Clause]) -> list[tuple[str, int]]:
    """What the clauses say of whom: noun phrase without its article, id."""
    pairs = [pair for c in clauses for pair in zip(c.texts, c.referents, strict=True)]
    return [(text.removeprefix("the "), item.id) for text, item in pairs]


def _singles_out(clauses: list[Clause], rivals: list[SceneObject]) -> bool:
    """True when each rival clearly fails at least one of the clauses."""
    return all(
        any(r in c.referents or not may_hold(c.relation, r, c.referents) for c in clauses)
        for r in rivals
    )


def _telling_pair(clauses: list[Clause], rivals: list[SceneObject]) -> list[Clause]:
    for pair in itertools.combinations(clauses, 2):
        if pair[0].relation != pair[1].relation and _singles_out(list(pair), rivals):
            return list(pair)
    return []


def _target_description(scene: Scene, target: SceneObject, rng: np.random.Generator) -> Description:
    kind = KINDS[target.kind]
    style = int(rng.integers(3))
    draw = rng.random()
    if draw < 0.3:
        generic = describe(target.colour, target.kind, "object", None, style)
        if generic.only(target, scene.objects):
            return generic
    noun = kind.noun
    if kind.hypernym is not None and draw > 0.88:
        noun = kind.hypernym
    size = "small" if rng.random() < 0.15 else None
    return describe(target.colour, target.kind, noun, size, style)


def _clauses(scene: Scene, target: SceneObject, rng: np.random.Generator) -> list[Clause]:
    """True clauses about the target in random order, those with near referents first."""
    named = _named_neighbours(scene, target, rng)
    groups = [(o,) for o in named] + list(itertools.combinations(named[:5], 2))
    clauses: list[tuple[float, Clause]] = []
    for referents in groups:
        for relation in RELATIONS:
            if (relation == "between") != (len(referents) == 2):
                continue
            items = tuple(o for o, _ in referents)
            if holds(relation, target, items):
                texts = tuple(text for _, text in referents)
                distance = max(gap(target, o) for o in items)
                rank = distance * rng.uniform(0.3, 1.0) * _EAGERNESS.get(relation, 1.0)
                clauses.append((rank, Clause(relation, items, texts)))
    return [clause for _, clause in sorted(clauses, key=lambda c: c[0])]


# Below 1: preferred; these are rarer, as they hold for fewer pairs.
_EAGERNESS = {"between": 0.45, "in front of": 0.55, "behind": 0.55, "near": 1.2}


def _named_neighbours(
    scene: Scene, target: SceneObject, rng: np.random.Generator
) -> list[tuple[SceneObject, str]]:
    """The nearest objects that a noun phrase alone identifies, with that phrase."""
    nearest = sorted((o for o in scene.objects if o.id != target.id), key=lambda o: gap(target, o))
    named: list[tuple[SceneObject, str]] = []
    for other in nearest:
        size = "large" if other.large else None
        style = int(rng.integers(3))
        phrase = describe(other.colour, other.kind, other.kind, size, style)
        if phrase.only(other, scene.objects):
            named.append((other, f"the {phrase.text}"))
        if len(named) == _NEIGHBOURS:
            break
    return named


def absent(scene: Scene, seed: int) -> str:
    """An expression in the same manner that is true of no object of the scene.

    Mostly near misses: a kind that is there in a colour that is not, or the other way round.
    """
    rng = np.random.default_rng([seed, scene.seed, 7])
    present = {(o.kind, o.colour) for o in scene.objects}
    taken_for = {(k, o.colour) for o in scene.objects for k in (o.kind, *KINDS[o.kind].also)}
    every = kinds_in(scene.setting)
    missing = [(k, c) for k in every for c in every[k].colours if (k, c) not in taken_for]
    kinds, colours = {k for k, _ in present}, {c for _, c in present}
    near_miss = [m for m in missing if m[0] in kinds]
    half_miss = [m for m in missing if m[1] in colours]
    draw = rng.random()
    pool = near_miss if draw < 0.65 and near_miss else half_miss if draw < 0.85 else missing
    kind, colour = pool[int(rng.integers(len(pool)))]
    size = "small" if rng.random() < 0.15 else None
    description = describe(colour, kind, kind, size, int(rng.integers(3)))
    # The place of a real object, said of something that is not there.
    while True:
        stand_in = scene.objects[int(rng.integers(len(scene.objects)))]
        clauses = _clauses(scene, stand_in, rng)
        ref = sentence(description.text, clauses[:1], rng) if clauses else ""
        if fits(ref):
            return ref
