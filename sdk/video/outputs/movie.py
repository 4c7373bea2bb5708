"""Video files of a stream, through OpenCV, that play whatever ends the stream."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdk.errors import InputError
from sdk.video.outputs.files import claim, room_bytes
from sdk.visual.canvas import Picture

CODECS = {".mp4": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}  # those that every OpenCV brings
DEFAULT_FPS = 25.0
MAX_FPS = 120.0  # sources of a variable rate state that of their clock, up to 1000
MAX_HOLD_S = 60.0  # a picture stays no longer, however long the source paused
MAX_LEAD_S = 0.5  # by which pictures that come too fast may be shown too late
_RESERVE_BYTES = 1 << 20  # what FFmpeg holds back, and the index of a long film
_INDEX_BYTES = 32  # of one frame in that index


class MovieWriter:
    """Writes pictures at a constant rate, all in the size of the first, rounded up to even.

    A picture of another size is fitted into it, with black bars. The film keeps the times of its
    pictures, whatever the rate of the source: each is repeated until the time of the next, and
    when they come faster than the film can show them for longer than half a second, some are left
    out. Pauses are shortened to a minute, and a clock that is set back goes on from there. The
    writing stops while there is still room to finish the file, since FFmpeg cannot finish one on a
    full disk.

    Raises InputError when the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        claim(path, tuple(CODECS))
        self._path = path
        self._writer: Any = None
        self._wh = (0, 0)
        self._fps = DEFAULT_FPS
        self._frames = 0
        self._due_s = 0.0  # when the next frame of the file begins, on the stream's clock
        self._time_s = 0.0  # of the last picture
        self._last: Picture | None = None

    def write(self, picture: Picture, time_s: float, fps: float | None) -> None:
        """Adds a BGR picture ``(h, w, 3)`` uint8 of a time on the stream's clock.

        The first one's ``fps`` is the file's.
        """
        if self._writer is None:
            self._open(picture, fps)
        if self._last is None or time_s < self._time_s - MAX_LEAD_S:
            self._due_s = time_s
        self._time_s = time_s
        late_s = time_s - self._due_s
        if late_s < -MAX_LEAD_S:
            return
        if self._last is not None:
            for _ in range(max(math.floor(min(late_s, MAX_HOLD_S) * self._fps + 0.5), 0)):
                self._add(self._last)
        if late_s > MAX_HOLD_S:
            self._due_s = time_s
        self._last = fit(picture, self._wh)
        self._add(self._last)

    def close(self) -> None:
        """Finishes the file; one without a picture is removed."""
        if self._writer is None:
            self._path.unlink(missing_ok=True)
            return
        self._writer.release()
        check = cv2.VideoCapture(str(self._path))
        plays = check.isOpened()
        check.release()
        if not plays:
            raise InputError(f"cannot finish {self._path}: is the disk full?")

    def _open(self, picture: Picture, fps: float | None) -> None:
        height, width = picture.shape[:2]
        self._wh = (width + width % 2, height + height % 2)  # the codecs halve the colours
        self._fps = min(fps or DEFAULT_FPS, MAX_FPS)
        code = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._path), code, self._fps, self._wh)
        if not writer.isOpened():
            writer.release()
            raise InputError(
                f"cannot write {self._path}: OpenCV {cv2.__version__} cannot make such a video of"
                f" {self._wh[0]}x{self._wh[1]} pixels there"
            )
        self._writer = writer

    def _add(self, picture: Picture) -> None:
        reserve = _RESERVE_BYTES + picture.nbytes + _INDEX_BYTES * self._frames
        room = room_bytes(self._path)
        if room < reserve or self._writer.write(picture) is False:
            raise InputError(
                f"cannot write more of {self._path}: {room / 1e6:.1f} MB are free for it; it ends"
                f" after {self._frames} frames"
            )
        self._frames += 1
        self._due_s += 1 / self._fps


def fit(picture: Picture, wh: tuple[int, int]) -> Picture:
    """A picture as large as ``wh``: scaled down or up as a whole, centred on black."""
    height, width = picture.shape[:2]
    if (width, height) == wh:
        return picture
    if (width + width % 2, height + height % 2) == wh:
        right, below = wh[0] - width, wh[1] - height
        return cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_REPLICATE)
    scale = min(wh[0] / width, wh[1] / height)
    shown_w = min(max(round(width * scale), 1), wh[0])
    shown_h = min(max(round(height * scale), 1), wh[1])
    shape = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (wh[0] - shown_w) // 2, (wh[1] - shown_h) // 2
    fitted = np.zeros((wh[1], wh[0], 3), np.uint8)
    fitted[top : top + shown_h, left : left + shown_w] = cv2.resize(
        picture, (shown_w, shown_h), interpolation=shape
    )
    return fitted
