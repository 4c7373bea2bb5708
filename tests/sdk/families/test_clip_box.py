"""Boxes over CLIP on the vehicle: told at once, or found step by step."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

from sdk import EngineError, Grounder, InputError, Start
from sdk.engine.folder import read_manifest
from sdk.families import family
from sdk.families.clip_box import HEAD, read_block
from sdk.regions.refiners import Actor, Teller
from sdk.timing import Deadline, LatencyEstimator

PROJECTION = Teller("projection", HEAD)
PIXELS = Teller("projection", HEAD, "pixels")
DIFFUSION = Teller("diffusion", HEAD)
ACTOR = Actor(HEAD, most_steps=6, step=0.5)


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 255, (100, 200, 3)).astype(np.uint8)


@pytest.fixture
def opened(make_clip_box):
    """``opened(refiner, said, ...)``: a grounder of the engine, which is closed in the end."""
    grounders = []

    def run(*args, **changes) -> Grounder:
        grounders.append(Grounder(make_clip_box(*args, **changes)))
        return grounders[-1]

    yield run
    for each in grounders:
        each.close()


def test_a_projection_has_a_box_for_everything(opened, frame):
    grounder = opened(PROJECTION, [(0.1, 0.2, 0.5, 0.6)])
    red, blue = grounder.locate(frame, ["the red car", "blue"])
    for answer in (red, blue):
        assert answer.xyxy.tolist() == pytest.approx([20, 20, 100, 60])
        assert (answer.found, answer.score, answer.complete, answer.reason) == (
            True, 1.0, True, None,
        )  # fmt: skip
        [step] = answer.zooms
        assert step.window_xyxy.tolist() == [0, 0, 200, 100]
    # One look for both sentences.
    assert grounder.runs == {"crop": 1, "clip-text": 2, "clip-image": 1, HEAD: 2}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((30, 20, 80, 60), (30, 20, 80, 60)),
        ((80, 60, 30, 20), (30, 20, 80, 60)),  # corners are exchanged
        ((-5, 10, 900, 40), (0, 10, 200, 40)),  # it leaves the frame
        ((50, 50, 50, 50), (49.5, 49.5, 50.5, 50.5)),  # it has no size
    ],
)
def test_pixels_become_a_box_of_the_frame(opened, frame, said, expected):
    answer = opened(PIXELS, [said]).locate(frame, "the red car")
    assert answer.xyxy.tolist() == pytest.approx(expected)


def test_the_mean_of_what_is_denoised(opened, frame):
    boxes = [(0.1, 0.2, 0.5, 0.6), (0.1, 0.2, 0.5, 0.65), (0.1, 0.2, 0.5, 0.55)]
    answer = opened(DIFFUSION, boxes).locate(frame, "the red car")
    assert answer.xyxy.tolist() == pytest.approx([20, 20, 100, 60])
    assert answer.score == pytest.approx((1 + 40 / 45 + 35 / 40) / 3, abs=1e-5)
    assert answer.found
    [step] = answer.zooms
    assert step.candidates_scores.tolist() == pytest.approx([answer.score, 1, 40 / 45, 35 / 40])
    assert step.candidates_xyxy[1].tolist() == pytest.approx([20, 20, 100, 60])
    apart = opened(DIFFUSION, [(0, 0, 0.1, 0.1), (0.8, 0.8, 0.9, 0.9)]).locate(frame, "red")
    assert not apart.found
    assert apart.reason == "the score 0.000 is below the threshold 0.500"


def test_no_finite_box(opened, frame):
    grounder = opened(PROJECTION, [(np.nan, 0.2, 0.5, 0.6)])
    answer = grounder.locate(frame, "the red car")
    assert (answer.found, answer.xyxy, answer.score, answer.complete) == (False, None, 0.0, True)
    assert answer.reason == "the network gave no box: what it said is not finite"


def test_acting_until_the_trigger(opened, frame):
    grounder = opened(ACTOR, ["smaller", "right", "trigger"])
    answer = grounder.locate(frame, "the red car")
    assert answer.xyxy.tolist() == [100, 25, 200, 75]
    windows = [step.window_xyxy.tolist() for step in answer.zooms]
    assert windows == [[0, 0, 200, 100], [50, 25, 150, 75], [100, 25, 200, 75]]
    assert [step.xyxy.tolist() for step in answer.zooms] == [*windows[1:], windows[-1]]
    assert (answer.found, answer.score) == (True, 1.0)
    assert grounder.runs[HEAD] == 3
    assert answer.to_dict()["zooms"][1]["window_xyxy"] == [50, 25, 150, 75]


def test_acting_ends_when_its_steps_do(opened, frame):
    answer = opened(ACTOR, ["smaller"] + ["left", "right"] * 3).locate(frame, "the red car")
    assert len(answer.zooms) == ACTOR.most_steps
    assert answer.complete
    assert answer.score == 0.5  # nothing is known of the trigger
    assert answer.found


def test_a_start(opened, frame):
    grounder = opened(ACTOR, ["smaller", "trigger"])
    warm = grounder.locate(frame, "the red car", start=Start((40, 20, 80, 60)))
    assert warm.xyxy.tolist() == [50, 30, 70, 50]
    assert not warm.abandoned
    unsure = opened(ACTOR, ["smaller", "left", "left"])
    lost = unsure.locate(frame, "the red car", start=Start((40, 20, 80, 60), restart_below=0.9))
    assert lost.xyxy.tolist() == [0, 25, 100, 75]
    assert lost.abandoned[0].window_xyxy.tolist() == [40, 20, 80, 60]
    assert len(lost.abandoned) == len(lost.zooms) == ACTOR.most_steps
    told = opened(PROJECTION, [(0.1, 0.2, 0.5, 0.6)])  # which knows frames alone
    answer = told.locate(frame, "the red car", start=Start((40, 20, 80, 60)))
    assert answer.zooms[0].window_xyxy.tolist() == [0, 0, 200, 100]


@pytest.mark.parametrize("refiner", [ACTOR, PROJECTION])
def test_no_time_for_a_look(opened, frame, refiner):
    said = ["trigger"] if refiner is ACTOR else [(0.1, 0.2, 0.5, 0.6)]
    grounder = opened(refiner, said)
    answer = grounder.locate(frame, "the red car", deadline_ms=1e-6)
    assert (answer.found, answer.xyxy, answer.complete) == (False, None, False)
    assert "left no time for a first look" in answer.reason


def test_a_deadline_ends_the_acting(opened, frame, monkeypatch):
    grounder = opened(ACTOR, ["smaller", "smaller", "trigger"])
    looks = iter([True, True, True, False])  # the call, the first look, the second, the third
    monkeypatch.setattr(Deadline, "affords", lambda *_, **__: next(looks))
    answer = grounder.locate(frame, "the red car", deadline_ms=1e6)
    assert len(answer.zooms) == 2
    assert not answer.complete
    assert not answer.found
    assert "ended the search: the box is where it was then" in answer.reason


def test_a_sentence_that_cannot_be_used(opened, frame):
    with pytest.raises(InputError):
        opened(PROJECTION, [(0.1, 0.2, 0.5, 0.6)]).locate(frame, "...")


@pytest.mark.parametrize("refiner", [ACTOR, PROJECTION, PIXELS, DIFFUSION])
def test_a_block_is_read_as_it_was_written(make_clip_box, refiner):
    said = ["trigger"] if refiner is ACTOR else [(0.1, 0.2, 0.5, 0.6)]
    manifest = read_manifest(make_clip_box(refiner, said))
    assert read_block(manifest).refiner == refiner
    [line] = family(manifest).describe(manifest)
    assert line == refiner.describe()
    assert manifest.block["method"] == refiner.method


@pytest.mark.parametrize(
    ("refiner", "changes", "message"),
    [
        (PROJECTION, {"method": "guessing"}, "one of projection, diffusion, dqn"),
        (PROJECTION, {"network": "tail"}, "'network' to be one of"),
        (PROJECTION, {"unit": "miles"}, "one of pixels, shares"),
        (PROJECTION, {"view": {"kind": "odd", "around": 0}}, "'kind'"),
        (ACTOR, {"most_steps": 0}, "'most_steps' to be a whole number in 1..100"),
        (ACTOR, {"step": 1.5}, "'step' to be a number"),
        (ACTOR, {"clip": {}}, "has no 'image'"),
    ],
)
def test_a_block_that_makes_no_sense(make_clip_box, refiner, changes, message):
    said = ["trigger"] if refiner is ACTOR else [(0.1, 0.2, 0.5, 0.6)]
    folder = make_clip_box(refiner, said, block=changes)
    with pytest.raises(EngineError, match=message) as caught:
        Grounder(folder)
    assert "block 'clip-box'" in str(caught.value)


def test_an_engine_that_does_not_look(make_clip_box):
    folder = make_clip_box(PROJECTION, [(0.1, 0.2, 0.5, 0.6)])
    clip = {**read_manifest(folder).block["clip"], "image": None}
    with pytest.raises(EngineError, match="'image' to be the name of a network"):
        read_block(
            dataclasses.replace(
                read_manifest(folder), block={**read_manifest(folder).block, "clip": clip}
            )
        )


def test_what_waits_is_explained(make_clip_box):
    manifest = read_manifest(folder := make_clip_box(PROJECTION, [(0.1, 0.2, 0.5, 0.6)]))
    answerer = family(manifest).answerer(folder, manifest, 0.5)
    from sdk.families import Call

    limit = Deadline(LatencyEstimator(), 5.0)
    call = partial(Call, np.zeros((9, 9, 3), np.uint8), "bgr")
    [answer] = answerer.answer(None, call([answerer.read("red")], [None], 1, limit, 0.0))
    assert "other calls had the networks until then" in answer.reason
