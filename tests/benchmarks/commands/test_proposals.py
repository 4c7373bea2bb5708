"""``python -m benchmarks proposals``: looks of a detector, what they propose and what they cost."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.commands.proposals import Asked, Asker, ask, looking, section, summarise
from evaluation.questions import make_case
from evaluation.seeds import PROPOSALS
from sdk import Grounder
from sdk.families.two_stage import read_pipeline
from sdk.regions.proposers import ZoomProposer

ROWS = [(300, 200, 360, 240, 0.8, 0), (380, 190, 400, 250, 0.7, 2)]


def test_the_command(make_two_stage, tmp_path, capsys):
    file = tmp_path / "proposals.json"
    engine = make_two_stage(ROWS, proposer=ZoomProposer(across=6.0, most=2))
    assert main(["proposals", str(engine), "--scenes", "2", "--json", str(file)]) == 0
    figures = json.loads(file.read_text())
    frame, tiles, zoom = figures["rows"]
    assert [each["where"] for each in figures["rows"]] == ["frame", "tiles", "zoom"]
    assert (frame["looks"], tiles["looks"], tiles["faster"]) == (1, 16, 1)
    assert zoom["looks"] <= 3  # the engine's own zoom, not the usual one
    assert all(each["n"] == 2 and each["p50_ms"] > 0 for each in figures["rows"])
    assert figures["seed"] == PROPOSALS.first
    assert "two@" in figures["engine"]
    assert "times as fast as tiles" in capsys.readouterr().out


def test_what_is_proposed_is_held_against_the_truth(make_two_stage):
    """A detector that knows where one scene's target and another of its objects are."""
    case = make_case(PROPOSALS.first)
    other = next(each for each in case.scene.objects if each.xyxy != case.target_xyxy)
    rows = [  # the letterbox of a frame of 1920x1080 in 640x480
        (*(np.array(box) / 3 + np.array([0, 60, 0, 60])).tolist(), score, 0)
        for box, score in ((case.target_xyxy, 0.9), (other.xyxy, 0.8))
    ]
    for count, target in ((2, True), (1, True), (0, False)):
        engine = make_two_stage(rows[:count] or [(0, 0, 9, 9, 0.9, 0)])
        with Grounder(engine) as grounder:
            found = ask(Asker(grounder, grounder), case, case.frame())
        assert (found.target, found.sure, found.looks) == (target, target, 1)
        assert found.objects == pytest.approx(count / len(case.scene.objects))
    with Grounder(make_two_stage([(0, 0, 9, 9, 0.0, 0)])) as grounder:  # nothing at all
        assert ask(Asker(grounder, grounder), case, case.frame()).objects == 0


def test_what_a_detector_doubts_is_proposed_and_not_chosen_from(make_two_stage):
    case = make_case(PROPOSALS.first)
    box = (np.array(case.target_xyxy) / 3 + np.array([0, 60, 0, 60])).tolist()
    engine = make_two_stage([(*box, 0.1, 0), (0, 0, 9, 9, 0.9, 0)])
    with Grounder(engine) as grounder, looking(grounder, None) as askers:
        found = ask(askers["frame"], case, case.frame())
    assert (found.target, found.sure) == (True, False)


def test_ratios_are_paired():
    tiles = [Asked(each, 16, True, 1.0, True, True) for each in (100.0, 400.0, 90.0)]
    zoom = [Asked(each, 4, each > 60, 0.5, True, False) for each in (50.0, 100.0, 90.0)]
    row = summarise("zoom", zoom, tiles)
    assert row["faster"] == 2.0  # the median of 2, 4, 1
    assert (row["p50_ms"], row["looks"], row["acc50"]) == (90.0, 4.0, 0.0)
    assert row["target"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("faster", "target", "holds"), [(2.0, 0.93, [True, True]), (1.9, 0.91, [False, False])]
)
def test_goals(faster, target, holds):
    row = {"objects": 0.9, "sure": 0.9, "acc50": 0.8, "looks": 16.0, "p50_ms": 90.0, "faster": 1.0}
    tiles = {**row, "where": "tiles", "target": 0.95}
    zoom = {**row, "where": "zoom", "target": target, "faster": faster}
    goals = section({"rows": [tiles, zoom], "scenes": 9}).goals
    assert [each.holds for each in goals] == holds


def test_every_place_is_looked_at_by_the_same_detector(make_two_stage):
    with Grounder(make_two_stage(ROWS)) as grounder, looking(grounder, None) as askers:
        pipelines = {each: read_pipeline(asker.usual.manifest) for each, asker in askers.items()}
    for where, pipeline in pipelines.items():
        assert pipeline.proposer.to_mapping()["where"] == where
        assert pipeline.detector.head == read_pipeline(grounder.manifest).detector.head


def test_an_engine_that_proposes_nothing(engine, capsys):
    assert main(["proposals", str(engine)]) == 2
    assert "family two-stage, which proposes, found one of piza" in capsys.readouterr().err
