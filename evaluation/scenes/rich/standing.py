"""Where an object stands in the picture and the street, and among its like."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from evaluation.scenes.relations import gap
from evaluation.scenes.rich import constructions as said
from evaluation.scenes.rich.claims import Claim, Referent
from evaluation.scenes.rich.phrases import NounPhrase
from evaluation.scenes.rich.text import Text, choose, fill
from evaluation.scenes.scene import Scene, SceneObject

Test = Callable[[SceneObject], bool]
Key = Callable[[SceneObject], float]

_PLACE_WEIGHT = 45.0  # as an object at this distance in pixels
_MOST_ORDERED = 6  # nobody counts more


def places(rng: random.Random, scene: Scene, item: SceneObject) -> list[Claim]:
    """Every place that is clearly the object's, each in words chosen at random."""
    return [
        place(rng, name, perhaps)
        for name, (surely, perhaps) in readings(scene).items()
        if surely(item)
    ]


def place(rng: random.Random, name: str, perhaps: Test) -> Claim:
    """The claim of one place."""
    words = rng.choice(said.PLACES[name])
    return Claim(name, Text(words), perhaps, weight=_PLACE_WEIGHT * rng.uniform(0.2, 4.0))


def readings(scene: Scene) -> dict[str, tuple[Test, Test]]:
    """For each place: what is clearly there, what might be said to be there."""
    w, h = scene.size_wh

    def x(o: SceneObject) -> float:
        return o.centre[0] / w

    def y(o: SceneObject) -> float:
        return o.centre[1] / h

    def zone(*names: str) -> Test:
        return lambda o: o.on_ground and o.zone in names

    verge = {"grass": "on grass", "plaza": "on plaza", "parking": "on parking"}[scene.road.verge]
    thirds: dict[str, tuple[Test, Test]] = {
        "at left": (lambda o: x(o) < 0.3, lambda o: x(o) < 0.48),
        "at right": (lambda o: x(o) > 0.7, lambda o: x(o) > 0.52),
        "at top": (lambda o: y(o) < 0.36, lambda o: y(o) < 0.5),
        "at bottom": (lambda o: y(o) > 0.7, lambda o: y(o) > 0.55),
    }
    corners = {
        f"{row} {column}": (
            _both(thirds[f"at {row}"][0], thirds[f"at {column}"][0]),
            _both(thirds[f"at {row}"][1], thirds[f"at {column}"][1]),
        )
        for row in ("top", "bottom")
        for column in ("left", "right")
    }
    return {
        **thirds,
        **corners,
        "at left edge": (lambda o: x(o) < 0.12, lambda o: x(o) < 0.3),
        "at right edge": (lambda o: x(o) > 0.88, lambda o: x(o) > 0.7),
        **{f"{m} m": _about(m) for m in said.DISTANCES.values()},
        "in middle": (lambda o: abs(x(o) - 0.5) < 0.08, lambda o: abs(x(o) - 0.5) < 0.2),
        "in foreground": (lambda o: o.depth_m < 24, lambda o: o.depth_m < 36),
        "in background": (lambda o: o.depth_m > 58, lambda o: o.depth_m > 42),
        "on road": (zone("road", "cross"), zone("road", "cross")),
        "on pavement": (zone("pavement"), lambda o: o.zone in ("pavement", "verge")),
        verge: (zone("verge"), lambda o: o.zone in ("pavement", "verge")),
        "over road": (lambda o: o.zone == "overhead", lambda o: o.zone == "overhead"),
        "on pole": (
            lambda o: not o.on_ground and o.zone != "overhead",
            lambda o: not o.on_ground,
        ),
    }


def _about(metres: float) -> tuple[Test, Test]:
    """So far away: a tenth more or less, to others perhaps half or nearly twice as far."""
    return (
        lambda o: abs(o.depth_m - metres) <= 0.1 * metres,
        lambda o: 0.5 * metres < o.depth_m < 1.9 * metres,
    )


def _both(first: Test, second: Test) -> Test:
    return lambda o: first(o) and second(o)


# Name -> (what grows towards the end of the row, by how much two must differ).
_ROWS: dict[str, tuple[Key, float]] = {
    "leftmost": (lambda o: o.centre[0], 25.0),
    "rightmost": (lambda o: -o.centre[0], 25.0),
    "topmost": (lambda o: o.centre[1], 30.0),
    "lowest": (lambda o: -o.centre[1], 30.0),
    "nearest": (lambda o: o.depth_m, 6.0),
    "farthest": (lambda o: -o.depth_m, 6.0),
}
_BIGGER = 1.6  # times the area


def ranks(
    rng: random.Random,
    phrase: NounPhrase,
    item: SceneObject,
    fitting: Sequence[SceneObject],
) -> list[Claim]:
    """What is clearly the object's rank among those that its phrase might mean."""
    others = [o for o in fitting if o is not item]
    if not others:
        return []
    certain = all(phrase.matches(o) for o in fitting)
    claims = []
    for name, (key, margin) in _ROWS.items():
        if key(item) + margin <= min(map(key, others)):
            head = _ranked(rng, name, phrase, len(fitting) if certain else 0)
            claims.append(_rank(rng, name, head, _within(key, item, margin)))
    areas = [o.area for o in others]
    for name, extreme, may_hold in (
        ("smallest", item.area * _BIGGER <= min(areas), lambda o: o.area <= item.area),
        ("largest", item.area >= max(areas) * _BIGGER, lambda o: o.area >= item.area),
    ):
        if extreme:
            head = _ranked(rng, name, phrase, len(fitting) if certain else 0)
            claims.append(_rank(rng, name, head, may_hold))
    if certain and 3 <= len(fitting) <= _MOST_ORDERED:
        claims += _ordered(rng, phrase, item, fitting)
    return claims


def _ranked(rng: random.Random, name: str, phrase: NounPhrase, count: int) -> str:
    """ "leftmost red car", or "leftmost of the three red cars" when their number is certain."""
    plural = phrase.plural
    if plural and count == 2 and name in said.OF_TWO and rng.random() < 0.4:
        return fill(rng.choice(said.OF_TWO[name]), s=plural, np=phrase.text).words
    if (
        plural
        and count in said.NUMBERS
        and count > 2
        and name in said.OF_MANY
        and rng.random() < 0.3
    ):
        return fill(rng.choice(said.OF_MANY[name]), n=said.NUMBERS[count], s=plural).words
    return fill(rng.choice(said.RANKS[name]), np=phrase.text).words


def _ordered(
    rng: random.Random, phrase: NounPhrase, item: SceneObject, fitting: Sequence[SceneObject]
) -> list[Claim]:
    """ "second red car from the left", counted from either side."""
    claims = []
    for side, name in (("left", "leftmost"), ("right", "rightmost")):
        key, margin = _ROWS[name]
        row = sorted(fitting, key=key)
        number = row.index(item) + 1
        spaced = all(key(b) - key(a) >= margin for a, b in pairwise(row))
        if number in said.ORDINALS and spaced:
            middle = number == 2 and len(row) == 3 and phrase.plural
            ordered = said.MIDDLE if middle and rng.random() < 0.3 else said.ORDERED
            words = fill(
                rng.choice(ordered),
                nth=said.ORDINALS[number], np=phrase.text, s=phrase.plural, side=side,
            ).words  # fmt: skip
            claims.append(_rank(rng, f"{number} from {side}", words, _within(key, item, margin)))
    return claims


def _rank(rng: random.Random, name: str, head: str, may_hold: Test) -> Claim:
    weight = _PLACE_WEIGHT * rng.uniform(0.1, 3.0)
    return Claim(name, Text(""), may_hold, head=head, weight=weight)


def _within(key: Key, item: SceneObject, margin: float) -> Test:
    return lambda o: key(o) < key(item) + margin


def closest(
    rng: random.Random,
    item: SceneObject,
    rivals: Sequence[SceneObject],
    to: Referent,
) -> list[Claim]:
    """ "closest to the bus", if no rival comes near to being it."""
    landmark = to.item
    if landmark is None or not to.unique or landmark in rivals or gap(item, landmark) > 400:
        return []
    mine = gap(item, landmark)

    def may_hold(other: SceneObject) -> bool:
        return other is not landmark and gap(other, landmark) < 1.5 * mine + 40

    if any(may_hold(o) for o in rivals):
        return []
    mention = Text(to.phrase.text, ((to.phrase.text, landmark.id),))
    where = fill(f"{choose(rng, said.RELATIONS['closest'])}".replace("{a}", "the {a}"), a=mention)
    return [Claim("closest", where, may_hold, (landmark.id,), weight=mine)]
