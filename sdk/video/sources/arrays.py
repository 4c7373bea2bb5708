"""Frames that the caller makes: any iterable of arrays, with or without their times."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sized
from typing import Any

from sdk.checks import check_number
from sdk.errors import InputError
from sdk.frame import three_channels
from sdk.video.sources.source import CapturedFrame, Source


class Arrays(Source):
    """An iterable of frames, or of ``(time_s, frame)``.

    A frame is ``(h, w, 3)`` uint8 or ``sdk.Nv12``. Grey frames, ``(h, w)`` or ``(h, w, 1)``, get
    three channels, and the fourth channel of ``(h, w, 4)`` is dropped; anything else is an error.
    None stands for a frame that could not be read. Frames are copied, since many a producer fills
    one buffer again and again. The iterable sets the pace itself, also when it states times.
    """

    name = "the iterable"
    paced = bgr = False

    def __init__(self, frames: Iterable[Any]) -> None:
        self.length = len(frames) if isinstance(frames, Sized) else None
        self._frames = frames

    def shots(self) -> Generator[CapturedFrame, None, None]:
        """The items as shots; what the iterable raises goes through unchanged."""
        for number, item in enumerate(self._frames):
            time_s, frame = _parts(item, number)
            try:
                image = None if frame is None else three_channels(frame)
            except InputError as error:
                raise InputError(f"item {number}: {error}") from None
            yield CapturedFrame(image, time_s)


def _parts(item: Any, number: int) -> tuple[float | None, Any]:
    if not isinstance(item, tuple):
        return None, item
    said = f"item {number} to be a frame or (finite seconds, frame)"
    if len(item) != 2:
        raise InputError(f"expected {said}, got {len(item)} things")
    return check_number(item[0], "the time", expected=said), item[1]
