"""A box that was chosen among proposals is corrected by a refiner."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sdk import EngineError, Grounder
from sdk.engine.folder import read_manifest
from sdk.families import family
from sdk.families.two_stage import read_pipeline
from sdk.regions.heatmap import HeatmapProposer
from sdk.regions.refiners import Actor, Correction, Teller
from sdk.replay import load_bundle, save_bundle
from sdk.replay.bundle import ask_again

RED, BLUE = (40, 200, 100, 240), (300, 200, 360, 240)
ROWS = [(*RED, 0.9, 0), (*BLUE, 0.8, 0)]
TELLER = Correction(Teller("projection", "refiner"), 0.5)
ACTOR = Correction(Actor("refiner", most_steps=6, step=0.5))
MIDDLE = [(0.25, 0.25, 0.75, 0.75)]  # of a window of twice the sides: the box that was chosen
LEFT = [(0.0, 0.25, 0.75, 0.75)]


@pytest.fixture
def street():
    """A grey frame with a red car and a blue one."""
    frame = np.full((480, 640, 3), 120, np.uint8)
    for (x1, y1, x2, y2), bgr in ((RED, (20, 20, 220)), (BLUE, (220, 40, 20))):
        frame[y1:y2, x1:x2] = bgr
    return frame


def test_one_that_tells_looks_round_the_choice(make_refined, make_two_stage, street):
    with Grounder(make_refined(TELLER, LEFT, ROWS)) as grounder:
        red, blue = grounder.locate(street, ["the red car", "the blue car"])
        assert grounder.runs["refiner"] == grounder.runs["clip-text"] == 2
    assert red.xyxy.tolist() == pytest.approx([10, 200, 100, 240])
    assert blue.xyxy.tolist() == pytest.approx([270, 200, 360, 240])
    *choice, correction = red.zooms
    assert choice[-1].xyxy.tolist() == list(RED)
    assert correction.window_xyxy.tolist() == [10, 180, 130, 260]
    with Grounder(make_two_stage(ROWS)) as grounder:
        alone = grounder.locate(street, "the red car")
    # Who chooses says what the answer is worth.
    assert (red.score, red.found) == (alone.score, True)
    assert red.considered[0].xyxy.tolist() == list(RED)


def test_one_that_acts_begins_at_the_choice(make_refined, street):
    with Grounder(make_refined(ACTOR, ["right", "trigger"], ROWS)) as grounder:
        answer = grounder.locate(street, "the red car")
    assert answer.zooms[-2].window_xyxy.tolist() == list(RED)
    assert answer.xyxy.tolist() == pytest.approx([70, 200, 130, 240])
    assert answer.zooms[-1].xyxy.tolist() == answer.xyxy.tolist()


def test_a_choice_at_the_border(make_refined, street):
    """The window is cut there, and never thinner than a network can look at."""
    rows = [(0, 0, 2, 1, 0.9, 0)]
    with Grounder(make_refined(TELLER, MIDDLE, rows)) as grounder:
        answer = grounder.locate(street, "the car")
    assert answer.zooms[-1].window_xyxy.tolist() == [0, 0, 4, 4]
    assert answer.xyxy.tolist() == pytest.approx([1, 1, 3, 3])


def test_it_follows_heat_and_crops_too(make_refined, street):
    said = {"reading": "cosine"}
    with Grounder(make_refined(TELLER, MIDDLE, (), ["clip"], HeatmapProposer(), said)) as grounder:
        answer = grounder.locate(street, "the red car")
    (x1, y1, x2, y2), window = (
        each.tolist() for each in (answer.zooms[0].xyxy, answer.zooms[1].window_xyxy)
    )
    width, height = (x2 - x1) / 2, (y2 - y1) / 2
    assert window == [max(x1 - width, 0), y1 - height, x2 + width, y2 + height]
    assert answer.xyxy.tolist() == pytest.approx(
        [window[0] + (window[2] - window[0]) / 4, y1, window[2] - (window[2] - window[0]) / 4, y2]
    )
    with Grounder(make_refined(TELLER, LEFT, ROWS, ["clip"])) as grounder:
        answer = grounder.locate(street, "blue car")
    assert answer.xyxy.tolist() == pytest.approx([270, 200, 360, 240])


def test_without_a_choice_nothing_is_refined(make_refined, street):
    with Grounder(make_refined(TELLER, LEFT, [(*RED, 0.0, 0)])) as grounder:
        answer = grounder.locate(street, "the red car")
        assert grounder.runs["refiner"] == 0
    assert (answer.xyxy, answer.zooms) == (None, ())


def test_nothing_finite_leaves_the_choice(make_refined, street):
    with Grounder(make_refined(TELLER, [(np.nan,) * 4], ROWS)) as grounder:
        answer = grounder.locate(street, "the red car")
    assert answer.xyxy.tolist() == list(RED)
    assert answer.complete


def test_a_deadline_leaves_the_choice(make_refined, street):
    with Grounder(make_refined(ACTOR, ["right", "trigger"], ROWS)) as grounder:
        grounder.locate(street, "the red car")
        for (stage, _), cost in grounder._pace._costs.items():
            if stage == "looks":
                cost.count, cost.mean, cost.least, cost.spread = 1, 1e6, 1e6, 0.0
        answer = grounder.locate(street, "the red car", deadline_ms=5000)
    assert (answer.xyxy.tolist(), answer.complete, answer.found) == (list(RED), False, False)
    assert "the best of what was seen until then" in answer.reason


def test_it_is_told_of_and_kept(make_refined, street, tmp_path):
    folder = make_refined(ACTOR, ["right", "trigger"], ROWS)
    manifest = read_manifest(folder)
    assert read_pipeline(manifest).correction == ACTOR
    assert list(family(manifest).networks(manifest))[-1] == "refiner"
    assert family(manifest).describe(manifest)[-1].startswith("then moves and shapes a box")
    with Grounder(folder) as grounder:
        answer = grounder.locate(street, "the red car")
        save_bundle(tmp_path / "it.zip", grounder, street, [answer])
        [again] = ask_again(load_bundle(tmp_path / "it.zip"), grounder)
    assert again.xyxy.tolist() == answer.xyxy.tolist()
    assert json.loads(answer.to_json())["zooms"][-1]["xyxy"] == answer.xyxy.tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"beside": -1}, "'beside'"),
        ({"method": "prayer"}, "'method' to be one of projection, diffusion, dqn"),
        ({"network": "other"}, "'network' to be one of detector, clip-text, clip-image, refiner"),
    ],
)
def test_blocks_that_make_no_sense(make_refined, values, message):
    block = dict(read_manifest(make_refined(TELLER, LEFT, ROWS)).block)
    block["refine"] = {**block["refine"], **values}
    with pytest.raises(EngineError, match=message):
        Grounder(make_refined(TELLER, LEFT, ROWS, block=block))


def test_a_refiner_needs_to_see(make_refined):
    with pytest.raises(EngineError, match="'refine' to be none, as there is no image network"):
        Grounder(make_refined(TELLER, LEFT, ROWS, ("words",), None, {"image_network": None}))
