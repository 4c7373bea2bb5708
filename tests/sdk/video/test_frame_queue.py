"""The bounded queue: order, dropping, ends and waits."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdk.video.frame_queue import Arrival, End, FrameQueue
from sdk.video.sources.source import CapturedFrame

IMAGE = np.zeros((2, 2, 3), np.uint8)


def shot(number: float = 0.0, *, readable: bool = True) -> CapturedFrame:
    return CapturedFrame(IMAGE if readable else None, number)


def drain(box: FrameQueue) -> list[float]:
    taken = []
    while isinstance(got := box.get(0.0), Arrival):
        taken.append(got.shot.time_s)
    return taken


@given(
    st.lists(st.sampled_from(["put", "unreadable", "get"]), max_size=40),
    st.integers(min_value=1, max_value=4),
)
def test_nothing_is_lost_without_being_counted(steps, capacity):
    box = FrameQueue(capacity, newest=True, first_index=7)
    taken, indices, given_ = [], [], 0
    for step in steps:
        if step == "get":
            got = box.get(0.0)
            if got is not None:
                taken.append(got.shot.time_s)
                indices.append(got.index)
            continue
        assert box.put(shot(given_, readable=step == "put"))
        given_ += 1
    assert taken == sorted(taken)
    assert indices == [number + 7 for number in taken]  # also of those that could not be read
    box.close()
    assert box.read + box.unreadable == box.given == given_
    assert box.read == len(taken) + box.dropped
    box.discard()
    assert box.read == len(taken) + box.dropped


def test_the_newest_stays():
    box = FrameQueue(1, newest=True)
    for number in range(5):
        box.put(shot(number))
    assert drain(box) == [4]
    assert (box.read, box.dropped) == (5, 4)


def test_a_full_box_lets_the_reader_wait():
    box = FrameQueue(2, newest=False)
    thread = threading.Thread(target=lambda: [box.put(shot(n)) for n in range(6)])
    thread.start()
    taken = [box.get(5.0).shot.time_s for _ in range(6)]
    thread.join(30)
    assert taken == list(range(6))
    assert box.dropped == 0


def test_the_end_comes_after_the_last_shot():
    box = FrameQueue(2, newest=False)
    box.put(shot())
    error = OSError("gone")
    box.finish(error)
    assert isinstance(box.get(1.0), Arrival)
    assert box.get(1.0) == End(error)
    assert box.get(1.0) == End(error)


def test_a_timeout_gives_none():
    assert FrameQueue(1, newest=True).get(0.05) is None


@pytest.mark.parametrize("side", ["put", "get", "rest"])
def test_close_ends_every_wait(side):
    box = FrameQueue(1, newest=False)
    if side == "put":
        box.put(shot())
    waits = {"put": lambda: box.put(shot()), "get": lambda: box.get(None)}
    results = []
    thread = threading.Thread(
        target=lambda: results.append(waits.get(side, lambda: box.rest(9.0))())
    )
    thread.start()
    time.sleep(0.05)
    box.close()
    thread.join(30)
    assert not thread.is_alive()
    assert results == [False if side == "put" else None]
    assert box.put(shot()) is False
    assert box.get(None) is None


def test_a_resting_reader_has_not_stalled():
    box = FrameQueue(1, newest=True)

    begun = threading.Event()

    def late() -> None:
        with box._changed:  # so that nobody sees that it has begun before it rests
            begun.set()
            box.rest(0.8)
        box.put(shot(1.0))

    thread = threading.Thread(target=late)
    thread.start()
    assert begun.wait(30)
    assert box.get(0.5).shot.time_s == 1.0
    thread.join(30)


def test_close_may_interrupt_its_own_thread():
    """As a signal handler does, in the middle of a method that holds the lock."""
    box = FrameQueue(1, newest=True)
    with box._changed:
        box.close()
    assert box.closed
