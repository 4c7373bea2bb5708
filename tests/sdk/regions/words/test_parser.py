"""What sentences are understood to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.scenes.catalogue import KINDS as SCENE_KINDS
from sdk.errors import InputError
from sdk.regions.words import Phrase, Rank, parse
from sdk.regions.words.lexicon import grammar, phrases
from sdk.regions.words.lexicon.kinds import ANY, KINDS
from sdk.regions.words.parser import MOST_RELATIONS

WORDS = (
    *phrases.RELATIONS, *phrases.PLACES["left"], *phrases.RANKS["nearest"], *phrases.PARTS,
    *phrases.ATTENDED["behind"], *phrases.AFTER_RANKED["leftmost"], *phrases.GARMENTS["upper"],
    *phrases.OF_SEVERAL["leftmost"][:9], *grammar.ARTICLES, *grammar.NUMBERS, *grammar.BE,
    *grammar.WHICH, *grammar.AND, *grammar.WITH, *grammar.WITHOUT, *grammar.SHOWING,
    *grammar.WEARING, *grammar.NOT, *grammar.PICTURE, *grammar.ASKING, *grammar.STATES, *KINDS,
    "red", "light", "of", ",", "second", "qux", '"EXIT"', "'s",
)  # fmt: skip


@pytest.mark.parametrize(
    ("ref", "meaning"),
    [
        ("the red car", "car, red"),
        ("A white van!", "van, white"),
        ("the black and white motorcycle", "motorcycle, black and white"),
        ("the red, white, and blue bus", "bus, red and white and blue"),
        ("the dark-colored SUV", "suv, dark"),
        ("the light blue car near a light", "car, light blue, near (light)"),
        ("the orange traffic cone", "cone, orange"),
        ("the small, red, octagonal sign", "octagonal sign, red, small"),
        ("the circular traffic sign", "round sign"),
        ("the object is a black traffic light", "traffic light, black"),
        ("The object is the leftmost car", "car, leftmost"),
        ("the object", ANY),
        ("the car that is red", "car, red"),
        ("the car is not red", "car, not red"),
        ("the person riding a bike", "rider"),
        ("the man on a motorcycle", "motorcyclist"),
        ("the bus parked on the left", "bus, at the left"),
        ("the thingamabob near the car", "unknown 'thingamabob', near (car)"),
    ],
)
def test_nouns_and_colours(ref, meaning):
    assert str(parse(ref).head) == meaning


@pytest.mark.parametrize(
    ("ref", "meaning"),
    [
        ("the person wearing a red shirt and dark pants", "person, red upper, dark lower"),
        ("the woman in a white hat, an orange top, and jeans",
         "woman, white head, orange upper"),
        ("a pedestrian dressed in black", "pedestrian, black"),
        ("the traffic light displaying a green signal", "traffic light, green lamp"),
        ("the traffic light showing red near the van", "traffic light, red lamp, near (van)"),
        ("the sign with a red border and a black arrow", "sign, red part, black part"),
        ("the sign with white text on a blue background", "sign, white part, blue"),
        ("a white car with red taillights", "car, white, red part"),
        ("the cone of orange color", "cone, orange"),
        ("a car without a roof rack near the bus", "car, near (bus)"),
    ],
)  # fmt: skip
def test_where_colours_are(ref, meaning):
    assert str(parse(ref).head) == meaning


@pytest.mark.parametrize(
    ("ref", "meaning"),
    [
        ("the car to the left of the bus", "car, left of (bus)"),
        ("the car is positioned above a red van and is next to a tree",
         "car, above (van, red), near (tree)"),
        ("the car near trees and a white wall", "car, near (tree), near (wall, white)"),
        ("the red car between a black car and a white van",
         "car, red, between (car, black and van, white)"),
        ("the car between a bus on its left and a van",
         "car, between (bus and van), right of (bus)"),
        ("the sign between two other signs", "sign, between (sign)"),
        ("the car with a bus behind it", "car, in front of (bus)"),
        ("the car with a red van to its right", "car, left of (van, red)"),
        ("the car, with a bus in the background", "car, nearer (bus)"),
        ("to the left of the bus there is a red car", "car, red, left of (bus)"),
        ("Behind the van is a person in red", "person, red, behind (van)"),
        ("the cyclist closest to the bus", "cyclist, closest (bus)"),
        ("the van farther away than the bus", "van, farther (bus)"),
        ("the car near a person in red", "car, near (person, red)"),
        ("the car near the person beside a bus", "car, near (person, beside (bus))"),
        ("the car on the road behind a bus", "car, on (road), behind (bus)"),
        ("the car partially obscured by a tree", "car, behind (tree)"),
        ("the car near the side of a bus", "car, near (bus)"),
        ("the car next to another one", "car, near (car)"),
        ("the cone in the middle of several cars", "cone, near (car)"),
        ("the car near the centre divider", "car"),
        ("The object is a white camera that is above a sign", "camera, white, above (sign)"),
        ("the cone is near a van, which is on the left", "cone, near (van)"),
        ("the car is not behind the bus", "car, not behind (bus)"),
        ("two vans, one of which is red, near a bus", "van, near (bus)"),
    ],
)  # fmt: skip
def test_relations(ref, meaning):
    assert str(parse(ref).head) == meaning


@pytest.mark.parametrize(
    ("ref", "places", "ranks"),
    [
        ("the car on the left side of the image", ("left",), ()),
        ("the car in the upper right corner", ("top right",), ()),
        ("the car to the left of the picture", ("left",), ()),
        ("the car on the left side of the road", ("left",), ()),
        ("the bus in the background", ("background",), ()),
        ("the person in a red top at the right edge of the frame", ("right edge",), ()),
        ("the closest car", (), (Rank("nearest"),)),
        ("the second red car from the left", (), (Rank("leftmost", 2),)),
        ("the first stoplight showing red from the right", (), (Rank("rightmost"),)),
        ("the left one of the two buses", (), (Rank("leftmost"),)),
        ("Right of the two white cars", (), (Rank("rightmost"),)),
        ("the car farthest from the viewer", (), (Rank("farthest"),)),
        ("the car on the far left", (), (Rank("leftmost"),)),
        ("the largest of the three vans", (), (Rank("largest"),)),
    ],
)
def test_places_and_ranks(ref, places, ranks):
    head = parse(ref).head
    assert head.kind in ("car", "bus", "person", "traffic light", "van")
    assert (head.places, head.ranks, head.relations) == (places, ranks, ())


def test_whose_place_it_is():
    """What stands between two noun phrases says whom the rest is about."""
    nested = parse("the car near a van with white stripes, on the left").head
    assert nested.places == ("left",)
    assert str(nested.relations[0].to[0]) == "van, white part"
    assert str(parse("the car is red, and trees are visible behind it").head) == "car, red"


def test_sizes():
    assert parse("a tiny green van").head.sizes == ("small",)
    assert parse("the tall bus").head.sizes == ("large",)


def test_another_is_no_other_than_it_says():
    relation = parse("the cone beside another similar cone").head.relations[0]
    assert relation.to[0].other
    assert not parse("the cone").head.other


def test_words_that_nobody_knows_are_named():
    sentence = parse("the frobnicated car beside the 17 snorkwhistles")
    assert sentence.not_understood == ("frobnicated", "snorkwhistles")
    assert sentence.head.kind == "car"


def test_everything_that_is_spoken_of():
    head = parse("the car near a van behind a bus, between a cone and a sign").head
    assert [each.kind for each in head.everything()] == ["car", "van", "bus", "cone", "sign"]


def test_to_dict():
    said = parse("the red car near two vans").to_dict()
    assert said == {
        "ref": "the red car near two vans",
        "noun": "car",
        "kind": "car",
        "colours": [{"colours": ["red"], "where": "whole", "negated": False}],
        "relations": [{"name": "near", "negated": False, "to": [{"noun": "vans", "kind": "van"}]}],
        "not_understood": [],
    }


@pytest.mark.parametrize("noun", SCENE_KINDS)
def test_the_kinds_of_the_scenes(noun):
    head = parse(f"there is a red {noun} on the left").head
    assert head.kind is not None
    assert str(head.tones[0]) == "red"
    assert head.places == ("left",)


@pytest.mark.parametrize(
    "ref", ["", "   ", "?!.", "...", '"', "x" * 10_000, "car " * 2500, "\ud800", None, 7, ["car"]]
)
def test_what_is_no_sentence(ref):
    with pytest.raises(InputError):
        parse(ref)


@pytest.mark.parametrize(
    "ref",
    ["🚗", "第二辆红色的车", "красная машина", "-", "( ( (", "the", "of of of", "and", "not", "'s"],
)
def test_what_is_a_sentence_of_nothing(ref):
    sentence = parse(ref)
    assert sentence.head.kind is None
    assert sentence.head.relations == ()


def test_a_sentence_as_long_as_it_may_be():
    head = parse(("the road with a car near " * 170)[:4096]).head
    assert head.noun == "road"
    said = list(parse(("near a car behind a van " * 170)[:4096]).head.everything())
    assert len(said) <= 1 + 2 * MOST_RELATIONS


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40))
def test_any_words_in_any_order(words):
    try:
        sentence = parse(" ".join(words))
    except InputError:
        assert not any(character.isalnum() for word in words for character in word)
        return
    for phrase in sentence.head.everything():
        assert isinstance(phrase, Phrase)
        assert phrase.kind is None or phrase.kind in KINDS
        assert {relation.name for relation in phrase.relations} <= set(phrases.RELATIONS)
    assert isinstance(str(sentence.head), str)


@given(st.text(min_size=1, max_size=300))
def test_any_text(text):
    try:
        sentence = parse(text)
    except InputError:
        return
    assert sentence.head.kind is None or sentence.head.kind in KINDS
