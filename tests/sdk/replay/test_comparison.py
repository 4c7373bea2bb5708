"""A recorded answer beside another one."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest

from sdk.replay.difference import compare

REF = "the red square"


def test_what_the_deadline_cut_off_is_not_held_against_an_answer(grounder, frame):
    whole = grounder.locate(frame, REF)
    for steps in range(len(whole.zooms) + 1):
        zooms = whole.zooms[:steps]
        box, score = (zooms[-1].xyxy, zooms[-1].raw_score) if zooms else (None, 0.0)
        cut = dataclasses.replace(
            whole, zooms=zooms, xyxy=box, score=score, found=False, reason="late", complete=False
        )
        assert compare(cut, whole).same
        if zooms:
            moved = dataclasses.replace(zooms[-1], xyxy=zooms[-1].xyxy + np.float32(9))
            elsewhere = dataclasses.replace(cut, zooms=(*zooms[:-1], moved))
            assert not compare(elsewhere, whole).same


@pytest.mark.parametrize(
    "change",
    [
        {"found": False},
        {"score": 0.1},
        {"xyxy": None},
        {"xyxy": np.array([1, 2, 3, 4], np.float32)},
        {"zooms": ()},
    ],
)
def test_what_differs_is_said(grounder, frame, change):
    answer = grounder.locate(frame, REF)
    assert compare(answer, answer).same
    assert not compare(answer, dataclasses.replace(answer, **change)).same
    assert not compare(dataclasses.replace(answer, **change), answer).same


def test_nothing_is_the_same_as_nothing(grounder, frame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nothing = grounder.locate(frame, "zebra")
    assert nothing.xyxy is None
    assert compare(nothing, nothing).same
