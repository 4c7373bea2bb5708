"""The lexicon: detectors' classes have kinds, no word means two things, tables name each other."""

from __future__ import annotations

from collections import Counter

import pytest

from evaluation.scenes.catalogue import CATEGORIES
from evaluation.scenes.catalogue import KINDS as SCENE_KINDS
from sdk.regions.words.lexicon.colours import COLOURS, colour_words
from sdk.regions.words.lexicon.kinds import KINDS, is_a
from sdk.regions.words.lexicon.phrases import ATTENDED, PLACES, RELATIONS
from sdk.regions.words.reading import Role, plural, read
from sdk.regions.words.similarity import class_kinds

OPEN_IMAGES = (
    *("Person", "Man", "Woman", "Boy", "Girl", "Car", "Van", "Taxi", "Truck", "Bus", "Bicycle"),
    *("Motorcycle", "Train", "Traffic light", "Traffic sign", "Stop sign", "Street light"),
    *("Fire hydrant", "Parking meter", "Billboard", "Flag", "Tree", "Building", "House", "Window"),
    *("Waste container", "Bench", "Umbrella", "Clock", "Wheel", "Vehicle registration plate"),
)


def test_every_class_of_the_detectors_has_a_kind(coco):
    for names in (coco, CATEGORIES, tuple(SCENE_KINDS), OPEN_IMAGES):
        assert None not in class_kinds(names)
    assert len(set(class_kinds(coco))) == len(coco)
    assert class_kinds(("people", "motor", "warning-cone")) == ("person", "motorcycle", "cone")
    assert class_kinds(("Qux",)) == (None,)


def test_no_word_means_two_kinds():
    forms = [
        {form(word) for word in kind.words for form in (str, plural)} for kind in KINDS.values()
    ]
    of = Counter(each for of_kind in forms for each in of_kind)
    assert [form for form, count in of.items() if count > 1] == []


def test_kinds_name_kinds():
    for kind in KINDS.values():
        named = {*kind.like, *kind.wider, *([kind.upon] if kind.upon else [])}
        assert named <= set(KINDS), kind.name
        assert kind.name not in named
        assert all(0 < value < 1 for value in kind.like.values())
        for wider in kind.wider:  # the widest are named by all within them
            assert set(KINDS[wider].wider) <= set(kind.wider), kind.name


def test_is_a():
    assert is_a("stop sign", "sign")
    assert is_a("sign", "sign")
    assert not is_a("sign", "stop sign")
    assert not is_a(None, "sign")
    assert not is_a("qux", "qux")


@pytest.mark.parametrize(
    ("noun", "nouns"),
    [
        ("car", "cars"),
        ("bus", "buses"),
        ("city", "cities"),
        ("toy", "toys"),
        ("traffic light", "traffic lights"),
        ("police man", "police men"),
        ("bench", "benches"),
    ],
)
def test_plural(noun, nouns):
    assert plural(noun) == nouns


def test_colour_words_name_colours():
    assert {name for names in colour_words().values() for name in names} <= set(COLOURS)
    assert colour_words()["bright red"] == ("red",)
    assert colour_words()["pale blue"] == ("light blue",)
    assert colour_words()["dark white"] == ("white",)


def test_the_longest_phrase_is_read():
    assert [each.text for each in read("to the left of the stop sign")] == [
        "to the left of",
        "the",
        "stop sign",
    ]
    assert read("right-hand side")[0].can_be(Role.RANK)
    assert [each.text for each in read("white-and-blue car's roof")] == [
        *("white", "and", "blue", "car", "'s", "roof"),
    ]
    assert [each.text for each in read('a sign "NO U-TURN"')][-1] == '"no u-turn"'


def test_phrases_have_one_meaning_each():
    for table in (RELATIONS, ATTENDED, PLACES):
        of = Counter(words for each in table.values() for words in set(each))
        assert [words for words, count in of.items() if count > 1] == []
