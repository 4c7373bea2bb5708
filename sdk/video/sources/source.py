"""What a source of frames is: a name, a few facts, and an iterator of shots."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass, field

from sdk.frame import Frame

MAX_FPS = 1000.0  # containers state nonsense where they know nothing


@dataclass(frozen=True, eq=False)
class CapturedFrame:
    """One frame as its source gave it.

    ``image``: ``(h, w, 3)`` uint8 or ``sdk.Nv12``, None when it could not be decoded. ``time_s``:
    seconds on the clock of the recording; None when the source has no clock, then the moment of
    arrival counts. ``arrived_s``: that moment, on ``time.monotonic``.
    """

    image: Frame | None
    time_s: float | None = None
    arrived_s: float = field(default_factory=time.monotonic)


class Source(ABC):
    """Where frames come from. Only the reader's thread calls ``shots``.

    ``name``: for messages. ``live``: its end is a loss, and opening it again may help. ``paced``:
    a recording, whose ``time_s`` say when a camera would have given each frame. ``bgr``: it
    decodes, always to BGR; otherwise images are in the order of their owner. ``fps`` and
    ``length`` (frames in all) are None when unknown, or not known yet.
    """

    name: str
    live: bool = False
    paced: bool = True
    bgr: bool = True
    fps: float | None = None
    length: int | None = None

    @abstractmethod
    def shots(self) -> Generator[CapturedFrame, None, None]:
        """Opens the source and gives its frames in order; closing the generator frees it.

        Raises InputError when it cannot be opened, and CutShortError after the last frame of a
        recording that is shorter than it should be.
        """


class CutShortError(Exception):
    """A recording ends before its own end; every frame that could be read has been given."""
