"""Sentences of our own about two photographs, judged among boxes that were read off by eye.

The photographs are not ours; where they are absent the sentences are still read. True boxes show
what remains right when a detector makes no mistake; the engine of ``make photo`` what it really is.
"""

from __future__ import annotations

import json
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


def true_proposals(objects):
    names = tuple(dict.fromkeys(each["name"] for each in objects))
    labels = [names.index(each["name"]) for each in objects]
    return Proposals([each["xyxy"] for each in objects], np.ones(len(objects)), labels, names)
