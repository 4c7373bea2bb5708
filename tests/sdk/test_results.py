"""The answer as JSON and as a picture."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from sdk import InputError, Rival
from sdk.frame import read_image


@pytest.fixture
def answer(grounder, make_frame):
    return grounder.locate(make_frame(), "the red square")


def test_json_has_the_names_that_others_rely_on(answer):
    data = json.loads(answer.to_json())
    wanted = {"schema", "ref", "found", "score", "xyxy", "frame_wh", "zooms", "timing_ms", "engine"}
    assert wanted <= set(data)
    assert data["ref"] == "the red square"
    assert data["frame_wh"] == [640, 480]
    assert len(data["xyxy"]) == 4
    assert all({"window_xyxy", "xyxy", "score"} <= set(zoom) for zoom in data["zooms"])
    assert data["zooms"][-1]["xyxy"] == data["xyxy"]
    assert data == answer.to_dict()


def test_json_tells_of_a_rival_a_deadline_and_an_abandoned_start(answer):
    plain = answer.to_dict()
    assert plain["schema"] == "piza-edge/grounding/2"
    assert (plain["complete"], plain["rival"], plain["abandoned"]) == (True, None, [])
    told = dataclasses.replace(
        answer,
        complete=False,
        rival=Rival(np.array([1, 2, 3, 4], np.float32), 0.25),
        abandoned=answer.zooms[:1],
    ).to_dict()
    assert told["complete"] is False
    assert told["rival"] == {"xyxy": [1.0, 2.0, 3.0, 4.0], "score": 0.25}
    assert told["abandoned"] == told["zooms"][:1]


def test_json_is_never_invalid(answer):
    nowhere = dataclasses.replace(answer, xyxy=None, zooms=(), found=False, reason="none")
    assert json.loads(nowhere.to_json())["xyxy"] is None
    with pytest.raises(ValueError, match="JSON"):
        dataclasses.replace(answer, score=float("nan")).to_json()


def test_the_summary_says_what_was_found(answer):
    assert "found at 4" in answer.summary()
    lost = dataclasses.replace(answer, found=False, reason="the score is low")
    assert "not found: the score is low" in lost.summary()


def test_save(answer, tmp_path):
    answer.save(tmp_path / "answer.json")
    assert json.loads((tmp_path / "answer.json").read_text()) == answer.to_dict()
    answer.save(tmp_path / "answer.png")
    np.testing.assert_array_equal(read_image(tmp_path / "answer.png"), answer.plot())
    with pytest.raises(InputError, match="cannot write"):
        answer.save(tmp_path / "absent" / "answer.json")


def test_a_picture_needs_the_frame(answer, make_frame, tmp_path):
    bare = dataclasses.replace(answer, frame=None)
    with pytest.raises(InputError, match="does not hold it"):
        bare.plot()
    np.testing.assert_array_equal(bare.plot(make_frame()), answer.plot())
    bare.save(tmp_path / "answer.png", make_frame())
    with pytest.raises(InputError, match="expected the 640x480 frame"):
        bare.plot(make_frame((64, 48)))
