"""Sentences from a noun phrase and claims: frames, states, what else is true of the scene."""

from __future__ import annotations

import random
from collections.abc import Sequence

from evaluation.scenes.catalogue import KINDS
from evaluation.scenes.rich import frames as said
from evaluation.scenes.rich.claims import Claim, hides
from evaluation.scenes.rich.surroundings import tail
from evaluation.scenes.rich.text import Text, choose, fill
from evaluation.scenes.scene import Scene, SceneObject
from evaluation.scenes.sentences import words_of

MAX_WORDS = 25
_TAIL_SHARE = 0.22
_DECLARED = said.AFTER_IS | said.AFTER_NOUN


def sentence(
    rng: random.Random,
    scene: Scene,
    phrase: Text,
    claims: Sequence[Claim],
    item: SceneObject | None,
) -> Text:
    """A sentence that says the claims of what the phrase means.

    Args:
        rng: chooses frame, state, tail, capitals and period.
        scene: what a tail is true of.
        phrase: the noun phrase with its mention.
        claims: none, one or two; at most one of them is a rank, which is said first.
        item: the object, None when there is none: its state is then said of nothing.
    """
    ranks = [c for c in claims if c.head]
    wheres = [c for c in claims if not c.head]
    if ranks:
        phrase = Text(ranks[0].head, tuple((ranks[0].head, i) for _, i in phrase.mentions))
    wheres.sort(key=lambda c: not c.after_is)
    frame = _frame(rng, ranks, wheres)
    where = _joined(rng, frame, wheres)
    made = fill(frame, np=phrase, where=where, state=_state(rng, scene, item))
    if len(words_of(made.words)) > MAX_WORDS:
        made = fill("the {np} {where}" if wheres else "the {np}", np=phrase, where=where)
    return _finished(rng, _with_tail(rng, scene, item, made))


def _frame(rng: random.Random, ranks: list[Claim], wheres: list[Claim]) -> str:
    if not wheres:
        return choose(rng, said.ALONE_RANKED if ranks else said.ALONE)
    frame = choose(rng, _DECLARED if all(c.after_is for c in wheres) else said.AFTER_NOUN)
    return frame.replace("a {np}", "the {np}") if ranks else frame


def _joined(rng: random.Random, frame: str, claims: list[Claim]) -> Text:
    if len(claims) < 2:
        return claims[0].where if claims else Text("")
    first, second = claims
    joints = said.JOINTS + said.JOINTS_AFTER_IS * (" is " in frame.partition("{np}")[2])
    joint = rng.choice(joints) if second.after_is else "{a}, {b}"
    return fill(joint, a=first.where, b=second.where, state=choose(rng, said.STATES))


def _state(rng: random.Random, scene: Scene, item: SceneObject | None) -> str:
    """A participle that is true of the object, seldom more than that it is somewhere."""
    if item is not None and rng.random() < 0.5:
        hidden = any(hides(item, other) for other in scene.objects)
        return choose(rng, said.STATES_OF["hidden"] if hidden else _states(item))
    return choose(rng, said.STATES)


def _states(item: SceneObject) -> dict[str, float]:
    category = KINDS[item.kind].category
    if category == "people":
        return said.STATES_OF["walking" if item.view == "walking" else "standing"]
    if category == "rider":
        return said.STATES_OF["cycling" if item.kind == "cyclist" else "riding"]
    if category in ("bicycle", "motor"):
        return said.STATES_OF["parked"]
    if item.kind == "trailer":
        return said.STATES
    if category == "vehicle":
        return said.STATES_OF["parked" if item.zone == "verge" else "driving"]
    if item.on_ground:
        return said.STATES_OF["set"]
    return said.STATES_OF["hanging" if item.zone == "overhead" else "mounted"]


def _with_tail(rng: random.Random, scene: Scene, item: SceneObject | None, made: Text) -> Text:
    colour = item.colour if item is not None else None
    if rng.random() >= _TAIL_SHARE or made.words.endswith("?"):
        return made
    more = tail(rng, scene, item, colour)
    longer = Text(f"{made.words}{more.words}", made.mentions)
    return longer if len(words_of(longer.words)) <= MAX_WORDS else made


def _finished(rng: random.Random, made: Text) -> Text:
    """Capitals and period as people set them, or not."""
    draw, words = rng.random(), made.words
    if draw < 0.78:
        words = words[0].upper() + words[1:]
    if not words.endswith("?") and (draw < 0.72 or draw > 0.9):
        words += "."
    return Text(words, made.mentions)
