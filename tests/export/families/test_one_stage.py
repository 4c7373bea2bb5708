"""MDETR and TransVG from a checkpoint to answers: exported, proven, inspected, asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.__main__ import main as export
from export.families.one_stage import FAMILY, differences
from sdk import EngineError, Grounder, Start
from sdk.engine.folder import read_manifest

METHODS = ("mdetr", "transvg")
FRAME_HW = (270, 480)


@pytest.fixture(scope="module", params=METHODS)
def engine(request, one_look_checkpoint, tmp_path_factory) -> Path:
    """An engine of each method, built by the command."""
    folder = tmp_path_factory.mktemp("engines") / f"{request.param}.engine"
    checkpoint = one_look_checkpoint(request.param)
    assert export(["build-engine", str(checkpoint), "-o", str(folder), "--searches", "3"]) == 0
    return folder


@pytest.fixture(scope="module")
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (*FRAME_HW, 3), np.uint8)


def test_it_is_proven_and_described(engine: Path, one_look_checkpoint, capsys) -> None:
    manifest = read_manifest(engine)
    method = engine.stem
    assert manifest.proven
    assert manifest.family == "one-stage"
    assert manifest.block == {"method": method}
    assert list(manifest.networks) == ["text", "image", "joint"]
    assert manifest.certificate["searches"]["lowest_iou"] > 0.999
    assert export(["inspect", str(engine)]) == 0
    assert "family    one-stage: one look at the frame by" in capsys.readouterr().out
    again = ["verify", str(engine), "--checkpoint", str(one_look_checkpoint(method))]
    assert export([*again, "--searches", "2"]) == 0
    assert export(["check", str(engine)]) == 0


def test_several_sentences_cost_one_look(engine: Path, frame) -> None:
    refs = ["the red car", "the white van left of the bus"]
    with Grounder(engine) as grounder:
        alone = [grounder.locate(frame, ref) for ref in refs]
        before = grounder.runs
        both = grounder.locate(frame, refs)
        new = {name: count - before[name] for name, count in grounder.runs.items()}
    assert (new["image"], new["joint"], new["text"]) == (1, 2, 0)
    for one, other in zip(alone, both, strict=True):
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-3)
        assert one.zooms[0].window_xyxy.tolist() == [0, 0, *FRAME_HW[::-1]]
        assert len(one.zooms) == 1
    assert not np.allclose(both[0].xyxy, both[1].xyxy, atol=1e-4)


def test_scores_are_those_of_the_method(engine: Path, frame) -> None:
    with Grounder(engine, threshold=0.0) as grounder:
        answer = grounder.locate(frame, "the red car")
    scores = answer.zooms[0].candidates_scores
    assert answer.found
    if engine.stem == "transvg":
        assert scores.tolist() == [answer.score] == [1.0]
    else:
        assert (np.diff(scores) <= 0).all()
        assert answer.score == pytest.approx(float(scores[0]), abs=1e-6)


def test_a_start_is_looked_at_first(engine: Path, frame) -> None:
    window = (100.0, 50.0, 300.0, 200.0)
    with Grounder(engine) as grounder:
        answer = grounder.locate(frame, "the red car", start=Start(window))
        lost = grounder.locate(frame, "the red car", start=Start(window, restart_below=1.0))
    assert answer.zooms[0].window_xyxy.tolist() == list(window)
    x1, y1, x2, y2 = answer.xyxy
    assert 100 <= x1 <= x2 <= 300
    assert 50 <= y1 <= y2 <= 200
    again = engine.stem == "mdetr"  # TransVG is never in doubt
    assert len(lost.abandoned) == again
    place = [0, 0, *FRAME_HW[::-1]] if again else list(window)
    assert lost.zooms[0].window_xyxy.tolist() == place


def test_words_that_nobody_knows(engine: Path, frame) -> None:
    with Grounder(engine) as grounder, pytest.warns(UserWarning, match="does not know 'okapi'"):
        answer = grounder.locate(frame, "okapi")
    assert not answer.found
    assert answer.xyxy is None
    assert "knows none of the words" in answer.reason


def test_tampering_is_seen(engine: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(engine, tmp_path / "copy.engine")
    path = folder / "engine.json"
    said = json.loads(path.read_text())
    said["one-stage"]["method"] = "transvg" if engine.stem == "mdetr" else "mdetr"
    path.write_text(json.dumps(said))
    with pytest.raises(EngineError):
        Grounder(folder)


def test_a_ranking_is_compared_as_one() -> None:
    """Candidates of equal scores may change places; a box alone may not differ."""
    boxes = np.array([[[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.7, 0.7]]], np.float32)
    scores = np.array([[0.9, 0.9]], np.float32)
    ours = {"boxes": boxes[:, ::-1], "scores": scores}
    assert differences(ours, {"boxes": boxes, "scores": scores}) == {"boxes": 0.0, "scores": 0.0}
    found = differences({"boxes": boxes[:, ::-1]}, {"boxes": boxes})
    assert found["boxes"] == pytest.approx(0.5)
    assert set(FAMILY.criteria) == {"fp32", "fp16", "int8"}
    assert FAMILY.criteria["fp32"].tolerance["image_places"] == 1e-3
