"""What a bundle holds, and asking its question again."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from sdk import Grounder, InputError, Start
from sdk.frame import decode_image
from sdk.replay import bundle as replay
from sdk.replay.bundle import ask_again, load_bundle, save_bundle, start_of
from sdk.replay.difference import compare

REF = "the red square"


def test_a_bundle_holds_the_question_and_the_answer(grounder, frame, bundle_path):
    answer = grounder.locate(frame, REF)
    bundle = load_bundle(bundle_path)
    np.testing.assert_array_equal(bundle.frame, frame)
    (recorded,) = bundle.answers
    skip = {"timing_ms"}
    wanted = {key: value for key, value in answer.to_dict().items() if key not in skip}
    assert {key: value for key, value in recorded.to_dict().items() if key not in skip} == wanted
    assert bundle.engine["fingerprint"] == grounder.manifest.fingerprint
    libraries = {"numpy", "opencv", "onnxruntime"}
    assert {"piza-edge", "python", "platform", *libraries} <= set(bundle.versions)
    assert bundle.options.threshold is None
    assert bundle.options.starts == (None,)
    assert recorded.plot(bundle.frame).shape[1] == 1600


def test_crops_show_what_each_step_looked_at(grounder, frame, bundle_path):
    zooms = grounder.locate(frame, REF).zooms
    with zipfile.ZipFile(bundle_path) as archive:
        crops = [name for name in archive.namelist() if name.startswith("crops/")]
        assert crops == [f"crops/1-{step}.png" for step in range(2, len(zooms) + 1)]
        crop = decode_image(archive.read(crops[0]), crops[0])
    x1, y1, x2, y2 = zooms[1].window_xyxy
    wanted = frame[int(np.floor(y1)) : int(np.ceil(y2)), int(np.floor(x1)) : int(np.ceil(x2))]
    np.testing.assert_array_equal(crop, wanted)


def test_asked_again_it_is_the_same(grounder, bundle_path):
    bundle = load_bundle(bundle_path)
    (again,) = ask_again(bundle, grounder)
    assert compare(bundle.answers[0], again).same


def test_several_answers_in_rgb_with_options(grounder, frame, tmp_path):
    rgb = np.ascontiguousarray(frame[:, :, ::-1])
    refs = [REF, "the blue square", "the green square"]
    answers = grounder.locate(rgb, refs, "rgb", beam=2, deadline_ms=1e7)
    save_bundle(tmp_path / "x.zip", grounder, rgb, answers, beam=2, deadline_ms=1e7)
    bundle = load_bundle(tmp_path / "x.zip")
    np.testing.assert_array_equal(bundle.frame, rgb)
    assert (bundle.options.beam, bundle.options.deadline_ms) == (2, 1e7)
    again = ask_again(bundle, grounder)
    assert [each.ref for each in again] == refs
    assert [each.found for each in bundle.answers] == [True, True, False]
    assert all(compare(*pair).same for pair in zip(bundle.answers, again, strict=True))


def test_a_threshold_of_its_own(grounder, engine, frame, tmp_path):
    with Grounder(engine, threshold=0.25, threads=1) as opened:
        save_bundle(tmp_path / "x.zip", opened, frame, opened.locate(frame, REF))
    assert load_bundle(tmp_path / "x.zip").options.threshold == 0.25


def test_a_warm_start_is_told_by_the_answer(grounder, frame, tmp_path):
    warm = Start((350.5, 60.25, 480, 200), restart_below=0.0)
    answer = grounder.locate(frame, REF, start=warm)
    np.testing.assert_allclose(start_of(answer).window_xyxy, warm.window_xyxy, atol=1e-3)
    save_bundle(tmp_path / "x.zip", grounder, frame, answer)
    bundle = load_bundle(tmp_path / "x.zip")
    assert compare(bundle.answers[0], ask_again(bundle, grounder)[0]).same
    assert start_of(grounder.locate(frame, REF)) is None


def test_a_start_that_was_given_up_is_given_up_again(grounder, frame, tmp_path):
    answer = grounder.locate(frame, REF, start=Start((10, 10, 90, 90), restart_below=0.3))
    assert answer.abandoned
    assert answer.found
    save_bundle(tmp_path / "x.zip", grounder, frame, answer)
    bundle = load_bundle(tmp_path / "x.zip")
    assert bundle.options.starts[0].restart_below == 1.0
    comparison = compare(bundle.answers[0], ask_again(bundle, grounder)[0])
    assert comparison.same
    assert "given up" in [row.what for row in comparison.rows]


def test_a_start_that_is_named(grounder, frame, tmp_path):
    whole = Start((0, 0, 640, 480), restart_below=0.25)
    answer = grounder.locate(frame, REF, start=whole)
    save_bundle(tmp_path / "x.zip", grounder, frame, answer, start=whole)
    (start,) = load_bundle(tmp_path / "x.zip").options.starts
    assert (start.window_xyxy, start.restart_below) == ([0.0, 0.0, 640.0, 480.0], 0.25)


def test_what_cannot_be_bundled(grounder, frame, make_frame, tmp_path, monkeypatch):
    answer = grounder.locate(frame, REF)
    path = tmp_path / "x.zip"
    with pytest.raises(InputError, match="the frame of the answers"):
        save_bundle(path, grounder, make_frame((64, 48)), answer)
    with pytest.raises(InputError, match="1 to 64 answers"):
        save_bundle(path, grounder, frame, [])
    with pytest.raises(InputError, match="cannot write"):
        save_bundle(tmp_path / "absent" / "x.zip", grounder, frame, answer)
    monkeypatch.setattr(replay, "MAX_FRAME_PIXELS", 1000)
    with pytest.raises(InputError, match="at most 1000 pixels"):
        save_bundle(path, grounder, frame, answer)
    assert list(tmp_path.iterdir()) == []
