"""Expressions: an independent reading of every sentence must find its target and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from evaluation.scenes import (
    Expression,
    Scene,
    SceneObject,
    absent,
    expressions,
    make_scene,
    vocabulary,
)
from evaluation.scenes.catalogue import COLOURS, KINDS

from .places import distance, is_above, is_between, is_left, offset

SEEDS = range(100, 160)
PLACES = [*((seed, "plain") for seed in SEEDS), *((seed, "road") for seed in range(100, 120))]
WIDER = {
    "vehicle": {"car", "van", "truck", "bus", "pickup", "tram", "trailer", "tricycle"},
    "sign": {k for k in KINDS if k.endswith("sign")},
    "rider": {"cyclist", "motorcyclist"},
    "object": set(KINDS),
}
NOUNS = sorted([*KINDS, *WIDER], key=len, reverse=True)
COLOUR = f"(?:{'|'.join(COLOURS)})"
NOUN = f"(?:{'|'.join(NOUNS)})"
CLOTHED = "(?:person|child|cyclist|motorcyclist|rider)"
CLOTHES = rf"{CLOTHED} (?:in|wearing) (?:an? {COLOUR} jacket|{COLOUR}\b)"
PHRASE = re.compile(
    rf"(?:small |large )?(?:{CLOTHES}|traffic light showing {COLOUR}|{COLOUR} {NOUN})"
)
RELATION = re.compile(
    r"left side of|left of|right side of|right of|above|below|near|close to|next to"
    r"|in front of|behind|between"
)


@cache
def scene_of(seed: int, setting: str = "plain") -> Scene:
    """The scene, its boxes as large as if the frame were 1920x1080."""
    scene = make_scene(seed, setting=setting)
    objects = tuple(
        replace(o, xyxy=tuple(v / o.unit_px for v in o.xyxy), unit_px=1.0) for o in scene.objects
    )
    return replace(scene, objects=objects)


@cache
def made_for(seed: int, setting: str = "plain") -> tuple[Expression, ...]:
    return tuple(expressions(make_scene(seed, setting=setting), seed))


def fits_phrase(text: str, item: SceneObject) -> bool:
    """The plain meaning of a noun phrase."""
    words = re.findall("[a-z]+", text)
    noun = next(n for n in NOUNS if re.search(rf"\b{n}\b", text))
    colour = next(w for w in words if w in COLOURS)
    if "small" in words and item.area > 3000:
        return False
    if "large" in words and item.area < 3000:
        return False
    return item.colour == colour and item.kind in WIDER.get(noun, {noun})


def is_near(a: SceneObject, b: SceneObject) -> bool:
    return distance(a, b) < 120


def is_in_front(a: SceneObject, b: SceneObject) -> bool:
    dx, _ = offset(a, b)
    beside = abs(dx) - (a.size_wh[0] + b.size_wh[0]) / 2
    return a.depth_m < 0.93 * b.depth_m and beside < 90 and distance(a, b) < 200


READ: dict[str, Callable[..., bool]] = {
    "left of": is_left,
    "left side of": is_left,
    "right of": lambda a, b: is_left(b, a),
    "right side of": lambda a, b: is_left(b, a),
    "above": is_above,
    "below": lambda a, b: is_above(b, a),
    "near": is_near,
    "close to": is_near,
    "next to": is_near,
    "in front of": is_in_front,
    "behind": lambda a, b: is_in_front(b, a),
    "between": is_between,
}


def understand(ref: str, scene: Scene) -> tuple[list[SceneObject], list[SceneObject]]:
    """Objects that the sentence is true of, and those that its head phrase alone fits.

    Works on the words alone; fails when a referent is not exactly one object.
    """
    text = ref.lower()
    head = PHRASE.search(text)
    assert head is not None, ref
    candidates = [o for o in scene.objects if fits_phrase(head.group(), o)]
    true_of = list(candidates)
    relations = list(RELATION.finditer(text, head.end()))
    assert relations, ref
    for k, found in enumerate(relations):
        end = relations[k + 1].start() if k + 1 < len(relations) else len(text)
        phrases = PHRASE.findall(text, found.end(), end)
        assert len(phrases) == (2 if found.group() == "between" else 1), ref
        referents = []
        for words in phrases:
            meant = [o for o in scene.objects if fits_phrase(words, o)]
            assert len(meant) == 1, f"{words!r} in {ref!r}"
            referents += meant
        read = READ[found.group()]
        true_of = [o for o in true_of if o not in referents and read(o, *referents)]
    return true_of, candidates


@pytest.mark.parametrize(("seed", "setting"), PLACES)
def test_each_is_true_of_its_target_alone(seed: int, setting: str) -> None:
    scene = scene_of(seed, setting)
    for made in made_for(seed, setting):
        true_of, candidates = understand(made.ref, scene)
        assert [o.id for o in true_of] == [made.target], made.ref
        if setting == "plain":  # kinds that are taken for others are rivals, too
            assert made.needs_relation == (len(candidates) > 1), made.ref
        assert made.needs_relation or len(candidates) == 1


@pytest.mark.parametrize(("seed", "setting"), PLACES)
def test_absent_is_true_of_nothing(seed: int, setting: str) -> None:
    for k in range(10):
        ref = absent(make_scene(seed, setting=setting), k)
        true_of, candidates = understand(ref, scene_of(seed, setting))
        assert not true_of
        assert not candidates


def test_words_and_lengths() -> None:
    known = set(vocabulary())
    assert len(known) <= 180
    used: set[str] = set()
    for seed, setting in PLACES:
        scene = scene_of(seed, setting)
        refs = [e.ref for e in made_for(seed, setting)] + [absent(scene, k) for k in range(5)]
        for ref in refs:
            words = re.findall("[a-z]+", ref.lower())
            assert 5 <= len(words) <= 25, ref
            used.update(words)
        for item in scene.objects:
            used.update(item.phrase.split())
    assert used <= known
    assert vocabulary() == sorted(known)


def test_targets_are_small_and_expressions_differ() -> None:
    for seed in SEEDS:
        objects = scene_of(seed).objects
        refs = [(e.target, e.ref) for e in made_for(seed)]
        assert len(set(refs)) == len(refs)
        assert all(objects[e.target].targetable for e in made_for(seed))


def test_shares() -> None:
    every = [e for seed in SEEDS for e in made_for(seed)]
    needing = np.mean([e.needs_relation for e in every])
    generic = np.mean([" object " in e.ref for e in every])
    assert 0.38 <= needing <= 0.55
    assert 0.005 <= generic <= 0.08
    relations = {e.relation for e in every}
    assert relations == {
        "left of", "right of", "above", "below", "near", "between", "in front of", "behind",
    }  # fmt: skip


def test_same_seed_same_expressions() -> None:
    scene = scene_of(100)
    assert expressions(scene, 1) == expressions(scene, 1)
    assert expressions(scene, 1) != expressions(scene, 2)
    assert absent(scene, 1) == absent(scene, 1)


@pytest.mark.parametrize("per_object", [1, 3])
def test_per_object(per_object: int) -> None:
    made = expressions(scene_of(101), 0, per_object)
    targets = [e.target for e in made]
    assert max(targets.count(t) for t in targets) == per_object


def test_some_objects_are_spoken_of_as_among_all() -> None:
    scene = make_scene(3)
    chosen = [item.id for item in scene.objects if item.targetable][:2]
    everything = expressions(scene, 5, per_object=1)
    some = expressions(scene, 5, per_object=1, of=chosen)
    assert some == [made for made in everything if made.target in chosen]
    assert some
