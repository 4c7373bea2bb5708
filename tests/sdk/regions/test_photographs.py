"""Sentences of our own about two photographs, judged among boxes that were read off by eye.

The photographs are not ours; where they are absent the sentences are still read. No detector is
asked here: that is what remains right when it makes no mistake.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sdk.frame import read_image
from sdk.regions.proposals import Proposals
from sdk.regions.words import judge, parse

HERE = Path(__file__)
PHOTOGRAPHS = HERE.parents[4] / "shared" / "data" / "sorec"
SAID = json.loads(HERE.with_name("photographs.json").read_text(encoding="utf-8"))
# Least that must be right, of those that are there; a sentence about nothing scores below this.
LEAST_RIGHT, ABSENT_BELOW = 18, 0.45


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


def true_proposals(objects):
    names = tuple(dict.fromkeys(each["name"] for each in objects))
    labels = [names.index(each["name"]) for each in objects]
    return Proposals([each["xyxy"] for each in objects], np.ones(len(objects)), labels, names)
