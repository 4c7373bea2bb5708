"""``Stream``: frames from a source, each with the answers to the expressions."""

from __future__ import annotations

import threading
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.checks import Number, Whole, check_timeout, check_whole
from sdk.errors import InputError
from sdk.frame import Frame, check_color
from sdk.results.grounding import Grounding, PickledWithoutPixels
from sdk.video.frame_queue import Arrival, End, FrameQueue
from sdk.video.reader import Reader
from sdk.video.sources.source import CutShortError, NotOpenedError, Source

Policy = Literal["latest", "all"]
Refs = str | list[str] | tuple[str, ...]

QUEUE_FRAMES = 4  # decoded ahead under "all"; a 4K frame takes 25 MB
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)  # before each attempt to open a live source again
RECONNECTS = len(BACKOFF_S)


class Answering(Protocol):
    """What answers the frames: ``sdk.tracking.tracker.Tracker``."""

    def update(
        self, frame: NDArray[np.uint8], time_s: float, *, deadline_ms: float | None = None
    ) -> list[Grounding]:
        """One answer for each expression."""

    def set_refs(self, refs: Sequence[str]) -> None:
        """Other expressions from the next frame on."""


@dataclass(frozen=True, eq=False)
class StreamFrame(PickledWithoutPixels):
    """One answered frame.

    A pickle carries neither ``image`` nor the answers' frames: pickle ``(frame, frame.image)`` to
    send both.

    Attributes:
        image: ``(h, w, 3)`` uint8 in the stream's ``color``, or ``sdk.Nv12`` where the source gives
            such frames.
        index: from 0, of all frames that the source gave, also those dropped or unreadable.
        time_s: seconds on the source's clock (a file's own time, a bag's log time, the iterable's
            time); for a live source Unix time, that cannot run backwards.
        age_ms: milliseconds from the arrival of the frame to its answers.
        answers: one ``Grounding`` for each expression, in their order.
    """

    PIXELS = "image"

    image: Frame
    index: int
    time_s: float
    age_ms: float
    answers: tuple[Grounding, ...]

    def __repr__(self) -> str:
        found = sum(answer.found for answer in self.answers)
        return (
            f"StreamFrame({self.index}, time {self.time_s:.3f} s, age {self.age_ms:.0f} ms,"
            f" {found} of {len(self.answers)} found)"
        )

    def __getattr__(self, name: str) -> Any:
        if name == self.PIXELS:
            raise AttributeError("this frame was pickled, and so without its image: send it too")
        raise AttributeError(name)


@dataclass(frozen=True)
class StreamStats:
    """Frames so far. When the stream is over, ``read == answered + dropped``.

    Attributes:
        read: the readable ones.
        answered: those that were given to the caller.
        dropped: read and never answered: overtaken by a newer frame, or left when the stream was
            stopped.
        unreadable: those that could not be decoded.
        reconnects: how often a live source was opened again.
    """

    read: int = 0
    answered: int = 0
    dropped: int = 0
    unreadable: int = 0
    reconnects: int = 0


class Stream:
    """Iterates over the answered frames of a source; made by ``Grounder.stream``.

    Frames are decoded ahead in a thread, and answered in the thread that asks for the next one,
    so that an answer never waits. Leave the ``with`` statement, or call ``stop`` from anywhere, to
    end it; a source that blocks cannot hold it up. One thread iterates; ``set_refs``, ``stats``
    and ``stop`` are for every thread, ``stop`` for signal handlers too.

    Args:
        tracker: who answers the frames.
        source: where they come from.
        policy: ``"latest"``, the newest frame, or ``"all"`` of them; see ``Grounder.stream``.
        deadline_ms: milliseconds for the answers of a frame; None: no limit.
        color: the channel order of ``StreamFrame.image``, ``"bgr"`` or ``"rgb"``.
        timeout_s: longest wait for a frame, seconds; None for ever.
        reconnects: attempts in a row to open a live source again.
        check_refs: gives expressions as a list, or raises what they are refused with.
        on_frame: called with each frame before it is given, in the thread that iterates.

    Raises:
        InputError: an option cannot be used.

    Example:
        >>> with grounder.stream("drive.mp4", ["the cyclist"], "all") as stream:
        ...     for frame in stream:
        ...         frame.time_s, frame.answers[0].xyxy
    """

    def __init__(
        self,
        tracker: Answering,
        source: Source,
        policy: Policy,
        *,
        deadline_ms: float | None = None,
        color: str = "bgr",
        timeout_s: Number | None = 10.0,
        reconnects: Whole = RECONNECTS,
        check_refs: Callable[[Refs], list[str]] = list,
        on_frame: Callable[[StreamFrame], None] | None = None,
    ) -> None:
        if not isinstance(policy, str) or policy not in ("latest", "all"):
            raise InputError(f'expected the policy "latest" or "all", got {policy!r}')
        self._tracker = tracker
        self._source = source
        self._newest = policy == "latest"
        self._deadline_ms = deadline_ms
        self._flip = check_color(color) == "rgb" and source.bgr
        self._timeout_s = check_timeout(timeout_s)
        self._attempts = check_whole(reconnects, "reconnects", 0)
        self._check_refs = check_refs
        self._on_frame = on_frame
        self._refs: list[str] | None = None  # to be set before the next frame
        self._refs_lock = threading.RLock()  # a signal handler may set them too
        # What is over of earlier openings, and the mailbox of the last one: always set together.
        self._counted: tuple[StreamStats, FrameQueue | None] = (StreamStats(), None)
        self._answered = self._failed = self._reconnects = 0
        self._failures = 0  # openings since the last frame
        self._free: Callable[[], object] = lambda: None
        self._stopped = False
        self._epoch_s, self._began_s = time.time(), time.monotonic()

    @property
    def stats(self) -> StreamStats:
        """Frames so far."""
        counted = self._frames()
        return replace(
            counted,
            answered=self._answered,
            dropped=counted.dropped + self._failed,
            reconnects=self._reconnects,
        )

    def _frames(self) -> StreamStats:
        """The frames of all openings so far, as far as mailboxes count them."""
        past, box = self._counted
        if box is None:
            return past
        return StreamStats(
            read=past.read + box.read,
            dropped=past.dropped + box.dropped,
            unreadable=past.unreadable + box.unreadable,
        )

    @property
    def fps(self) -> float | None:
        """Frames a second as the source states them; None when unknown, or before a frame."""
        return self._source.fps

    @property
    def length(self) -> int | None:
        """Frames in all as the source states them, likewise."""
        return self._source.length

    def set_refs(self, refs: Refs) -> None:
        """Asks for another expression, or for several, from the next frame on.

        Args:
            refs: one expression or several, instead of those before.

        Raises:
            InputError: one cannot be used; at once, in the calling thread.
            EngineError: the grounder is closed.
        """
        asked = self._check_refs(refs)
        with self._refs_lock:
            self._refs = asked

    def stop(self) -> None:
        """Ends the iteration; the frame being answered is still given. Never waits."""
        self._stopped = True
        _, mailbox = self._counted
        if mailbox is not None:
            mailbox.close()

    def close(self) -> None:
        """Ends the iteration and waits, for a second at most, until the source is free."""
        self.stop()
        self._free()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> StreamFrame:
        """The next answered frame.

        Raises:
            StopIteration: the source has ended, or the stream was stopped.
            InputError: the source cannot be opened, stalls or is lost. What else it raises comes
                through, after its last frame.
            EngineError: the grounder is closed, or its networks failed.
        """
        try:
            arrival = self._take()
            if arrival is None:
                raise StopIteration
            return self._answer(arrival)
        except BaseException:
            self.close()
            raise

    def _answer(self, arrival: Arrival) -> StreamFrame:
        shot = arrival.shot
        assert shot.image is not None  # the mailbox keeps no others
        image = shot.image[:, :, ::-1] if self._flip else shot.image
        time_s = shot.time_s
        if time_s is None:
            time_s = self._epoch_s + (shot.arrived_s - self._began_s)
        try:
            with self._refs_lock:
                refs, self._refs = self._refs, None
            if refs is not None:
                self._tracker.set_refs(refs)
            answers = self._tracker.update(image, time_s, deadline_ms=self._deadline_ms)
        except BaseException:
            self._failed += 1
            raise
        age_ms = (time.monotonic() - shot.arrived_s) * 1000
        self._answered += 1
        frame = StreamFrame(image, arrival.index, time_s, age_ms, tuple(answers))
        if self._on_frame is not None:
            self._on_frame(frame)
        return frame

    def _take(self) -> Arrival | None:
        """The next frame, None at the end; opens the source, again where that may help."""
        _, mailbox = self._counted
        if mailbox is None:
            mailbox = self._open()
        while not self._stopped:
            got = mailbox.get(self._timeout_s)
            if isinstance(got, Arrival):
                self._failures = 0
                return got
            if self._stopped or mailbox.closed or self._is_over(got):
                break  # closed: the interpreter exits, which closes every reader
            self._free()
            self._wait_to_reopen(got)
            mailbox = self._open()
        return None

    def _open(self) -> FrameQueue:
        past = self._frames()  # final, since a closed mailbox takes nothing more
        mailbox = FrameQueue(
            1 if self._newest else QUEUE_FRAMES,
            newest=self._newest,
            first_index=past.read + past.unreadable,
        )
        self._counted = (past, mailbox)
        if self._stopped:  # before the mailbox was there to be closed
            return mailbox
        reader = Reader(self._source, mailbox, paced=self._newest)
        # Also runs when the stream is collected, or left open at the interpreter's exit.
        self._free = weakref.finalize(self, reader.close)
        return mailbox

    def _is_over(self, got: End | None) -> bool:
        """True at a proper end; False when a live source was lost; raises everything else."""
        if isinstance(got, End) and isinstance(got.error, CutShortError):
            warnings.warn(str(got.error), stacklevel=4)
            return True
        if isinstance(got, End) and got.error is None and not self._source.live:
            return True
        if (
            self._frames().read  # a wrong address fails at once
            and self._source.live
            and (got is None or got.error is None or isinstance(got.error, InputError))
        ):
            return False
        raise self._loss(got)

    def _loss(self, got: End | None) -> BaseException:
        """What to raise for a source that gives no more frames."""
        if got is None:
            return InputError(
                f"expected a readable frame of {self._source.name} within {self._timeout_s}"
                " seconds, found none: timeout_s sets the patience"
            )
        if isinstance(got.error, NotOpenedError):
            return got.error.explained()
        return got.error or InputError(f"{self._source.name} gives no more frames")

    def _wait_to_reopen(self, got: End | None) -> None:
        """Waits before the next attempt; raises InputError after the last one."""
        if self._failures >= self._attempts:
            loss = self._loss(got)
            raise InputError(
                f"{loss} (lost after {self._failures} attempts to reconnect)"
            ) from loss
        pause_s = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        until_s = time.monotonic() + pause_s
        while not self._stopped and time.monotonic() < until_s:
            time.sleep(min(0.1, pause_s))
        self._reconnects += not self._stopped
