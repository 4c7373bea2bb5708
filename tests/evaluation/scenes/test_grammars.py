"""Two grammars: the plain one stays as it is, the rich one keeps the same promises."""

from __future__ import annotations

import hashlib
import re

import pytest

from evaluation.scenes import Expression, absent, called, expressions, make_scene, vocabulary
from evaluation.scenes.catalogue import KINDS, phrase
from evaluation.scenes.slips import mistype
from sdk.options import GRAMMARS, SETTINGS

SEEDS = range(300, 312)
# What stored figures were measured in, to the character.
PLAIN_SHA256 = "c3416caa6157c35094e05d72a9169ba6e0760a37db63852386e5c844c501a36b"


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def test_plain_stays_to_the_character() -> None:
    digest = hashlib.sha256()
    for seed in range(200, 212):
        scene = make_scene(seed)
        for e in expressions(scene, seed):
            known = (e.ref, e.target, e.relation, e.needs_relation, e.clauses, e.mentions)
            digest.update(repr(known).encode())
        for k in range(4):
            digest.update(absent(scene, k).encode())
    assert digest.hexdigest() == PLAIN_SHA256


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_the_same_arguments_say_the_same(grammar: str) -> None:
    scene = make_scene(300)
    assert expressions(scene, 1, grammar=grammar) == expressions(scene, 1, grammar=grammar)
    assert expressions(scene, 1, grammar=grammar) != expressions(scene, 2, grammar=grammar)
    assert absent(scene, 1, grammar) == absent(scene, 1, grammar)


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_words_are_known(grammar: str) -> None:
    known = set(vocabulary(grammar))
    assert vocabulary(grammar) == sorted(known)
    for seed in SEEDS:
        scene = make_scene(seed)
        said = [e.ref for e in expressions(scene, seed, 3, grammar)]
        said += [absent(scene, k, grammar) for k in range(5)]
        assert {word for ref in said for word in words(ref)} <= known
        assert {word for item in scene.objects for word in words(item.phrase)} <= known


def test_the_rich_grammar_has_a_thousand_words_and_utters_them() -> None:
    known = vocabulary("rich")
    assert len(known) >= 1000
    said: set[str] = set()
    for seed in range(60):
        scene = make_scene(seed, setting=SETTINGS[seed % 2])
        said.update(word for e in expressions(scene, seed, 3, "rich") for word in words(e.ref))
    assert said <= set(known)
    assert len(said) >= 1000  # in these few scenes alone


def in_order(made: Expression) -> bool:
    """Its mentions stand in the sentence, one after the other."""
    start = 0
    for text, _ in made.mentions:
        at = re.search(rf"\b{re.escape(text)}(?![a-z])", made.ref.lower()[start:])
        if at is None:
            return False
        start += at.end()
    return True


@pytest.mark.parametrize("grammar", GRAMMARS)
@pytest.mark.parametrize("slip_share", [0.0, 0.5])
def test_mentions_stand_in_the_sentence_in_order(grammar: str, slip_share: float) -> None:
    for seed in SEEDS:
        scene = make_scene(seed)
        for made in expressions(scene, seed, 2, grammar, slip_share):
            assert in_order(made), made
            assert made.target in [item for _, item in made.mentions]


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_slips_change_letters_but_not_the_number_of_words(grammar: str) -> None:
    scene = make_scene(301)
    changed = total = 0
    plainly = expressions(scene, 1, 3, grammar)
    for right, slipped in zip(plainly, expressions(scene, 1, 3, grammar, 0.3), strict=True):
        assert (right.target, right.clauses) == (slipped.target, slipped.clauses)
        assert len(right.mentions) == len(slipped.mentions)
        pairs = list(zip(words(right.ref), words(slipped.ref), strict=True))
        total += len(pairs)
        changed += sum(a != b for a, b in pairs)
        assert all(abs(len(a) - len(b)) <= 1 for a, b in pairs)
    assert 0.1 < changed / total < 0.4


def test_what_a_thing_is_called() -> None:
    for kind in KINDS.values():
        for colour in kind.colours:
            assert called(kind.noun, colour, 0) == phrase(kind.noun, colour)
            names = {called(kind.noun, colour, seed, "rich") for seed in range(20)}
            assert len(names) > 1
            assert not {f"{colour} {wide}" for wide in ("vehicle", "bike", "sign")} & names
            assert {word for name in names for word in words(name)} <= set(vocabulary("rich"))


def test_a_slip_is_one_letter_swapped_dropped_or_doubled() -> None:
    seen = {mistype("white", 1.0, str(k)) for k in range(200)}
    assert seen == {
        "wite", "whte", "whie", "whhite", "whiite", "whitte", "wihte", "whtie", "whiet",
    }  # fmt: skip
    assert mistype("a of by", 1.0, "0") == "a of by"
