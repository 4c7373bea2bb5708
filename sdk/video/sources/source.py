"""What a source of frames is: a name, a few facts, and an iterator of shots."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from sdk.errors import InputError
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

        Raises InputError when it cannot be opened (a NotOpenedError where a server can tell why),
        and CutShortError after the last frame of a recording that is shorter than it should be.
        """


class NotOpenedError(InputError):
    """An address did not open; why can be asked, which connects to its server once more.

    Nobody asks while there is hope: many a camera takes one client at a time, and the question
    would be that client.
    """

    def __init__(self, message: str, ask: Callable[[], str | None]) -> None:
        super().__init__(message)
        self._ask = ask

    def explained(self) -> InputError:
        """The error with what the server says, where it says something."""
        why = self._ask()
        return self if why is None else InputError(f"{self}, but {why}")


class CutShortError(Exception):
    """A recording ends before its own end; every frame that could be read has been given."""
