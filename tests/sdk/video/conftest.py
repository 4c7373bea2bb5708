"""Small videos, a tracker without networks, and a limit in time for every test."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sdk.results.grounding import Grounding
from sdk.video.sources.arrays import Arrays
from sdk.video.sources.source import Source
from sdk.video.stream import Stream

LIMIT_S = 120.0  # of one test: every wait in them is bounded, this is what tells if one is not


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """Fails a test that hangs, where it hangs."""

    def fail(*_: Any) -> None:
        raise TimeoutError(f"the test took longer than {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, fail)
    # Again and again: what a handler raises is lost where it comes in a callback of the collector.
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S, 1.0)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def no_thread_left(no_hang: None) -> Iterator[None]:
    """Every reader ends with its stream, but for those that a test blocks and then lets go."""
    yield
    left = [thread for thread in threading.enumerate() if thread.name.startswith("frames of")]
    for thread in left:
        thread.join(10)
    assert not any(thread.is_alive() for thread in left)


class Recorder:
    """Stands in for the tracker: answers without networks, and remembers what it was asked."""

    def __init__(self, refs: tuple[str, ...] = ("the red square",)) -> None:
        self.refs = list(refs)
        self.frames: list[np.ndarray] = []
        self.times_s: list[float] = []
        self.deadlines_ms: list[float | None] = []
        self.work: Callable[[], None] = lambda: None

    def update(
        self, frame: np.ndarray, time_s: float, *, deadline_ms: float | None = None
    ) -> list[Grounding]:
        self.work()
        self.frames.append(frame)
        self.times_s.append(time_s)
        self.deadlines_ms.append(deadline_ms)
        return [answer_on(frame, ref) for ref in self.refs]

    def set_refs(self, refs: Any) -> None:
        self.refs = list(refs)


def answer_on(frame: np.ndarray, ref: str, **changes: Any) -> Grounding:
    height, width = frame.shape[:2]
    values: dict[str, Any] = {
        "ref": ref,
        "found": True,
        "score": 0.9,
        "xyxy": np.array([width / 4, height / 4, width / 2, height / 2], np.float32),
        "zooms": (),
        "frame_wh": (width, height),
        "engine": "recorder",
        "timing_ms": {"total": 1.0},
        "frame": frame,
    }
    return Grounding(**{**values, **changes})


@pytest.fixture
def recorder() -> Recorder:
    """A tracker without networks."""
    return Recorder()


@pytest.fixture
def make_answer() -> Callable[..., Grounding]:
    """``make_answer(frame, ref, **changes)``."""
    return answer_on


@pytest.fixture
def stream_of(recorder: Recorder) -> Iterator[Callable[..., Stream]]:
    """``stream_of(frames or source, policy="all", **options)``, answered by ``recorder``."""
    streams: list[Stream] = []

    def make(frames: Any, policy: Any = "all", **options: Any) -> Stream:
        source = frames if isinstance(frames, Source) else Arrays(frames)
        streams.append(Stream(recorder, source, policy, **{"timeout_s": 5.0, **options}))
        return streams[-1]

    yield make
    for stream in streams:
        stream.close()


def numbered(number: int, wh: tuple[int, int] = (64, 48)) -> np.ndarray:
    """A frame whose brightness tells its number (0..24), also after compression."""
    return np.full((wh[1], wh[0], 3), 5 + 10 * number, np.uint8)


def number_of(frame: np.ndarray) -> int:
    return round((float(np.asarray(frame).mean()) - 5) / 10)


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """``make_video(count, name, fps, wh)``: a video of numbered frames."""

    def make(
        count: int = 8, name: str = "in.avi", fps: float = 10.0, wh: tuple[int, int] = (64, 48)
    ) -> Path:
        path = tmp_path / name
        code = cv2.VideoWriter.fourcc(*("MJPG" if name.endswith(".avi") else "mp4v"))
        writer = cv2.VideoWriter(str(path), code, fps, wh)
        assert writer.isOpened()
        for number in range(count):
            writer.write(numbered(number % 25, wh))
        writer.release()
        return path

    return make


@pytest.fixture
def frames_in() -> Callable[[Path], list[np.ndarray]]:
    """``frames_in(path)``: every frame that a video really has."""

    def read(path: Path) -> list[np.ndarray]:
        capture = cv2.VideoCapture(str(path))
        frames = []
        while True:
            there, frame = capture.read()
            if not there:
                capture.release()
                return frames
            frames.append(frame)

    return read
