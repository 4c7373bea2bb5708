"""Sentences of our own about two photographs, judged among boxes that were read off by eye.

The photographs are not ours; where they are absent the sentences are still read. True boxes show
what remains right when a detector makes no mistake; the engine of ``make photo`` what it really is.

``python tests/sdk/regions/test_photographs.py ENGINE ...`` asks other engines and says beside what
is right how much of it would be by chance.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from evaluation.metrics import RIGHT_IOU
from sdk import Grounder
from sdk.frame import read_image
from sdk.geometry import iou
from sdk.regions.proposals import Proposals
from sdk.regions.words import judge, parse

HERE = Path(__file__)
PHOTOGRAPHS = HERE.parents[4] / "shared" / "data" / "sorec"
SAID = json.loads(HERE.with_name("photographs.json").read_text(encoding="utf-8"))
# Least that must be right, of those that are there; a sentence about nothing scores below this.
LEAST_RIGHT, ABSENT_BELOW = 18, 0.45
ENGINE = HERE.parents[3] / "build" / "photo.engine"
LEAST_ANSWERED = 24  # of thirty, by the engine of make photo


def test_thirty_sentences_ten_about_absent_things():
    sentences = [each for photograph in SAID.values() for each in photograph["sentences"]]
    assert len(sentences) == len({each["ref"].lower() for each in sentences}) == 30
    assert sum(each["object"] is None for each in sentences) == 10
    for photograph in SAID.values():
        boxes = np.array([each["xyxy"] for each in photograph["objects"]])
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        known = {None, *range(len(boxes))}
        assert {each["object"] for each in photograph["sentences"]} <= known


def test_every_sentence_is_understood():
    for photograph in SAID.values():
        for each in photograph["sentences"]:
            sentence = parse(each["ref"])
            assert sentence.head.kind is not None
            assert sentence.not_understood == (), each["ref"]


@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason=f"no photographs in {PHOTOGRAPHS}")
def test_the_right_one_of_true_boxes():
    right, absent = 0, []
    for name, photograph in SAID.items():
        frame, proposals = read_image(PHOTOGRAPHS / name), true_proposals(photograph["objects"])
        for each in photograph["sentences"]:
            judged = judge(frame, "bgr", proposals, parse(each["ref"]))
            if each["object"] is None:
                absent.append(judged.scores.max())
            else:
                right += judged.best == each["object"]
    assert right >= LEAST_RIGHT
    assert max(absent) < ABSENT_BELOW


@pytest.mark.skipif(
    not (PHOTOGRAPHS.is_dir() and (ENGINE / "engine.json").is_file()),
    reason=f"no photographs in {PHOTOGRAPHS}, or no {ENGINE}: make photo builds it",
)
def test_the_engine_answers_them():
    """``pytest tests/sdk/regions/test_photographs.py -s -k engine`` prints every answer."""
    right, count = 0, 0
    with Grounder(ENGINE) as grounder:
        for name, photograph in SAID.items():
            frame = read_image(PHOTOGRAPHS / name)
            for each in photograph["sentences"]:
                answer = grounder.locate(frame, each["ref"])
                good = not answer.found
                if each["object"] is not None:
                    box = photograph["objects"][each["object"]]["xyxy"]
                    good = answer.found and bool(iou(answer.xyxy, box) >= RIGHT_IOU)
                right, count = right + good, count + 1
                print("right" if good else "WRONG", f"{answer.score:.2f}", each["ref"])
    print(f"{right} of {count} right")
    assert right >= LEAST_ANSWERED


def answered(engine):
    """Asks for every object that is there, and takes each box, sure or not.

    Returns, of each photograph, what answers (rows) are worth as those to sentences (columns), by
    what is counted: boxes that are right, boxes whose centre is in the object, and boxes whose
    centre is in any object of its name.
    """
    found = {"right": [], "centre in the object": [], "centre in one of its name": []}
    with Grounder(engine, allow_unproven=True) as grounder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of unknown words
        for name, photograph in SAID.items():
            frame = read_image(PHOTOGRAPHS / name)
            boxes = np.array([each["xyxy"] for each in photograph["objects"]])
            there = [each for each in photograph["sentences"] if each["object"] is not None]
            wanted = [each["object"] for each in there]
            given = np.array([grounder.locate(frame, each["ref"]).xyxy for each in there])
            centres = (given[:, None, :2] + given[:, None, 2:]) / 2
            inside = ((centres >= boxes[:, :2]) & (centres <= boxes[:, 2:])).all(-1)
            names = np.array([each["name"] for each in photograph["objects"]])
            alike = names[:, None] == names[wanted]  # (objects, sentences)
            found["right"].append(iou(given[:, None], boxes[wanted]) >= RIGHT_IOU)
            found["centre in the object"].append(inside[:, wanted])
            found["centre in one of its name"].append(inside @ alike)
    return found


def own_and_others(hits):
    """What answers (rows) are worth to their own sentences (columns), and to one of the others in
    the mean."""
    own = np.trace(hits)
    return own, (hits.sum() - own) / (len(hits) - 1)


def by_chance(hits, draws=20_000):
    """How often answers that are dealt out anew within each photograph are worth as much."""
    rng, worth = np.random.default_rng(0), np.zeros(draws)
    for each in hits:
        dealt = rng.permuted(np.tile(np.arange(len(each)), (draws, 1)), axis=1)
        worth += each[np.arange(len(each)), dealt].sum(1)
    return float((worth >= sum(np.trace(each) for each in hits)).mean())


def test_answers_to_others_are_chance():
    assert own_and_others(np.eye(4)) == (4, 0)
    assert own_and_others(np.ones((4, 4))) == (4, 4)  # one box that holds all objects
    assert own_and_others(np.roll(np.eye(4), 1, 0)) == (0, 4 / 3)
    assert by_chance([np.ones((4, 4))]) == by_chance([np.roll(np.eye(4), 1, 0)]) == 1
    assert by_chance([np.eye(3), np.eye(2)]) == pytest.approx(1 / 12, abs=0.01)


def true_proposals(objects):
    names = tuple(dict.fromkeys(each["name"] for each in objects))
    labels = [names.index(each["name"]) for each in objects]
    return Proposals([each["xyxy"] for each in objects], np.ones(len(objects)), labels, names)


if __name__ == "__main__":
    for path in sys.argv[1:]:
        print(path)
        for what, hits in answered(path).items():
            own, others = np.sum([own_and_others(each) for each in hits], axis=0)
            count = sum(map(len, hits))
            print(
                f"  {own:.0f} of {count} {what}; dealt out to other sentences {others:.2f}, and as"
                f" many in {by_chance(hits):.1%} of deals"
            )
