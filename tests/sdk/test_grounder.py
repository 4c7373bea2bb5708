"""From an engine folder to a box: the whole path, on real networks."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import json
import multiprocessing
import os
import warnings

import numpy as np
import pytest

from sdk import EngineError, Grounder, Start
from sdk.engine.folder import write_manifest
from sdk.families.piza import block
from sdk.geometry import contains, iou
from sdk.timing import LatencyEstimator
from sdk.zoom.state import ZoomPolicy

TARGET = (400, 100, 430, 128)


def test_finds_a_small_square(grounder, make_frame):
    answer = grounder.locate(make_frame(), "the red square")
    assert answer.found
    assert answer.reason is None
    assert answer.xyxy.dtype == np.float32
    assert iou(answer.xyxy, TARGET) > 0.85
    assert answer.score > 0.5
    assert answer.frame_wh == (640, 480)


def test_windows_are_nested_and_start_with_the_frame(grounder, make_frame):
    zooms = grounder.locate(make_frame(), "the red square").zooms
    assert 1 < len(zooms) <= 4
    assert zooms[0].window_xyxy.tolist() == [0, 0, 640, 480]
    for outer, inner in itertools.pairwise(zooms):
        assert contains(outer.window_xyxy, inner.window_xyxy)
    for zoom in zooms:
        assert contains(zoom.window_xyxy, zoom.xyxy)
        assert contains(zoom.window_xyxy, zoom.candidates_xyxy).all()


def test_language_decides(grounder, make_frame):
    frame = make_frame(squares={"red": TARGET, "blue": (50, 300, 80, 330)})
    red, blue = grounder.locate(frame, ["the red square", "the blue square"])
    assert iou(red.xyxy, TARGET) > 0.85
    assert iou(blue.xyxy, (50, 300, 80, 330)) > 0.85


def test_an_absent_object_is_not_found(grounder, make_frame):
    answer = grounder.locate(make_frame(), "the green square")
    assert not answer.found
    assert "below the threshold" in answer.reason


def test_colour_order(grounder, make_frame):
    frame = make_frame()
    assert not grounder.locate(frame, "the red square", color="rgb").found
    assert grounder.locate(frame, "the blue square", color="rgb").found
    assert grounder.locate(frame[:, :, ::-1], "the red square", color="rgb").found


@pytest.mark.parametrize(
    "view",
    [
        lambda frame: np.asfortranarray(frame),
        lambda frame: np.repeat(frame, 2, axis=0)[::2],
        lambda frame: np.dstack([frame, frame])[:, :, :3],
        lambda frame: np.pad(frame, ((3, 5), (7, 2), (0, 0)))[3:-5, 7:-2],
        lambda frame: frame[::-1][::-1],
        lambda frame: frame[:, ::-1].copy()[:, ::-1],
    ],
)
def test_views_with_any_strides_work(grounder, make_frame, view):
    frame = make_frame()
    expected = grounder.locate(frame, "the red square")
    found = grounder.locate(view(frame), "the red square")
    np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-3)


@pytest.mark.parametrize("wh", [(1, 1), (2, 900), (900, 2), (17, 13), (1921, 1083)])
def test_any_size_of_frame_is_answered(grounder, make_frame, wh):
    frame = make_frame(wh, {"red": (0, 0, max(wh[0] // 20, 1), max(wh[1] // 20, 1))})
    answer = grounder.locate(frame, "the red square")
    assert answer.frame_wh == wh
    assert answer.xyxy is None or contains((0, 0, *wh), answer.xyxy)


def test_the_frame_is_neither_changed_nor_copied(grounder, make_frame):
    frame = make_frame()
    before = frame.copy()
    frame.flags.writeable = False
    answer = grounder.locate(frame, "the red square")
    assert answer.frame is frame
    np.testing.assert_array_equal(frame, before)


def test_shared_windows_and_known_texts_are_encoded_once(engine, make_frame):
    with Grounder(engine, threads=1) as grounder:
        refs = ["the red square", "the blue square", "The red  square."]
        answers = grounder.locate(make_frame(), refs)
        windows = {zoom.window_xyxy.tobytes() for answer in answers for zoom in answer.zooms}
        np.testing.assert_array_equal(answers[0].xyxy, answers[2].xyxy)
        assert grounder.runs["image"] == grounder.runs["crop"] == len(windows)
        assert grounder.runs["ground"] == sum(len(answer.zooms) for answer in answers)
        grounder.locate(make_frame(), refs[0])
        assert grounder.runs["text"] == 2
    assert grounder.runs == {}


def test_a_list_gives_a_list(grounder, make_frame):
    assert grounder.locate(make_frame(), []) == []
    single = grounder.locate(make_frame(), ("the red square",))
    assert isinstance(single, list)
    assert len(single) == 1


def test_the_search_stops_when_the_history_says_so(engine, make_frame, make_manifest, make_history):
    np.savez(engine / "history.npz", **make_history(stop_bias=9.0))
    write_manifest(engine, make_manifest())
    with Grounder(engine) as grounder:
        answer = grounder.locate(make_frame(), "the red square")
    assert len(answer.zooms) == 1
    assert answer.zooms[0].stop_probability > 0.95


def test_the_policy_limits_the_steps(engine, make_frame, make_manifest):
    write_manifest(engine, make_manifest(block=block(ZoomPolicy(max_steps=2))))
    with Grounder(engine) as grounder:
        assert len(grounder.locate(make_frame(), "the red square").zooms) == 2


def test_timing_adds_up(grounder, make_frame):
    timing = grounder.locate(make_frame(), "the red square near the square").timing_ms
    assert set(timing) == {"total", "crop", "text", "image", "ground", "host"}
    assert all(milliseconds >= 0 for milliseconds in timing.values())
    assert timing["total"] == pytest.approx(sum(timing.values()) - timing["total"])
    assert timing["text"] > 0


def test_unknown_words(grounder, make_frame):
    with pytest.warns(UserWarning, match="'zebra'"):
        answer = grounder.locate(make_frame(), "the red zebra")
    assert answer.found
    assert answer.unknown_words == ("zebra",)
    with pytest.warns(UserWarning, match="'zebra', 'crossing'"):
        answer = grounder.locate(make_frame(), "zebra crossing")
    assert not answer.found
    assert answer.xyxy is None
    assert answer.zooms == ()
    assert "none of the words" in answer.reason
    json.loads(answer.to_json())


def test_known_words_do_not_warn(grounder, make_frame):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grounder.locate(make_frame(), "the red square?")


def test_a_closed_grounder_refuses(engine, make_frame):
    grounder = Grounder(engine)
    grounder.close()
    grounder.close()
    with pytest.raises(EngineError, match="closed"):
        grounder.locate(make_frame(), "the red square")


def test_threads_get_their_own_answers(grounder, make_frame):
    boxes = [(20 + 60 * n, 40 + 40 * n, 50 + 60 * n, 70 + 40 * n) for n in range(8)]
    frames = [make_frame(squares={"red": box}) for box in boxes] * 4
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda frame: grounder.locate(frame, "the red square"), frames))
    for answer, box in zip(answers, boxes * 4, strict=True):
        assert iou(answer.xyxy, box) > 0.8


@pytest.mark.parametrize("certificate", [None, {"passed": False}])
def test_an_unproven_engine_is_refused_unless_wanted(
    engine, make_frame, certificate, make_manifest
):
    write_manifest(engine, make_manifest(certificate=certificate))
    with pytest.raises(EngineError, match="allow_unproven"):
        Grounder(engine)
    with Grounder(engine, allow_unproven=True) as grounder:
        assert grounder.locate(make_frame(), "the red square").found


def test_answers_name_the_engine(engine, grounder, make_frame, make_manifest):
    label = grounder.locate(make_frame(), "the red square").engine
    assert label.startswith("squares@")
    changed = write_manifest(engine, make_manifest(calibration={"threshold": 0.25}))
    assert not label.endswith(changed.fingerprint)
    same = dataclasses.replace(changed, versions={"onnx": "1"})
    assert same.fingerprint == changed.fingerprint


def test_several_threads_on_the_cpu_answer_as_one_does(engine, make_frame):
    """With more than one thread the expressions of a call are run at the same time."""
    squares = {"red": TARGET, "blue": (50, 300, 80, 330), "green": (500, 400, 540, 440)}
    frame = make_frame(squares=squares)
    refs = ["the red square", "the blue square", "the green square", "red", "green"]
    with Grounder(engine, threads=1) as one, Grounder(engine, threads=3) as three:
        alone = [one.locate(frame, ref) for ref in refs]
        for grounder in (one, three):
            for ours, theirs in zip(grounder.locate(frame, refs), alone, strict=True):
                assert ours.found == theirs.found
                np.testing.assert_allclose(ours.xyxy, theirs.xyxy, atol=0.01)


def test_a_start_is_where_the_search_begins(grounder, make_frame):
    window = (340, 60, 480, 165)
    answer = grounder.locate(make_frame(), "the red square", start=Start(window))
    np.testing.assert_allclose(answer.zooms[0].window_xyxy, window)
    assert iou(answer.xyxy, TARGET) > 0.85


def test_a_start_at_the_wrong_place_is_given_up(grounder, make_frame):
    start = Start((0, 240, 320, 480), restart_below=0.5)
    answer = grounder.locate(make_frame(), "the red square", start=start)
    assert answer.found
    assert answer.abandoned[0].window_xyxy.tolist() == [0, 240, 320, 480]
    assert answer.zooms[0].window_xyxy.tolist() == [0, 0, 640, 480]


def test_a_start_without_a_box_is_the_whole_frame(grounder, make_frame):
    """What a missed deadline leaves can be given to the next call as it is."""
    frame = make_frame()
    grounder.locate(frame, "the red square")
    missed = grounder.locate(frame, "the red square", deadline_ms=1e-3)
    answer = grounder.locate(frame, "the red square", start=Start(missed.xyxy))
    assert answer.zooms[0].window_xyxy.tolist() == [0, 0, 640, 480]
    assert answer.found


def test_a_beam_finds_at_least_as_good_an_answer(grounder, make_frame):
    frame = make_frame()
    narrow = grounder.locate(frame, "the red square")
    assert grounder.locate(frame, "the red square", beam=3).score >= narrow.score - 1e-5


def test_a_deadline_that_cannot_be_kept(grounder, make_frame):
    grounder.locate(make_frame(), "the red square")  # now it knows what a step takes
    answer = grounder.locate(make_frame(), "the red square", deadline_ms=1e-3)
    assert not answer.complete
    assert not answer.found
    assert answer.xyxy is None
    assert "left no time for a first step" in answer.reason
    assert grounder.locate(make_frame(), "the red square", deadline_ms=1e6).complete


def test_a_search_that_a_deadline_ended_has_a_place_but_no_object(
    grounder, make_frame, monkeypatch
):
    seconds = itertools.count()  # each look at the clock takes one
    monkeypatch.setattr(grounder, "_pace", LatencyEstimator(lambda: next(seconds)))
    found = grounder.locate(make_frame(), "the red square", deadline_ms=7000)
    assert len(found.zooms) == 1
    assert not found.complete
    assert not found.found
    assert "ended the search after 1 step" in found.reason
    json.loads(found.to_json())


def test_who_waits_for_its_turn_keeps_its_deadline(grounder, make_frame):
    with concurrent.futures.ThreadPoolExecutor(1) as pool, grounder._turns.take(1):
        asked = pool.submit(grounder.locate, make_frame(), "the red square", deadline_ms=20)
        answer = asked.result(60)
    assert not answer.complete
    assert "other calls had the networks until then" in answer.reason
    assert answer.zooms == ()
    assert answer.timing_ms["total"] >= 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_is_told_to_open_its_own(grounder, make_frame):
    frame = make_frame()
    grounder.locate(frame, ["red", "blue"])  # its threads are running
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def child():
        try:
            grounder.locate(frame, "red")
        except EngineError as error:
            theirs.send(str(error))
        grounder.close()  # frees nothing, and does not wait for threads that are not here

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads and fork
        process = context.Process(target=child)
        process.start()
    assert ours.poll(60)
    assert "opened in another process" in ours.recv()
    process.join(60)
    assert grounder.locate(frame, "red").zooms
