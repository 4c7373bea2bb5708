"""Answers in the shapes that other programs read."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import fastjsonschema
import numpy as np
import pytest
import supervision

import sdk
from sdk import InputError, PizaError, Rival


@pytest.fixture
def answer(grounder, make_frame):
    return grounder.locate(make_frame(), "the red square")


@pytest.fixture
def missed(grounder, make_frame):
    """Not found, with a box all the same."""
    return grounder.locate(make_frame(), "the green square")


@pytest.fixture
def nothing(answer):
    """Not found, without a box."""
    return dataclasses.replace(answer, found=False, xyxy=None, zooms=(), score=0.0, reason="none")


def test_supervision(answer):
    detections = answer.to_supervision()
    assert isinstance(detections, supervision.Detections)
    np.testing.assert_array_equal(detections.xyxy, answer.xyxy[None])
    assert detections.xyxy.dtype == np.float32
    np.testing.assert_allclose(detections.confidence, [answer.score])
    assert detections.class_id.tolist() == [0]
    assert detections.data["class_name"].tolist() == ["the red square"]
    assert detections.data["found"].tolist() == [True]
    assert not np.shares_memory(detections.xyxy, answer.xyxy)


def test_supervision_tells_a_box_that_was_not_good_enough(missed):
    detections = missed.to_supervision()
    assert len(detections) == 1
    assert len(detections[detections.data["found"]]) == 0


def test_supervision_without_a_box(nothing, answer):
    detections = nothing.to_supervision()
    assert len(detections) == 0
    assert detections.xyxy.shape == (0, 4)
    assert len(detections[detections.data["found"]]) == 0
    merged = supervision.Detections.merge([detections, answer.to_supervision()])
    assert merged.data["class_name"].tolist() == ["the red square"]


def test_supervision_draws_it(answer):
    picture = supervision.BoxAnnotator().annotate(answer.frame.copy(), answer.to_supervision())
    assert (picture != answer.frame).any()


def test_supervision_is_optional(answer, monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(PizaError, match=r"pip install 'piza-edge\[supervision\]'"):
        answer.to_supervision()


def _shape(value):
    """The names and types of a nested message."""
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return type(value)


def test_vision_msgs_have_the_fields_of_the_message(answer):
    """Detection2DArray of vision_msgs 4, field by field and in order."""
    header = {"stamp": {"sec": int, "nanosec": int}, "frame_id": str}
    xyz = {"x": float, "y": float, "z": float}
    pose = {"position": xyz, "orientation": {**xyz, "w": float}}
    detection = {
        "header": header,
        "results": [
            {
                "hypothesis": {"class_id": str, "score": float},
                "pose": {"pose": pose, "covariance": [float]},
            }
        ],
        "bbox": {
            "center": {"position": {"x": float, "y": float}, "theta": float},
            "size_x": float,
            "size_y": float,
        },
        "id": str,
    }
    message = answer.to_vision_msgs(frame_id="front", stamp=(12, 345))
    wanted = {"header": header, "detections": [detection]}
    assert json.dumps(_shape(message), default=str) == json.dumps(wanted, default=str)
    assert json.loads(json.dumps(message)) == message


def test_vision_msgs_values(answer):
    message = answer.to_vision_msgs(frame_id="front", stamp=(12, 345))
    stamped = {"stamp": {"sec": 12, "nanosec": 345}, "frame_id": "front"}
    (detection,) = message["detections"]
    assert message["header"] == detection["header"] == stamped
    (result,) = detection["results"]
    assert result["hypothesis"] == {"class_id": "the red square", "score": answer.score}
    assert len(result["pose"]["covariance"]) == 36
    x1, y1, x2, y2 = answer.xyxy.tolist()
    box = detection["bbox"]
    assert box["center"] == {"position": {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2}, "theta": 0.0}
    assert (box["size_x"], box["size_y"]) == (x2 - x1, y2 - y1)


def test_vision_msgs_of_what_was_not_found(missed, nothing):
    for answer in (missed, nothing):
        message = answer.to_vision_msgs()
        assert message["detections"] == []
        assert message["header"]["frame_id"] == "camera"


@pytest.fixture(scope="module")
def conforms():
    path = Path(sdk.__file__).parent / "schemas" / "grounding-3.json"
    return fastjsonschema.compile(json.loads(path.read_text(encoding="utf-8")))


def test_answers_conform_to_the_schema(conforms, answer, missed, nothing):
    rival = Rival(np.array([1, 2, 3, 4], np.float32), 0.25)
    stopped = dataclasses.replace(
        answer, complete=False, rival=rival, abandoned=answer.zooms, unknown_words=("zebra",)
    )
    for each in (answer, missed, nothing, stopped):
        conforms(json.loads(each.to_json()))


@pytest.mark.parametrize(
    "change",
    [{"schema": "piza-edge/grounding/1"}, {"score": 1.5}, {"xyxy": [1, 2, 3]}, {"extra": 1}],
)
def test_the_schema_refuses(conforms, answer, change):
    with pytest.raises(fastjsonschema.JsonSchemaException):
        conforms({**answer.to_dict(), **change})


def test_a_stamp_of_numpys_numbers_is_plain(answer):
    stamp = answer.to_vision_msgs(stamp=(np.int64(5), np.uint32(7)))["header"]["stamp"]
    assert stamp == {"sec": 5, "nanosec": 7}
    assert {type(value) for value in stamp.values()} == {int}
    json.dumps(stamp)


@pytest.mark.parametrize(
    "stamp",
    [(1.5, 2), (1, 2.0), (True, 0), ("1", 0), (1,), 5, None, (0, -1), (0, 10**9), (2**31, 0)],
)
def test_bad_stamps(answer, stamp):
    with pytest.raises(InputError, match=r"expected .*stamp"):
        answer.to_vision_msgs(stamp=stamp)


def test_a_coordinate_frame_has_a_name(answer):
    with pytest.raises(InputError, match="expected the name of a coordinate frame, got 3"):
        answer.to_vision_msgs(3)
