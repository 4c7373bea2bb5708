"""``Grounder.stream``: streams that the small engine answers."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from sdk import EngineError, Grounder, InputError
from sdk.video import Stream, StreamStats


@pytest.fixture
def clip(make_frame):
    """Ten frames with a red square that moves and a green one that stands."""
    return [
        (k / 10, make_frame((320, 240), {"red": (40 + 8 * k, 60, 60 + 8 * k, 80)}))
        for k in range(10)
    ]


def centre(answer):
    return float(answer.xyxy[0] + answer.xyxy[2]) / 2


@pytest.mark.parametrize("warm", [True, False])
def test_the_square_is_followed(grounder, clip, warm):
    with grounder.stream(clip, "the red square", "all", warm=warm) as stream:
        assert isinstance(stream, Stream)
        answered = list(stream)
    assert [frame.time_s for frame in answered] == [k / 10 for k in range(10)]
    assert all(frame.answers[0].found for frame in answered)
    found = [centre(frame.answers[0]) for frame in answered]
    assert found == pytest.approx([50 + 8 * k for k in range(10)], abs=5)
    assert stream.stats == StreamStats(read=10, answered=10)


def test_rgb_frames(grounder, make_frame):
    frame = np.ascontiguousarray(make_frame()[:, :, ::-1])
    (answered,) = grounder.stream([frame], "the red square", color="rgb")
    assert answered.answers[0].found
    assert answered.answers[0].color == "rgb"
    (mistaken,) = grounder.stream([frame], "the red square")
    assert not mistaken.answers[0].found


def test_a_grey_frame_and_another_size_in_between(grounder, make_frame):
    frames = [
        make_frame((320, 240), {"red": (40, 60, 60, 80)}),
        np.full((240, 320), 114, np.uint8),
        make_frame((200, 100), {"red": (20, 30, 40, 50)}),
    ]
    answers = [frame.answers[0] for frame in grounder.stream(frames, "the red square", "all")]
    assert [answer.found for answer in answers] == [True, False, True]
    assert [answer.frame_wh for answer in answers] == [(320, 240), (320, 240), (200, 100)]


def test_expressions_change_in_another_thread(grounder, make_frame):
    frame = make_frame((320, 240), {"red": (40, 60, 60, 80), "blue": (200, 60, 220, 80)})
    with grounder.stream([frame] * 8, "the red square", "all") as stream:
        assert [answer.ref for answer in next(stream).answers] == ["the red square"]
        refs = ["the blue square", "the red square"]
        thread = threading.Thread(target=stream.set_refs, args=(refs,))
        thread.start()
        thread.join(10)
        for answered in stream:
            assert [answer.ref for answer in answered.answers] == refs
            assert all(answer.found for answer in answered.answers)
        with pytest.raises(InputError, match="at least one word"):
            stream.set_refs("")


def test_two_streams_on_one_grounder(grounder, clip):
    alone = [centre(frame.answers[0]) for frame in grounder.stream(clip, "the red square", "all")]
    results = {}

    def answer(name):
        with grounder.stream(clip, "the red square", "all") as stream:
            results[name] = [centre(frame.answers[0]) for frame in stream]

    threads = [threading.Thread(target=answer, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {"a": alone, "b": alone}


def test_a_closed_grounder(engine, clip):
    grounder = Grounder(engine, threads=1)
    stream = grounder.stream(clip, "the red square", "all")
    next(stream)
    grounder.close()
    with pytest.raises(EngineError, match="is closed"):
        next(stream)
    assert stream.stats.read == stream.stats.answered + stream.stats.dropped
    with pytest.raises(EngineError, match="is closed"):
        grounder.stream(clip, "the red square")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("absent.mp4", "the red square"), {}, "found no absent.mp4"),
        (([], ""), {}, "at least one word"),
        (([], 7), {}, "expected an expression"),
        (([], "red " * 30), {}, "at most 12 tokens"),
        (([], "red"), {"policy": "newest"}, "policy"),
        (([], "red"), {"color": "grey"}, "color"),
        (([], "red"), {"deadline_ms": -1}, "deadline"),
        (([], "red"), {"topic": "/camera"}, "topic"),
    ],
)
def test_bad_arguments_are_refused_at_once(grounder, arguments, options, message):
    with pytest.raises(InputError, match=message):
        grounder.stream(*arguments, **options)


def test_bundles_of_frames_without_an_answer(grounder, make_frame, tmp_path):
    red = make_frame((320, 240), {"red": (40, 60, 60, 80)})
    blue = make_frame((320, 240), {"blue": (40, 60, 60, 80)})
    folder = tmp_path / "some" / "bundles"
    frames = [red, blue, red, blue, blue, blue]
    options = {"bundles": folder, "max_bundles": 3, "warm": False}
    assert len(list(grounder.stream(frames, "the red square", "all", **options))) == 6
    assert sorted(path.name for path in folder.iterdir()) == [
        *("000001.zip", "000003.zip", "000004.zip"),
    ]


def test_a_bundle_that_cannot_be_written_ends_no_drive(grounder, make_frame, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise InputError("cannot write: disk full")

    monkeypatch.setattr("sdk.replay.bundle.save_bundle", refuse)
    blue = make_frame((320, 240), {"blue": (40, 60, 60, 80)})
    stream = grounder.stream([blue] * 4, "the red square", "all", bundles=tmp_path)
    with pytest.warns(UserWarning, match="no more bundles are kept") as caught:
        assert len(list(stream)) == 4
    assert len(caught) == 1


@pytest.mark.parametrize("limit", [0, -1])
def test_room_for_bundles(grounder, tmp_path, limit):
    with pytest.raises(InputError, match="max_bundles, a whole number of at least 1"):
        grounder.stream([], "red", bundles=tmp_path, max_bundles=limit)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make"):
        grounder.stream([], "red", bundles=tmp_path / "file")
