"""Streams over iterables: order, counts, policies, expressions, stopping."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from sdk.errors import InputError
from sdk.video.stream import QUEUE_FRAMES, StreamStats

ROOT = Path(__file__).resolve().parents[3]
FRAME = np.zeros((4, 6, 3), np.uint8)


def frames(count):
    return [np.full((4, 6, 3), number % 256, np.uint8) for number in range(count)]


def test_all_answers_every_frame_in_order(stream_of, recorder):
    with stream_of(frames(20)) as stream:
        answered = list(stream)
    assert [frame.index for frame in answered] == list(range(20))
    assert [int(frame.image[0, 0, 0]) for frame in answered] == list(range(20))
    assert all(frame.answers[0].ref == "the red square" for frame in answered)
    assert all(frame.age_ms >= 0 for frame in answered)
    assert stream.stats == StreamStats(read=20, answered=20)
    times = [frame.time_s for frame in answered]
    assert times == sorted(times) == recorder.times_s
    assert abs(times[0] - time.time()) < 60  # without a clock of its own: Unix time


@pytest.mark.parametrize("policy", ["all", "latest"])
@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_frames(stream_of, policy, count):
    stream = stream_of(frames(count), policy)
    assert len(list(stream)) == count
    assert list(stream) == []  # it stays at its end
    assert stream.stats == StreamStats(read=count, answered=count)


def test_a_slow_consumer_gets_the_newest(stream_of):
    gate = threading.Event()

    def source():
        yield FRAME
        assert gate.wait(30)
        yield from frames(50)

    stream = stream_of(source(), "latest")
    assert next(stream).index == 0
    gate.set()
    while stream.stats.read < 51:
        time.sleep(0.01)
    assert [frame.index for frame in stream] == [50]
    assert stream.stats == StreamStats(read=51, answered=2, dropped=49)


def test_a_slow_consumer_holds_the_source_back_under_all(stream_of):
    asked = []

    def source():
        for frame in frames(30):
            asked.append(frame)
            yield frame

    stream = stream_of(source())
    next(stream)
    time.sleep(0.2)
    assert len(asked) <= QUEUE_FRAMES + 2  # one was taken, one waits to be put
    assert len(list(stream)) == 29
    assert stream.stats.dropped == 0


@pytest.mark.parametrize("policy", ["all", "latest"])
def test_a_slow_source_loses_nothing(stream_of, policy):
    def source():
        for frame in frames(5):
            time.sleep(0.05)
            yield frame

    assert [frame.index for frame in stream_of(source(), policy)] == list(range(5))


def test_times_of_the_source_are_kept(stream_of, recorder):
    timed = [(number / 4, frame) for number, frame in enumerate(frames(4))]
    assert [frame.time_s for frame in stream_of(timed)] == [0, 0.25, 0.5, 0.75]
    assert recorder.times_s == [0, 0.25, 0.5, 0.75]


def test_the_age_counts_from_the_arrival(stream_of):
    stream = stream_of(frames(3))
    next(stream)
    while stream.stats.read < 2:  # it is decoded ahead
        time.sleep(0.001)
    time.sleep(0.2)
    assert next(stream).age_ms >= 200


def test_the_deadline_is_passed_on(stream_of, recorder):
    list(stream_of(frames(2), deadline_ms=40.0))
    assert recorder.deadlines_ms == [40.0, 40.0]


def test_a_reused_buffer_is_copied(stream_of):
    def source():
        buffer = np.zeros((4, 6, 3), np.uint8)
        for number in range(8):
            buffer[:] = number
            yield buffer

    assert [int(frame.image[0, 0, 0]) for frame in stream_of(source())] == list(range(8))


def test_expressions_change_on_the_way(stream_of):
    stream = stream_of(frames(6))
    next(stream)
    thread = threading.Thread(target=stream.set_refs, args=(["the car", "the bus"],))
    thread.start()
    thread.join(30)
    rest = list(stream)
    assert {tuple(answer.ref for answer in frame.answers) for frame in rest} == {
        ("the car", "the bus")
    }
    assert len(rest) == 5


def test_bad_expressions_are_refused_where_they_are_set(stream_of):
    def check(refs):
        raise InputError("expected words")

    stream = stream_of(frames(3), check_refs=check)
    next(stream)
    with pytest.raises(InputError, match="expected words"):
        stream.set_refs([""])
    assert len(list(stream)) == 2


@pytest.mark.parametrize("way", ["stop", "close", "other thread"])
def test_stop(stream_of, way):
    stream = stream_of(frames(50))
    next(stream)
    if way == "other thread":
        thread = threading.Thread(target=stream.stop)
        thread.start()
        thread.join(30)
    else:
        getattr(stream, way)()
    assert list(stream) == []
    stream.close()
    stats = stream.stats
    assert stats.answered == 1
    assert stats.read == stats.answered + stats.dropped


def test_stop_before_the_first_frame(stream_of):
    stream = stream_of(frames(3))
    stream.stop()
    assert list(stream) == []
    assert stream.stats == StreamStats()


def test_stop_while_a_frame_is_answered(stream_of, recorder):
    stream = stream_of(frames(9))
    recorder.work = stream.stop
    assert [frame.index for frame in stream] == [0]  # its answer is not thrown away


def test_leaving_the_loop_early_ends_the_reader(stream_of):
    with stream_of(frames(500)) as stream:
        for frame in stream:
            if frame.index == 2:
                break
    assert not [t for t in threading.enumerate() if t.name.startswith("frames of")]


def test_a_forgotten_stream_ends_its_reader(recorder):
    from sdk.video.sources.arrays import Arrays
    from sdk.video.stream import Stream

    stream = Stream(recorder, Arrays(frames(500)), "all")
    next(stream)
    gone = weakref.ref(stream)
    del stream
    gc.collect()
    assert gone() is None
    assert not [t for t in threading.enumerate() if t.name.startswith("frames of")]


def test_stop_while_the_source_blocks(stream_of):
    block = threading.Event()

    def source():
        yield FRAME
        block.wait(30)

    with stream_of(source(), timeout_s=None) as stream:
        next(stream)
        threading.Timer(0.1, stream.stop).start()
        began = time.monotonic()
        assert list(stream) == []
    assert time.monotonic() - began < 10
    block.set()


def test_the_interpreter_exits_while_the_source_blocks():
    code = """
import threading, numpy as np
from sdk.video.sources.arrays import Arrays
from sdk.video.stream import Stream
class Nothing:
    def update(self, frame, time_s, *, deadline_ms=None): return []
def source():
    yield np.zeros((4, 4, 3), np.uint8)
    threading.Event().wait()
stream = Stream(Nothing(), Arrays(source()), "all")
next(stream)
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        ("newest", {}, "policy"),
        ("all", {"timeout_s": 0}, "timeout"),
        ("all", {"timeout_s": float("nan")}, "timeout"),
        ("all", {"reconnects": -1}, "reconnects"),
        ("all", {"color": "grey"}, "color"),
    ],
)
def test_bad_options(stream_of, policy, options, message):
    with pytest.raises(InputError, match=message):
        stream_of(frames(1), policy, **options)
