"""What sources do wrong: nothing that could be answered is lost, and nothing hangs."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from sdk.errors import EngineError, InputError
from sdk.video import stream as stream_module
from sdk.video.frame_queue import FrameQueue
from sdk.video.sources.source import CapturedFrame, CutShortError, Source
from sdk.video.stream import StreamStats

FRAME = np.zeros((4, 6, 3), np.uint8)


class Script(Source):
    """A source that follows a script for each opening: shots, or what to raise or to wait for."""

    name, paced = "the script", False

    def __init__(self, *openings: list, live: bool = True) -> None:
        self.live = live
        self.opened = 0
        self.freed = 0
        self._openings = openings

    def shots(self) -> Iterator[CapturedFrame]:
        self.opened += 1
        steps = self._openings[min(self.opened, len(self._openings)) - 1]
        try:
            for step in steps:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, threading.Event):
                    step.wait(30)
                    return
                yield CapturedFrame(step)
        finally:
            self.freed += 1


@pytest.fixture(autouse=True)
def quick_backoff(monkeypatch):
    monkeypatch.setattr(stream_module, "BACKOFF_S", (0.01, 0.02))


def collect(stream):
    """The answered frames, and what ended the stream."""
    answered = []
    try:
        for frame in stream:
            answered.append(frame)
    except Exception as error:
        return answered, error
    return answered, None


@pytest.mark.parametrize("error", [ValueError("mine"), KeyError("x"), SystemExit(3)])
def test_errors_of_the_iterable_reach_the_consumer(stream_of, error):
    def source():
        yield FRAME
        yield FRAME
        raise error

    stream = stream_of(source())
    answered = [next(stream), next(stream)]
    with pytest.raises(type(error)) as caught:
        next(stream)
    assert caught.value is error
    assert len(answered) == 2
    assert list(stream) == []
    assert stream.stats == StreamStats(read=2, answered=2)


def test_unreadable_frames_are_counted_and_keep_their_numbers(stream_of):
    stream = stream_of([FRAME, None, FRAME, None, None, FRAME])
    assert [frame.index for frame in stream] == [0, 2, 5]
    assert stream.stats == StreamStats(read=3, answered=3, unreadable=3)


def test_nothing_but_unreadable_frames(stream_of):
    stream = stream_of([None] * 5)
    assert list(stream) == []
    assert stream.stats == StreamStats(unreadable=5)


def test_size_and_format_change_mid_stream(stream_of, recorder):
    mixed = [
        np.full((4, 6, 3), 7, np.uint8),
        np.full((8, 2, 3), 7, np.uint8),
        np.full((5, 5), 7, np.uint8),
        np.full((5, 5, 1), 7, np.uint8),
        np.full((3, 9, 4), 7, np.uint8),
        np.full((6, 4, 3), 7, np.uint8)[::-2, ::-1],
    ]
    answered = list(stream_of(mixed))
    assert [frame.image.shape for frame in answered] == [
        *((4, 6, 3), (8, 2, 3), (5, 5, 3), (5, 5, 3), (3, 9, 3), (3, 4, 3)),
    ]
    assert all((frame.image == 7).all() for frame in answered)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), "item 1: expected a uint8 frame"),
        (np.zeros((4, 4, 2), np.uint8), "item 1: expected a frame"),
        (np.zeros((0, 4, 3), np.uint8), "item 1: expected a frame of at least"),
        ("frame.jpg", "item 1: expected a numpy array"),
        ((float("nan"), FRAME), r"item 1 to be a frame or \(finite seconds"),
        (("now", FRAME), "item 1 to be a frame"),
        ((1.0, FRAME, 2), "item 1 to be a frame"),
    ],
)
def test_what_is_no_frame_is_an_error(stream_of, item, message):
    answered, error = collect(stream_of([FRAME, item, FRAME]))
    assert len(answered) == 1
    with pytest.raises(InputError, match=message):
        raise error


def test_a_stalling_source(stream_of):
    block = threading.Event()
    source = Script([FRAME, block], live=False)
    answered, error = collect(stream_of(source, timeout_s=1.0))
    assert len(answered) == 1
    assert isinstance(error, InputError)
    assert "within 1.0 seconds" in str(error)
    block.set()


def test_a_live_source_that_stalls_is_opened_again(stream_of):
    block = threading.Event()
    source = Script([FRAME, FRAME, block], [FRAME, FRAME], [InputError("switched off")])
    stream = stream_of(source, timeout_s=1.0, reconnects=1)
    answered, error = collect(stream)
    assert [frame.index for frame in answered] == [0, 1, 2, 3]
    assert "switched off (lost after 1 attempts" in str(error)
    assert stream.stats.reconnects == 2
    block.set()


def test_a_live_source_that_dies_is_opened_again(stream_of):
    source = Script([FRAME], [], [InputError("refused")], [FRAME, FRAME], [])
    stream = stream_of(source, reconnects=3)
    answered, error = collect(stream)
    assert [frame.index for frame in answered] == [0, 1, 2]
    assert "lost after 3 attempts" in str(error)
    assert stream.stats == StreamStats(read=3, answered=3, reconnects=6)
    assert source.freed == source.opened == 7


def test_a_thousand_reconnects_leave_nothing_behind(stream_of, monkeypatch):
    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, FrameQueue) for each in gc.get_objects())

    monkeypatch.setattr(stream_module, "BACKOFF_S", (0.0,))
    before = kept()
    stream = stream_of(Script([FRAME, None]))
    for number in range(1000):
        assert next(stream).index == 2 * number
    stats = stream.stats
    assert (stats.read, stats.answered, stats.dropped, stats.reconnects) == (1000, 1000, 0, 999)
    assert kept() <= before + 2


def test_times_go_on_after_a_reconnect(stream_of, recorder):
    collect(stream_of(Script([FRAME], [FRAME], []), reconnects=1))
    assert recorder.times_s[1] > recorder.times_s[0]


def test_without_reconnects_a_loss_is_an_error(stream_of):
    answered, error = collect(stream_of(Script([FRAME]), reconnects=0))
    assert len(answered) == 1
    assert "gives no more frames" in str(error)


@pytest.mark.parametrize("script", [[InputError("no such camera")], []])
def test_the_first_opening_fails_at_once(stream_of, script):
    source = Script(script)
    answered, error = collect(stream_of(source))
    assert not answered
    assert isinstance(error, InputError)
    assert source.opened == 1


def test_other_errors_of_a_live_source_are_not_retried(stream_of):
    source = Script([FRAME, RuntimeError("a bug")])
    answered, error = collect(stream_of(source))
    assert len(answered) == 1
    assert isinstance(error, RuntimeError)
    assert source.opened == 1


def test_stop_during_the_backoff(stream_of, monkeypatch):
    monkeypatch.setattr(stream_module, "BACKOFF_S", (30.0,))
    stream = stream_of(Script([FRAME], []))
    next(stream)
    threading.Timer(0.2, stream.stop).start()
    began = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - began < 10
    assert stream.stats.reconnects == 0


def test_a_recording_that_is_cut_short_warns(stream_of):
    stream = stream_of(Script([FRAME, CutShortError("it ends early")], live=False))
    with pytest.warns(UserWarning, match="it ends early"):
        assert len(list(stream)) == 1


def test_an_error_of_the_tracker_ends_the_stream(stream_of, recorder):
    stream = stream_of([FRAME] * 3)
    next(stream)

    def fail() -> None:
        raise EngineError("the networks failed")

    recorder.work = fail
    with pytest.raises(EngineError, match="networks"):
        next(stream)
    stats = stream.stats
    assert stats.read == stats.answered + stats.dropped
    assert list(stream) == []


def test_a_source_that_closes_badly_is_reported(stream_of):
    def source():
        try:
            yield FRAME
        finally:
            raise OSError("cannot close")

    answered, error = collect(stream_of(source()))
    assert len(answered) == 1
    assert isinstance(error, OSError)
