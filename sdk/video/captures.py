"""Video files, cameras, network streams and GStreamer pipelines, through OpenCV."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import Any

import cv2

from sdk.errors import InputError
from sdk.video.source import CutShortError, Shot, Source

MAX_FPS = 1000.0  # containers state nonsense where they know nothing
_MAX_DAMAGED = 1000  # frames in a row after which a file has ended, whatever it says of itself


class Camera(Source):
    """A camera by its number, as the operating system counts them."""

    live, paced = True, False

    def __init__(self, number: int) -> None:
        self.name = f"camera {number}"
        self._number = number

    def shots(self) -> Generator[Shot, None, None]:
        """Frames as they are captured; ends when the camera gives no more."""
        capture = _opened(self.name, self._number, cv2.CAP_ANY, [])
        try:
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, where the driver can
            self.fps = _fps(capture)
            yield from _live_shots(capture)
        finally:
            capture.release()


class NetworkStream(Source):
    """A URL that FFmpeg understands (RTSP, HTTP, UDP, ...) or a GStreamer pipeline.

    It counts as live until it turns out to have an end: a film on a web server has a number of
    frames, a camera has none.
    """

    live, paced = True, False

    def __init__(self, address: str, timeout_s: float | None, *, pipeline: bool = False) -> None:
        self.name = address
        self._backend = cv2.CAP_GSTREAMER if pipeline else cv2.CAP_ANY
        self._settings: list[int] = []
        if pipeline and not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
            raise InputError(
                f"expected an OpenCV with GStreamer for {address!r}: the one installed"
                f" ({cv2.__version__}) was built without it; use a file, a URL or a camera"
                " number, or build OpenCV with GStreamer"
            )
        if timeout_s is not None and not pipeline:  # FFmpeg gives up by itself as well
            patience_ms = max(round(timeout_s * 1000), 1)
            self._settings = [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, patience_ms),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, patience_ms),
            ]

    def shots(self) -> Generator[Shot, None, None]:
        """Frames as they arrive; ends when the connection does."""
        capture = _opened(self.name, self.name, self._backend, self._settings)
        try:
            self.fps, self.length = _fps(capture), _length(capture)
            self.live, self.paced = self.length is None, self.length is not None
            yield from (
                _live_shots(capture) if self.live else _timed_shots(capture, self.fps, self.length)
            )
        finally:
            capture.release()


class VideoFile(Source):
    """A video file; ``time_s`` starts at its beginning."""

    def __init__(self, path: str) -> None:
        self.name = path

    def shots(self) -> Generator[Shot, None, None]:
        """Frames in order; one that the codec cannot decode is unreadable."""
        capture = _opened(self.name, self.name, cv2.CAP_ANY, [])
        given = 0
        try:
            self.fps, self.length = _fps(capture), _length(capture)
            for shot in _timed_shots(capture, self.fps, self.length):
                given += 1
                yield shot
        finally:
            capture.release()
        if self.length is not None and given < self.length:
            raise CutShortError(
                f"{self.name} says that it has {self.length} frames, {given} could be read:"
                " it may be truncated or damaged"
            )


def _opened(name: str, what: str | int, backend: int, settings: list[int]) -> Any:
    """An open ``cv2.VideoCapture``, or InputError."""
    try:
        capture = cv2.VideoCapture(what, backend, settings)
    except cv2.error as error:
        raise InputError(f"cannot open {name}: {error}") from error
    if not capture.isOpened():
        capture.release()
        raise InputError(
            f"cannot open {name}: expected a video that OpenCV {cv2.__version__} can decode, a"
            " camera that is connected and not in use, or an address that answers"
        )
    return capture


def _live_shots(capture: Any) -> Iterator[Shot]:
    """Frames stamped with the moment at which they arrived, before they are decoded."""
    while capture.grab():
        arrived_s = time.monotonic()
        readable, image = capture.retrieve()
        yield Shot(image if readable else None, None, arrived_s)


def _timed_shots(capture: Any, fps: float | None, length: int | None) -> Iterator[Shot]:
    """Frames with the time that the container states; where that does not rise, a frame later.

    OpenCV fails on a damaged frame as it does at the end, but goes on when it is asked again:
    a failure counts as an unreadable frame once a good one follows.
    """
    time_s, given, failed = 0.0, 0, 0
    while True:
        if not capture.grab():
            failed += 1
            if length is None or given + failed >= length or failed > _MAX_DAMAGED:
                return
            continue
        for _ in range(failed):
            yield Shot(None)
        arrived_s = time.monotonic()
        stated_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        time_s = stated_s if not given or stated_s > time_s else time_s + 1 / (fps or 25.0)
        given, failed = given + failed + 1, 0
        readable, image = capture.retrieve()
        yield Shot(image if readable else None, time_s, arrived_s)


def _fps(capture: Any) -> float | None:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 0 < fps <= MAX_FPS else None  # False for NaN


def _length(capture: Any) -> int | None:
    frames = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return int(frames) if 0 < frames < 2**31 else None
