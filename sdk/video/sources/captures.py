"""Video files, cameras, network streams and GStreamer pipelines, through OpenCV.

Motion JPEG is taken undecoded where OpenCV gives it so, and decoded like any other image file:
FFmpeg fills up the damaged parts of a JPEG without a word. What it conceals in films whose frames
build on each other (H.264, MPEG-4, ...) cannot be told from their pixels.

A GStreamer pipeline that ends in ``video/x-raw,format=NV12 ! appsink`` gives ``sdk.Nv12`` frames.
OpenCV gives the planes of NV12, I420 and others alike, so that the pipeline's text has to tell.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from sdk.errors import InputError
from sdk.frame import Frame, decode_image, three_channels
from sdk.nv12 import Nv12
from sdk.video.addresses import public_address
from sdk.video.containers import codec_id, counts_frames, missing_bytes
from sdk.video.sources.source import (
    MAX_FPS,
    CapturedFrame,
    CutShortError,
    NotOpenedError,
    Source,
)

_UNDECODED = -1  # of CAP_PROP_FORMAT, with FFmpeg: frames as the container has them
_MOTION_JPEG = cv2.VideoWriter.fourcc(*"MJPG")
_FORMAT = re.compile(r"""\bformat\s*=\s*(?:\(\w+\)\s*)?["']?(\w+)""")  # of GStreamer's caps
_MAX_DAMAGED = 1000  # frames in a row after which a file has ended, whatever it says of itself


class Camera(Source):
    """A camera by its number, as the operating system counts them."""

    live, paced = True, False

    def __init__(self, number: int) -> None:
        self.name = f"camera {number}"
        self._number = number

    def shots(self) -> Generator[CapturedFrame, None, None]:
        """Frames as they are captured; ends when the camera gives no more."""
        capture = _opened(self.name, self._number, cv2.CAP_ANY, [])
        if capture is None:
            raise InputError(
                f"cannot open {self.name}: expected a camera that is connected and not in use"
            )
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
        self.name = public_address(address)
        self._address = address
        self._pipeline = pipeline
        self._timeout_s = timeout_s
        self._backend = cv2.CAP_GSTREAMER
        if not pipeline:  # others would be tried in vain, and print the address
            ours = cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG)
            self._backend = cv2.CAP_FFMPEG if ours else cv2.CAP_ANY
        self._settings: list[int] = []
        if pipeline and not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
            raise InputError(
                f"expected an OpenCV with GStreamer for {self.name!r}: the one installed"
                f" ({cv2.__version__}) was built without it; use a file, a URL or a camera"
                " number, or build OpenCV with GStreamer"
            )
        if timeout_s is not None and not pipeline:  # FFmpeg gives up by itself as well
            patience_ms = max(round(timeout_s * 1000), 1)
            self._settings = [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, patience_ms),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, patience_ms),
            ]

    def shots(self) -> Generator[CapturedFrame, None, None]:
        """Frames as they arrive; ends when the connection does."""
        capture = _opened(self.name, self._address, self._backend, self._settings)
        if capture is None:
            raise NotOpenedError(f"cannot open {self.name}: {_expected()}", self._why_not)
        try:
            self.fps, self.length = _fps(capture), _length(capture)
            self.live, self.paced = self.length is None, self.length is not None
            shots = (
                _live_shots(capture) if self.live else _timed_shots(capture, self.fps, self.length)
            )
            yield from map(self._as_written, shots) if self._pipeline else shots
        finally:
            capture.release()

    def _as_written(self, shot: CapturedFrame) -> CapturedFrame:
        """A shot of a pipeline, read by the last format in its text unless it is plainly BGR.

        What OpenCV gives is ``(rows, w)`` for NV12, I420 and grey, ``(h, w, 4)`` for BGRx and RGBx.
        """
        image: Any = shot.image
        if image is None or (image.ndim == 3 and image.shape[2] == 3):
            return shot
        written = (_FORMAT.findall(self._address) or ["planes of a format that is not written"])[-1]
        if written == "NV12":
            image = Nv12(image)
        elif written in ("GRAY8", "BGRx", "BGRA"):
            image = three_channels(image)
        else:
            raise InputError(
                f"expected BGR, GRAY8 or NV12 from {self.name}, found {written}:"
                " end it in videoconvert ! video/x-raw,format=NV12 ! appsink"
            )
        return replace(shot, image=image)

    def _why_not(self) -> str | None:
        from sdk.video.sources.refusals import refusal

        return None if self._pipeline else refusal(self._address, self._timeout_s)


class VideoFile(Source):
    """A video file; ``time_s`` starts at its beginning."""

    def __init__(self, path: str) -> None:
        self.name = path

    def shots(self) -> Generator[CapturedFrame, None, None]:
        """Frames in order; one that cannot be decoded is unreadable."""
        capture = _opened(self.name, self.name, cv2.CAP_ANY, [])
        if capture is None:
            raise InputError(f"cannot open {self.name}: {_why_not(self.name)}")
        given = 0
        try:
            self.fps, self.length = _fps(capture), _length(capture)
            for shot in _timed_shots(capture, self.fps, self.length):
                given += 1
                yield shot
        finally:
            capture.release()
        if not given:
            raise InputError(f"cannot read a frame of {self.name}: {_why_not(self.name)}")
        self._check_end(given)

    def _check_end(self, given: int) -> None:
        """Raises CutShortError when the container states more than there is."""
        path = Path(self.name)
        if not path.is_file():  # a pipe
            return
        if self.length is not None and given < self.length and counts_frames(path):
            raise CutShortError(
                f"{self.name} says that it has {self.length} frames, {given} could be read:"
                " it may be truncated or damaged"
            )
        if missing := missing_bytes(path):
            raise CutShortError(
                f"{self.name} is truncated: it says that it is {missing} bytes longer;"
                f" {given} frames could be read"
            )


def _opened(name: str, what: str | int, backend: int, settings: list[int]) -> Any | None:
    """An open ``cv2.VideoCapture``, or None when OpenCV cannot open it."""
    try:
        capture = cv2.VideoCapture(what, backend, settings)
    except cv2.error as error:
        said = str(error).replace(str(what), name)
        raise InputError(f"cannot open {name}: {said}") from None
    if capture.isOpened():
        return capture
    capture.release()
    return None


def _expected() -> str:
    return f"expected a video that OpenCV {cv2.__version__} can decode"


def _why_not(path: str) -> str:
    """Why a file gives no frames: FFmpeg reads what it has no decoder for, but for its pixels."""
    known = _expected()
    if not Path(path).is_file() or not cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG):
        return known
    raw = _opened(path, path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, _UNDECODED])
    if raw is None:
        return known
    code = int(raw.get(cv2.CAP_PROP_FOURCC))
    there = raw.grab()
    raw.release()
    if not there:
        return known
    letters = code.to_bytes(4, "little", signed=True).decode("latin-1")
    codec = letters if letters.isprintable() and code > 0 else codec_id(Path(path))
    return f"{known}, found one of the codec {codec or 'unknown'}, which it cannot: convert it"


def _live_shots(capture: Any) -> Iterator[CapturedFrame]:
    """Frames stamped with the moment at which they arrived, before they are decoded."""
    images = _Images(capture)
    while capture.grab():
        arrived_s = time.monotonic()
        yield CapturedFrame(images.next(), None, arrived_s)


def _timed_shots(capture: Any, fps: float | None, length: int | None) -> Iterator[CapturedFrame]:
    """Frames with the time that the container states; where that does not rise, a frame later.

    OpenCV fails on a damaged frame as it does at the end, but goes on when it is asked again:
    a failure counts as an unreadable frame once a good one follows.
    """
    images = _Images(capture)
    time_s, given, failed = 0.0, 0, 0
    while True:
        if not capture.grab():
            failed += 1
            if length is None or given + failed >= length or failed > _MAX_DAMAGED:
                return
            continue
        for _ in range(failed):
            yield CapturedFrame(None)
        arrived_s = time.monotonic()
        stated_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        time_s = stated_s if not given or stated_s > time_s else time_s + 1 / (fps or 25.0)
        given, failed = given + failed + 1, 0
        yield CapturedFrame(images.next(), time_s, arrived_s)


class _Images:
    """The image of each frame that a capture grabs, None for one that is damaged."""

    def __init__(self, capture: Any) -> None:
        self._capture = capture
        jpeg = (
            capture.getBackendName() == "FFMPEG"
            and int(capture.get(cv2.CAP_PROP_FOURCC)) == _MOTION_JPEG
        )
        turned = jpeg and capture.get(cv2.CAP_PROP_ORIENTATION_META)  # OpenCV would turn the bytes
        self._undecoded = jpeg and not turned and bool(capture.set(cv2.CAP_PROP_FORMAT, _UNDECODED))
        self._wh = (
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )

    def next(self) -> Frame | None:
        """The image of the frame that was grabbed."""
        readable, image = self._capture.retrieve()
        if not readable or not self._undecoded:
            return image if readable else None
        try:
            frame = decode_image(image.tobytes(), "of the frame")
        except InputError:
            return None
        height, width = frame.shape[:2]
        if (width, 2 * height) == self._wh:  # interlaced: the first of two fields, every other row
            return cv2.resize(frame, self._wh)
        return frame


def _fps(capture: Any) -> float | None:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 0 < fps <= MAX_FPS else None  # False for NaN


def _length(capture: Any) -> int | None:
    frames = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return int(frames) if 0 < frames < 2**31 else None
