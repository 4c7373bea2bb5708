"""A detector proposes, words choose: from a sentence to a box, with everything in between."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sdk import EngineError, Grounder, Start
from sdk.engine.folder import read_manifest
from sdk.families.two_stage import read_pipeline
from sdk.regions.proposers import TilesProposer, ZoomProposer
from sdk.replay import load_bundle, save_bundle

RED, BLUE, WALKER = (40, 200, 100, 240), (300, 200, 360, 240), (380, 190, 400, 250)
ROWS = [(*RED, 0.9, 0), (*BLUE, 0.8, 0), (*WALKER, 0.85, 2)]


@pytest.fixture
def street():
    """A grey frame with a red car, a blue car and a person in green to the right of it."""
    frame = np.full((480, 640, 3), 120, np.uint8)
    for (x1, y1, x2, y2), bgr in (
        (RED, (20, 20, 220)),
        (BLUE, (220, 40, 20)),
        (WALKER, (0, 160, 0)),
    ):
        frame[y1:y2, x1:x2] = bgr
    return frame


def test_a_sentence_chooses_among_proposals(make_two_stage, street):
    with Grounder(make_two_stage(ROWS)) as grounder:
        red, blue, near, walker = grounder.locate(
            street,
            ["the red car", "the blue car", "the car left of the person", "the person"],
        )
        assert grounder.runs == {"crop": 1, "detector": 1}  # one look for all of them
    assert red.xyxy.tolist() == list(RED)
    assert blue.xyxy.tolist() == near.xyxy.tolist() == list(BLUE)
    assert walker.xyxy.tolist() == list(WALKER)
    assert red.found
    assert red.reason is None
    assert set(red.timing_ms) == {"total", "crop", "detector", "host"}


def test_the_answer_says_what_it_weighed(make_two_stage, street):
    with Grounder(make_two_stage(ROWS)) as grounder:
        answer = grounder.locate(street, "the red car left of the person")
    first, second = answer.considered[:2]
    assert first.label == second.label == "car"
    assert first.xyxy.tolist() == answer.xyxy.tolist() == list(RED)
    assert first.score == answer.score > second.score
    assert {"kind", "colour", "relation"} <= set(first.parts)
    assert first.parts["colour"] > second.parts["colour"]
    data = json.loads(answer.to_json())
    assert [each["label"] for each in data["considered"]] == ["car", "car", "person"]
    assert answer.zooms[0].progress is None
    assert answer.plot().shape[2] == 3


def test_a_kind_that_the_detector_cannot_know(make_two_stage, street):
    with Grounder(make_two_stage(ROWS)) as grounder:
        answer = grounder.locate(street, "the giraffe")
    assert not answer.found
    assert answer.reason.startswith("the detector knows no 'giraffe': the score 0.0")


@pytest.mark.parametrize("ref", ["the giraffe", "the red car"])
def test_nothing_is_proposed(make_two_stage, street, ref):
    with Grounder(make_two_stage([(*RED, 0.0, 0)])) as grounder:
        answer = grounder.locate(street, ref)
    assert (answer.found, answer.xyxy, answer.zooms, answer.score) == (False, None, (), 0.0)
    assert answer.complete
    assert answer.reason.startswith("the detector proposes nothing in this frame")
    assert ("giraffe" in answer.reason) == ("giraffe" in ref)
    assert "not found" in answer.summary()
    assert answer.plot() is not None


def test_words_that_nobody_knows(make_two_stage, street):
    with (
        Grounder(make_two_stage(ROWS)) as grounder,
        pytest.warns(UserWarning, match="does not know 'zzyzx'"),
    ):
        answer = grounder.locate(street, "the red car zzyzx")
    assert answer.unknown_words == ("zzyzx",)
    assert answer.xyxy.tolist() == list(RED)


def test_labels_know_the_class_alone(make_two_stage, street):
    with Grounder(make_two_stage(ROWS, scorers=("labels",))) as grounder:
        blue, person = grounder.locate(street, ["the blue car", "the person"])
    assert blue.xyxy.tolist() == list(RED)  # the surest car
    assert set(blue.considered[0].parts) == {"kind"}
    assert person.xyxy.tolist() == list(WALKER)


def test_several_scorers_have_to_be_pleased(make_two_stage, street):
    folder = make_two_stage(ROWS, scorers=("labels", "words"))
    with Grounder(folder) as grounder:
        answer = grounder.locate(street, "the blue car")
    assert answer.xyxy.tolist() == list(BLUE)
    assert [each.scorer.name for each in read_pipeline(read_manifest(folder)).scorers] == [
        "labels",
        "words",
    ]


def test_a_start_is_looked_at_beside_the_frame(make_two_stage, street):
    with Grounder(make_two_stage(ROWS)) as grounder:
        cold = grounder.locate(street, "the red car")
        before = grounder.runs["detector"]
        warm = grounder.locate(street, "the red car", start=Start((0, 160, 200, 280), 0.0, 0.5))
        assert grounder.runs["detector"] - before == 2
        lost = grounder.locate(street, "the red car", start=Start((0, 0, 9, 9), restart_below=1.0))
    assert warm.first_score == 0.5
    assert not warm.abandoned
    assert lost.abandoned
    assert lost.first_score is None
    assert lost.xyxy.tolist() == cold.xyxy.tolist()


@pytest.mark.parametrize("proposer", [TilesProposer(2.0), ZoomProposer(2.0)])
def test_closer_looks_are_steps(make_two_stage, street, proposer):
    """The detector sees its boxes in every window: the smaller ones are found in the frame."""
    with Grounder(make_two_stage(ROWS, proposer=proposer)) as grounder:
        answer = grounder.locate(street, "the person")
        looks = grounder.runs["detector"]
    assert looks > 1
    assert answer.zooms[0].window_xyxy.tolist() == [0, 0, 640, 480]
    if len(answer.zooms) > 1:
        assert answer.zooms[0].xyxy.tolist() == answer.zooms[1].window_xyxy.tolist()


def test_a_deadline_that_is_over(make_two_stage, street):
    with Grounder(make_two_stage(ROWS, proposer=TilesProposer(2.0))) as grounder:
        for _ in range(3):
            grounder.locate(street, "the red car")  # now it knows what looks cost
        answer = grounder.locate(street, "the red car", deadline_ms=0.001)
        assert (answer.found, answer.complete, answer.xyxy) == (False, False, None)
        assert "left no time for a first look" in answer.reason
        each_ms = grounder._pace.expect_ms(1, 0, cautious=False)
        some = grounder.locate(street, "the red car", deadline_ms=each_ms * 1.5 + 1.0)
    if some.xyxy is not None and not some.complete:
        assert "the best of what was seen until then" in some.reason


def test_it_streams_and_replays(make_two_stage, street, tmp_path):
    with Grounder(make_two_stage(ROWS)) as grounder:
        with grounder.stream([street, street, street], "the red car", policy="all") as stream:
            answers = [frame.answers[0] for frame in stream]
        assert [answer.found for answer in answers] == [True] * 3
        save_bundle(tmp_path / "b.zip", grounder, street, answers[0])
        bundle = load_bundle(tmp_path / "b.zip")
        [again] = bundle.answers
    assert again.to_dict()["considered"] == answers[0].to_dict()["considered"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("detector", "labels"), ["car"], "a name for each of 3 classes"),
        (("detector", "network"), "other", "'network' to be one of detector"),
        (("detector", "head"), {"kind": "crystal"}, "'kind' to be one of"),
        (("look",), {"where": "elsewhere"}, "'where' to be one of frame, tiles, zoom"),
        (("look",), {"where": "tiles", "across": 0}, "'across'"),
        (("scorers",), [], "at least one scorer"),
        (("scorers",), [{"kind": "dice", "weight": 1}], "'kind' to be one of words, labels"),
        (("scorers",), [{"kind": "words", "weight": 0}], "'weight'"),
        (("least",), 2, "'least'"),
    ],
)
def test_blocks_that_make_no_sense(make_two_stage, path, value, message):
    block = json.loads(json.dumps(dict(read_manifest(make_two_stage(ROWS)).block)))
    place = block
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(EngineError, match=message) as caught:
        Grounder(make_two_stage(ROWS, block=block))
    assert "the block 'two-stage'" in str(caught.value)


def test_thousands_of_proposals(make_two_stage, street):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 400, (5000, 2))
    rows = np.concatenate(
        [corner, corner + 20, rng.uniform(0.1, 0.9, (5000, 1)), np.zeros((5000, 1))], 1
    )
    with Grounder(make_two_stage(rows.tolist())) as grounder:
        answer = grounder.locate(street, "the red car left of the blue car")
    assert len(answer.considered) == 8
