"""``Detector``: what it finds, what CLIP makes of it, and what it refuses."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import fastjsonschema
import numpy as np
import pytest

import sdk
from sdk import Detector, EngineError, Grounder, InputError
from sdk.__main__ import main as vehicle
from sdk.regions.proposers import TilesProposer

CAR, SIGN, SCOOTER = (8, 8, 40, 30), (60, 10, 70, 40), (90, 50, 120, 90)
ROWS = [
    (*CAR, 0.9, 0.02, 0.02),
    (*SIGN, 0.0, 0.6, 0.3),  # of two classes
    (*SCOOTER, 0.0, 0.0, 0.5),
]
TEXTS = {"scooter": "red"}


@pytest.fixture
def street():
    """A grey frame with a blue car, a green sign and a red scooter."""
    frame = np.full((96, 128, 3), 120, np.uint8)
    for (x1, y1, x2, y2), bgr in (
        (CAR, (220, 20, 20)),
        (SIGN, (20, 220, 20)),
        (SCOOTER, (20, 20, 220)),
    ):
        frame[y1:y2, x1:x2] = bgr
    return frame


def told(found):
    return [(found.label(k), pytest.approx(found.scores[k], abs=1e-6)) for k in range(len(found))]


def test_everything_that_is_sure_enough(make_few_shot, street):
    with Detector(make_few_shot(ROWS)) as detector:
        assert detector.names == ("car", "sign", "scooter")
        found = detector.detect(street)
    assert told(found) == [("car", 0.9), ("sign", 0.6), ("scooter", 0.5), ("scooter", 0.3)]
    np.testing.assert_allclose(found.xyxy, [CAR, SIGN, SCOOTER, SIGN], atol=1e-3)
    np.testing.assert_array_equal(found.scores, found.own_scores)
    assert found.frame_wh == (128, 96)
    assert {"total", "crop", "propose", "judge", "host"} <= set(found.timing_ms)
    with Detector(make_few_shot(ROWS), threshold=0.55) as detector:
        assert [label for label, _ in told(detector.detect(street))] == ["car", "sign"]


def test_a_frame_of_another_size_and_order(make_few_shot, street):
    """Letterboxed into the input, and back: a detector that says the same of all that it sees."""
    with Detector(make_few_shot(ROWS)) as detector:
        large = detector.detect(np.repeat(np.repeat(street, 2, 0), 2, 1))
        np.testing.assert_allclose(large.xyxy[0], 2 * np.array(CAR), atol=1e-2)
        rgb = detector.detect(np.ascontiguousarray(street[:, :, ::-1]), color="rgb")
    assert rgb.color == "rgb"
    np.testing.assert_array_equal(rgb.plot()[2, 2], street[2, 2])


def test_taught_classes_are_corrected_by_their_looks(make_few_shot, street):
    """Red is a scooter: the red one gains, the green one loses; other classes stay."""
    with Detector(make_few_shot(ROWS, TEXTS), threshold=0.05) as detector:
        found = detector.detect(street)
        assert detector.detect(street).scores.tolist() == found.scores.tolist()
    by_own = {(found.label(k), round(float(found.own_scores[k]), 3)): k for k in range(len(found))}
    assert found.scores[by_own["car", 0.9]] == pytest.approx(0.9)
    assert found.scores[by_own["sign", 0.6]] == pytest.approx(0.6)
    assert found.scores[by_own["scooter", 0.5]] == pytest.approx(0.7 * 0.5 + 0.3, abs=0.01)
    assert found.scores[by_own["scooter", 0.3]] < 0.7 * 0.3 + 0.3 * 0.6
    assert (np.diff(found.scores) <= 0).all()
    assert "clip-image" in found.timing_ms


def test_an_empty_bank_and_nothing_found(make_few_shot, street):
    with Detector(make_few_shot(ROWS, {})) as detector:
        assert len(detector.detect(street)) == 4
    with Detector(make_few_shot([(*CAR, 0.01, 0.0, 0.0)], TEXTS)) as detector:
        found = detector.detect(street)
    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)
    assert found.summary().startswith("nothing found")
    assert found.plot().shape == street.shape


def test_tiles_look_everywhere(make_few_shot, street):
    folder = make_few_shot(ROWS, proposer=TilesProposer(across=2.0, overlap=0.0))
    with Detector(folder) as detector:
        found = detector.detect(street)
        assert found.timing_ms["propose"] > 0
    assert len(found) > 4  # each tile says the same as the frame


def test_what_is_told(make_few_shot, street, tmp_path):
    with Detector(make_few_shot(ROWS, TEXTS)) as detector:
        found = detector.detect(street)
    said = json.loads(found.to_json())
    schema = Path(sdk.__file__).parent / "schemas" / "detections-1.json"
    conforms = fastjsonschema.compile(json.loads(schema.read_text(encoding="utf-8")))
    conforms(said)
    assert said == found.to_dict()
    assert said["objects"][0]["label"] == "car"
    with pytest.raises(fastjsonschema.JsonSchemaException):
        conforms(said | {"extra": 1})
    shown = found.to_supervision()
    np.testing.assert_array_equal(shown.xyxy, found.xyxy)
    assert shown.data["class_name"].tolist() == [label for label, _ in told(found)]
    picture = found.plot()
    assert picture.shape == street.shape
    assert (picture != street).any()
    found.save(tmp_path / "found.png")
    found.save(tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text()) == said
    assert "car at 8.0 8.0 40.0 30.0 (score 0.900)" in found.summary()
    assert pickle.loads(pickle.dumps(found)).frame is None
    with pytest.raises(InputError, match="expected the 128x96 frame"):
        found.plot(street[:50])
    with pytest.raises(InputError, match="cannot write"):
        found.save(tmp_path / "nowhere" / "found.json")


def test_sentences_are_answered_by_the_class_that_they_name(make_few_shot, street):
    with Grounder(make_few_shot(ROWS, TEXTS)) as grounder:
        car, scooter, bus = grounder.locate(street, ["the car", "an e-scooter, a scooter.", "bus"])
    np.testing.assert_allclose(car.xyxy, CAR, atol=1e-3)
    np.testing.assert_allclose(scooter.xyxy, SCOOTER, atol=1e-3)
    assert car.found
    assert scooter.found
    assert scooter.considered[0].parts == {"detector": pytest.approx(0.5, abs=1e-6)}
    assert not bus.found
    assert bus.reason == "it names none of the classes that the detector knows: car, sign, scooter"
    with Grounder(make_few_shot(ROWS[:1])) as grounder:
        none = grounder.locate(street, "a scooter")
    assert none.reason == "the detector does not find any 'scooter' in this frame"
    assert (none.xyxy, none.complete) == (None, True)
    with Grounder(make_few_shot(ROWS), threshold=0.95) as grounder:
        assert "below the threshold" in grounder.locate(street, "car").reason


def test_engines_that_do_not_detect(make_two_stage, make_few_shot, street):
    with pytest.raises(EngineError, match="family few-shot, which detects, found one of two-stage"):
        Detector(make_two_stage([(0, 0, 10, 10, 0.9, 0)]))
    detector = Detector(make_few_shot(ROWS))
    with pytest.raises(InputError, match="frame"):
        detector.detect(None)
    detector.close()
    with pytest.raises(EngineError, match="is closed"):
        detector.detect(street)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"labels": []}, "'labels'"),
        ({"proposals": 0}, "'proposals'"),
        ({"least": 2}, "'least'"),
        ({"anchors": {"stride": 16, "sides": [], "ratios": [1]}}, "'sides'"),
        ({"bank": {}}, "'texts'"),
        ({"look": {"where": "sky"}}, "'where'"),
        ({"labels": ["car", "sign"]}, "classes out of car, sign"),
    ],
)
def test_blocks_that_make_no_sense(make_few_shot, block, message):
    with pytest.raises(EngineError, match=message):
        Detector(make_few_shot(ROWS, TEXTS, block=block))


def test_the_command(make_few_shot, street, tmp_path, capsys):
    image, picture = tmp_path / "street.png", tmp_path / "found.jpg"
    cv2.imwrite(str(image), street)
    folder = str(make_few_shot(ROWS))
    assert vehicle(["detect", str(image), "--engine", folder, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["label"] for each in said["objects"]] == ["car", "sign", "scooter", "scooter"]
    assert vehicle(["detect", str(image), "--engine", folder, "--save", str(picture)]) == 0
    assert "car at 8.0" in capsys.readouterr().out
    assert cv2.imread(str(picture)).shape == street.shape
