"""Proposals judged by sentences, on frames of painted boxes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.errors import InputError
from sdk.regions.proposals import Proposals
from sdk.regions.words import PARTS, judge, layout, paint, parse
from sdk.regions.words.judging import ENDS, REFERENTS
from sdk.regions.words.lexicon import phrases


def asked(stage, ref):
    return judge(stage.frame, "bgr", stage.proposals, parse(ref))


def street(stage):
    """Cars of three colours in a row, a bus, two people, a light; by their names."""
    made = stage()
    return made, {
        "red": made.put("car", "red", 100, 400),
        "white": made.put("car", "white", 200, 400),
        "red too": made.put("car", "red", 300, 400),
        "bus": made.put("bus", "blue", 420, 340, 120, 90),
        "man": made.put("person", "green", 600, 380, 20, 60),
        "woman": made.put("person", "red", 700, 380, 20, 60),
        "behind": made.put("car", "black", 450, 300, 40, 30),
    }


@pytest.mark.parametrize(
    ("ref", "who"),
    [
        ("the white car", "white"),
        ("the bus", "bus"),
        ("the blue vehicle", "bus"),
        ("the red car to the left of the white car", "red"),
        ("the red car right of a white one", "red too"),
        ("the car between two red cars", "white"),
        ("the car between a red car on its left and a bus", "white"),
        ("the leftmost car", "red"),
        ("the second car from the left", "white"),
        ("the right one of the two red cars", "red too"),
        ("the red car closest to the bus", "red too"),
        ("the car behind the bus", "behind"),
        ("the car with a bus in front of it", "behind"),
        ("the person in green", "man"),
        ("the pedestrian wearing a red shirt", "woman"),
        ("the object that is green", "man"),
        ("the person at the right edge of the image", "woman"),
        ("the largest vehicle", "bus"),
        ("the car that is not red, next to a red car", "white"),
        ("the car which is not red, at the top of the picture", "behind"),
        ("in green", "man"),
    ],
)
def test_who_is_meant(stage, ref, who):
    made, names = street(stage)
    judged = asked(made, ref)
    assert judged.best == names[who]
    assert judged.unknown_kind is None


def test_the_parts_say_why(stage):
    made, names = street(stage)
    judged = asked(made, "the small red car left of the white car, at the bottom of the image")
    red, white = judged.parts_of(names["red"]), judged.parts_of(names["white"])
    assert list(red) == list(PARTS)
    assert all(0 <= value <= 1 for value in red.values())
    assert red["kind"] == white["kind"]
    assert red["colour"] > 0.9 > 0.1 > white["colour"]
    assert red["relation"] > white["relation"]
    said = judged.to_dict(names["red"])
    assert said["score"] == judged.scores[names["red"]]
    assert said["relations"] == [
        {
            "name": "left of",
            "negated": False,
            "to": ["car"],
            "score": pytest.approx(red["relation"]),
            "referents": [names["white"]],
        }
    ]
    plain = asked(made, "the car").parts_of(names["red"])
    assert [name for name, value in plain.items() if value is not None] == ["kind"]


def test_the_referents_of_between(stage):
    made, names = street(stage)
    link = asked(made, "the car between a red car and a bus").links[0]
    assert link.referents[names["red too"]].tolist() == [names["red"], names["bus"]]
    alone = stage()
    alone.put("car", "red", 10, 10)
    assert asked(alone, "the car between two vans").links[0].referents.tolist() == [[-1, -1]]


def test_a_detector_that_cannot_know_the_kind_says_so(stage):
    made, _ = street(stage)
    made.put("clock", "red", 600, 100, 30, 30)
    judged = asked(made, "the red sign near the barrier")
    assert judged.unknown_kind == "sign"
    assert judged.unknown_referents == ("barrier",)
    assert judged.best == len(made.boxes) - 1
    assert judged.scores.max() < asked(made, "the clock").scores.max()
    assert asked(made, "the white qux").unknown_kind == "qux"
    assert asked(made, "🚗").unknown_kind == "🚗"


def test_what_is_not_there_scores_low(stage):
    made, _ = street(stage)
    for ref in ("the yellow car", "the train", "the person in black", "the white bus"):
        assert asked(made, ref).scores.max() < 0.5 * asked(made, "the bus").scores.max()
    beside = asked(made, "the white car to the left of a boat").scores.max()
    assert beside < 0.2 * asked(made, "the white car").scores.max()


def test_a_rider_sits_on_something(stage):
    made = stage()
    afoot = made.put("person", "red", 100, 300, 20, 60)
    seated = made.put("person", "red", 300, 300, 20, 60)
    made.put("bicycle", "black", 285, 330, 50, 40)
    judged = asked(made, "the cyclist in red")
    assert judged.best == seated
    assert judged.scores[afoot] < 0.5 * judged.scores[seated]
    made.boxes[2] = (700, 500, 740, 530)
    assert asked(made, "the cyclist").scores.max() < 0.5
    knows = stage(names=("person", "rider"))
    knows.put("rider", "red", 300, 300, 20, 60)
    assert asked(knows, "the cyclist").scores.max() > 0.7


def test_a_light_is_what_it_shows(stage):
    made = stage()
    for x, lit in ((100, "red"), (200, "green"), (300, "yellow")):
        made.put("traffic light", "black", x, 100, 20, 54)
        row = {"red": 0, "yellow": 1, "green": 2}[lit]
        made.frame[104 + 17 * row : 116 + 17 * row, x + 4 : x + 16] = {
            "red": (40, 30, 220), "green": (80, 200, 40), "yellow": (40, 220, 250),
        }[lit]  # fmt: skip
    for number, ref in enumerate(
        ("showing a red signal", "displaying green", "with an amber light illuminated")
    ):
        assert asked(made, f"the traffic light {ref}").best == number
    assert asked(made, "the green light").best == 1


def test_twice_the_same_is_not_beside_itself(stage):
    made = stage()
    made.put("car", "red", 100, 100)
    made.put("car", "red", 102, 101)
    assert asked(made, "the car next to another car").scores.max() < 0.2
    made.put("car", "red", 150, 100)
    assert asked(made, "the car next to another car").scores.max() > 0.5


def test_no_proposals(stage):
    made = stage()
    for ref in ("the second red car from the left, between two buses", "the cyclist", "🚗"):
        judged = asked(made, ref)
        assert judged.best is None
        assert judged.scores.shape == (0,)
    assert judge(made.frame, "rgb", Proposals.empty(()), parse("a car")).unknown_kind == "car"


def test_bad_input(stage):
    made, _ = street(stage)
    sentence = parse("the car")
    for frame in (None, made.frame[:, :, 0], made.frame.astype(float)):
        with pytest.raises(InputError):
            judge(frame, "bgr", made.proposals, sentence)
    with pytest.raises(InputError, match="bgr"):
        judge(made.frame, "hsv", made.proposals, sentence)
    with pytest.raises(InputError, match="expected Proposals, got list"):
        judge(made.frame, "bgr", made.boxes, sentence)
    with pytest.raises(InputError, match=r"expected a Sentence.*got str"):
        judge(made.frame, "bgr", made.proposals, "the car")


# -- properties ---------------------------------------------------------------------------------

CELLS = [(x, y) for x in range(20, 740, 80) for y in range(20, 560, 80)]
KINDS = ("car", "bus", "person", "traffic light")
TINTS = ("red", "white", "black", "blue")
SIDED = (
    "the {a} {k} to the left of the {l}",
    "the {a} {k} to the right of a {b} {l}, on the left side of the image",
    "the leftmost {k}",
    "the second {k} from the right",
    "the {a} {k} between a {l} on its left and a {b} one on its right",
    "the {k} in the upper right corner, with a {l} to its left",
    "the {k} behind the {b} {l} and near a {k}, on the far left",
)


@st.composite
def stages(draw):
    """Boxes that do not touch, so that what a box shows is its own paint."""
    cells = draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=9, unique=True))
    return [(draw(st.sampled_from(KINDS)), draw(st.sampled_from(TINTS)), x, y) for x, y in cells]


words = st.fixed_dictionaries(
    {
        "a": st.sampled_from(TINTS),
        "b": st.sampled_from(TINTS),
        "k": st.sampled_from(KINDS),
        "l": st.sampled_from(KINDS),
    }
)


def swapped(ref):
    return ref.replace("left", "#").replace("right", "left").replace("#", "right")


@given(items=stages(), sentence=st.sampled_from(SIDED), said=words)
def test_a_mirror_swaps_left_and_right(stage, items, sentence, said):
    made = stage()
    for item in items:
        made.put(*item)
    ref = sentence.format(**said)
    straight, turned = asked(made, ref), asked(made.mirrored(), swapped(ref))
    assert straight.scores == pytest.approx(turned.scores, abs=1e-6)


@given(items=stages(), sentence=st.sampled_from(SIDED), said=words)
def test_what_nobody_speaks_of_changes_nothing(stage, items, sentence, said):
    made = stage()
    for item in items:
        made.put(*item)
    ref = sentence.format(**said)
    before = asked(made, ref)
    made.put("toothbrush", said["a"], 745, 565, 30, 30, score=0.8)
    after = asked(made, ref)
    for name in PARTS:
        old, new = getattr(before.parts, name), getattr(after.parts, name)
        assert (old is None) == (new is None)
        assert old is None or new[:-1] == pytest.approx(old)


PIECES = (
    *phrases.RELATIONS, *phrases.ATTENDED["left of"][:3], *phrases.PLACES["top right"][:4],
    *phrases.RANKS["nearest"][:2], *phrases.AFTER_RANKED["farthest"], "the", "a", "car", "person",
    "sign", "red", "dark", "light", "wearing", "with", "showing", "small", "second", "two", "is",
    "and", ",", "which", "not", "one", "another", "cyclist", "tree", "qux", "with a red border",
)  # fmt: skip


@given(items=stages(), pieces=st.lists(st.sampled_from(PIECES), min_size=1, max_size=15))
def test_scores_and_parts_are_in_0_to_1(stage, items, pieces):
    made = stage()
    for item in items:
        made.put(*item)
    judged = asked(made, f"x {' '.join(pieces)}")
    for values in (judged.scores, *(getattr(judged.parts, name) for name in PARTS)):
        assert values is None or values.shape == (len(items),)
        assert values is None or ((values >= 0) & (values <= 1 + 1e-9)).all()
    assert judged.best in range(len(items))


@pytest.mark.parametrize(
    "changes", [("kind",), ("colour",), ("size",), ("position",), ("relation",), PARTS]
)
def test_a_better_part_never_lowers_the_score(changes):
    from sdk.regions.words import Parts

    rising = np.linspace(0.0, 1.0, 11)
    same = np.full(11, 0.5)
    scores = Parts(**{name: rising if name in changes else same for name in PARTS}).together()
    assert (np.diff(scores) > 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def many(count):
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 1, (count, 2)) * (740, 540)
    xyxy = np.concatenate([corner, corner + rng.uniform(5, 60, (count, 2))], axis=1)
    scores = np.sort(rng.uniform(0, 1, count))[::-1]
    return Proposals(xyxy, scores, rng.integers(0, 4, count), KINDS)


@pytest.mark.parametrize("count", [100, 1000, 5000])
def test_the_work_grows_with_the_proposals_and_no_faster(stage, monkeypatch, count):
    pairs, triples, pixels = [], [], []

    def counted(function, into):
        def count_them(*arrays, **options):
            found = function(*arrays, **options)
            into.append(found.size)
            return found

        return count_them

    relations = {name: counted(each, pairs) for name, each in layout.RELATIONS.items()}
    monkeypatch.setattr(layout, "RELATIONS", relations)
    monkeypatch.setattr(layout, "between", counted(layout.between, triples))
    monkeypatch.setattr(layout, "iou", counted(layout.iou, pairs))
    monkeypatch.setattr(paint, "samples", counted(paint.samples, pixels))
    ref = (
        "the second red car from the left, between a white bus on its left and a black one on its"
        " right, near a person in red beside a bus, closest to the traffic light showing green"
    )
    judged = judge(stage().frame, "bgr", many(count), parse(ref))
    assert judged.scores.shape == (count,)
    assert len(judged.links) == 5
    assert max(pairs) <= count * REFERENTS
    assert len(pairs) <= 30
    assert triples == [count * min(ENDS, count) ** 2]
    assert pixels == [count * paint.GRID**2]


def test_equal_proposals_are_told_apart_by_the_detector(stage):
    made = stage()
    for score, x in zip((0.9, 0.6, 0.3), itertools.count(100, 100), strict=False):
        made.put("car", "red", x, 100, score=score)
    assert (np.diff(asked(made, "the red car").scores) < 0).all()
