"""The answer as JSON and as a picture."""

from __future__ import annotations

import copy
import dataclasses
import json
import multiprocessing
import pickle

import numpy as np
import pytest

from sdk import Candidates, InputError, Rival, StreamFrame
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
    assert all({"window_xyxy", "xyxy", "raw_score"} <= set(zoom) for zoom in data["zooms"])
    assert data["zooms"][-1]["xyxy"] == data["xyxy"]
    assert data == answer.to_dict()


def test_json_tells_of_a_rival_a_deadline_and_an_abandoned_start(answer):
    plain = answer.to_dict()
    assert plain["schema"] == "piza-edge/grounding/3"
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


REFS = ["the red square", "red " * 3000, "two\nlines\x00" * 200, ""]


@pytest.mark.parametrize("ref", REFS)
def test_a_result_is_a_line(answer, ref):
    lost = dataclasses.replace(answer, ref=ref, found=False, xyxy=None, reason=ref, complete=False)
    rival = Rival(np.array([1004.1234, 501.1234, 1030.5678, 528.5678], np.float32), 0.25)
    candidates = Candidates(np.zeros((900, 4), np.float32), np.zeros(900, np.float32))
    streamed = StreamFrame(answer.frame, 3, 0.1, 5.0, (answer, lost))
    for result in (answer, lost, rival, candidates, streamed, *answer.zooms):
        for said in (repr(result), str(result)):
            assert "\n" not in said
            assert len(said) < 200
    assert repr(answer).startswith("Grounding('the red square', found, score 0.89")
    assert repr(streamed) == "StreamFrame(3, time 0.100 s, age 5 ms, 1 of 2 found)"
    assert repr(rival) == "Rival(1004.1 501.1 1030.6 528.6, score 0.250)"


def test_a_pickle_carries_no_frame(answer):
    data = pickle.dumps(answer)
    assert len(data) < answer.frame.nbytes / 50
    again = pickle.loads(data)
    assert again.frame is None
    assert again.to_json() == answer.to_json()
    np.testing.assert_array_equal(again.zooms[0].candidates_xyxy, answer.zooms[0].candidates_xyxy)
    with pytest.raises(InputError, match="does not hold it"):
        again.plot()
    np.testing.assert_array_equal(again.plot(answer.frame), answer.plot())
    both, frame = pickle.loads(pickle.dumps((answer, answer.frame)))
    np.testing.assert_array_equal(dataclasses.replace(both, frame=frame).plot(), answer.plot())


def test_a_pickle_of_a_stream_frame_carries_none_either(answer):
    streamed = StreamFrame(answer.frame, 3, 0.1, 5.0, (answer,))
    data = pickle.dumps(streamed)
    assert len(data) < answer.frame.nbytes / 50
    again = pickle.loads(data)
    assert (again.index, again.time_s, again.answers[0].score) == (3, 0.1, answer.score)
    with pytest.raises(AttributeError, match="pickled, and so without its image"):
        _ = again.image
    assert copy.copy(again).index == 3


def test_copies_keep_the_frame(answer):
    streamed = StreamFrame(answer.frame, 3, 0.1, 5.0, (answer,))
    assert copy.copy(answer).frame is answer.frame
    assert copy.copy(streamed).image is answer.frame
    deep, deep_stream = copy.deepcopy(answer), copy.deepcopy(streamed)
    for frame in (deep.frame, deep_stream.image):
        assert frame is not answer.frame
        np.testing.assert_array_equal(frame, answer.frame)
    assert deep_stream.answers[0].frame is deep_stream.image  # one copy of one frame
    assert deep.to_json() == answer.to_json()


def test_answers_travel_between_processes(answer, make_frame):
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        picture = pool.apply(type(answer).plot, (answer, make_frame()))
    np.testing.assert_array_equal(picture, answer.plot())


@pytest.mark.parametrize("indent", [True, "  ", 1.5, -1, 10**6])
def test_bad_indents(answer, indent):
    assert answer.to_json(np.int64(2)) == answer.to_json(2)
    with pytest.raises(InputError, match="expected indent, a whole number of 0 to 16"):
        answer.to_json(indent)


def test_a_path_is_one(answer):
    with pytest.raises(InputError, match="expected the path of the file to write, got 5"):
        answer.save(5)
