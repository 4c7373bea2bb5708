"""The answer as JSON and as a picture."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from sdk import InputError, Rival
from sdk.canvas import shorten, text_width, wrap_text
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


def test_the_frame_stays_clean(answer):
    before = answer.frame.copy()
    answer.plot()
    np.testing.assert_array_equal(answer.frame, before)


def test_the_picture_keeps_the_colour_order(grounder, make_frame):
    frame = make_frame()
    bgr = grounder.locate(frame, "the red square").plot()
    rgb_frame = np.ascontiguousarray(frame[:, :, ::-1])
    rgb = grounder.locate(rgb_frame, "the red square", color="rgb").plot()
    assert np.abs(bgr.astype(int) - rgb[:, :, ::-1])[:800].max() == 0  # above the timing


@pytest.mark.parametrize(
    "wh", [(1, 1), (3, 900), (900, 3), (320, 240), (1080, 1920), (7680, 4320), (8000, 60)]
)
@pytest.mark.parametrize("found", [True, False])
def test_every_size_of_frame_is_drawn(answer, wh, found):
    frame = np.full((wh[1], wh[0], 3), 114, np.uint8)
    scale = np.array([wh[0] / 640, wh[1] / 480] * 2, np.float32)
    zooms = tuple(
        dataclasses.replace(
            zoom,
            window_xyxy=zoom.window_xyxy * scale,
            xyxy=zoom.xyxy * scale,
            candidates_xyxy=np.full((3, 4), np.nan, np.float32),
        )
        for zoom in answer.zooms
    )
    for count in (0, 1, 2, len(zooms)):
        scaled = dataclasses.replace(
            answer,
            frame=frame,
            frame_wh=wh,
            found=found,
            zooms=zooms[:count],
            reason=None if found else "the score 0.100 is below the threshold 0.500",
        )
        picture = scaled.plot()
        assert picture.shape[1:] == (1600, 3)
        assert picture.dtype == np.uint8
        assert picture.shape[0] < 1700


def test_the_close_up_shows_the_target(answer):
    """A 30-pixel square of the frame is a large area of the picture's lower part."""
    picture = answer.plot()
    lower = picture[950:].astype(int)
    red = (lower[..., 2] > 200) & (lower[..., 1] < 60) & (lower[..., 0] < 60)
    assert red.sum() > 100 * 100


@pytest.mark.parametrize("ref", ["x", "a " * 400, "w" * 500, "“ünï” 红车 → \\ %s {}"])
def test_every_expression_fits(answer, ref):
    assert dataclasses.replace(answer, ref=ref).plot().shape[1] == 1600


def test_text_is_wrapped_and_shortened():
    lines = wrap_text("one two three four five six seven", 20, 120, lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith("...")
    assert all(text_width(line, 20) <= 120 for line in lines)
    assert wrap_text("one two", 20, 500, lines=2) == ["one two"]
    assert shorten("short", 20, 500) == "short"
    assert text_width(shorten("w" * 90, 20, 150), 20) <= 150
