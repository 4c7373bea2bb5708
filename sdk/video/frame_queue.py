"""The bounded queue between the reader's thread and the consumer."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from sdk.video.sources.source import CapturedFrame

SLICE_S = 0.1  # of a wait: signals and a stop are noticed in between
MAX_REST_S = 10.0  # longer pauses of a recording are shortened


@dataclass(frozen=True, eq=False)
class Arrival:
    """A readable shot and its number among all that the source gave."""

    index: int
    shot: CapturedFrame


@dataclass(frozen=True)
class End:
    """The source gives no more; ``error`` is what it broke off with."""

    error: BaseException | None


class FrameQueue:
    """Holds at most ``capacity`` shots, the oldest first.

    When it is full, ``put`` waits, or with ``newest`` throws the oldest away and counts it. Once
    closed it takes nothing more, and what it still holds counts as dropped.

    ``close`` is safe in a signal handler: its owner may take the lock again, it changes nothing
    but a flag, and the consumer waits in short slices.
    """

    def __init__(self, capacity: int, *, newest: bool, first_index: int = 0) -> None:
        self.read = self.unreadable = 0
        self.closed = False
        self._overtaken = 0
        self._capacity = capacity
        self._newest = newest
        self._first_index = first_index
        self._held: deque[Arrival] = deque()
        self._end: End | None = None
        self._resting_until_s = 0.0
        self._changed = threading.Condition()  # its lock is reentrant

    def put(self, shot: CapturedFrame) -> bool:
        """Takes a shot from the reader; False when nobody wants any more."""
        with self._changed:
            while not self._newest and len(self._held) >= self._capacity and not self.closed:
                self._changed.wait(SLICE_S)
            if self.closed:
                return False
            if shot.image is None:
                self.unreadable += 1
                return True
            while len(self._held) >= self._capacity:
                self._held.popleft()
                self._overtaken += 1
            self._held.append(Arrival(self._first_index + self.given, shot))
            self.read += 1
            self._changed.notify_all()
            return True

    def get(self, timeout_s: float | None) -> Arrival | End | None:
        """The oldest shot; the end once there are no more; None after the timeout or a close.

        The time during which the reader rests does not count.
        """
        began_s = time.monotonic()
        with self._changed:
            while not self.closed:
                if self._held:
                    self._changed.notify_all()
                    return self._held.popleft()
                if self._end is not None:
                    return self._end
                waited_s = time.monotonic() - max(began_s, self._resting_until_s)
                if timeout_s is not None and waited_s >= timeout_s:
                    return None
                self._changed.wait(SLICE_S)
        return None

    def rest(self, seconds: float) -> None:
        """Lets the reader wait on purpose, at most ``MAX_REST_S``; a close ends it."""
        with self._changed:
            self._resting_until_s = until_s = time.monotonic() + min(seconds, MAX_REST_S)
            while not self.closed and (left_s := until_s - time.monotonic()) > 0:
                self._changed.wait(left_s)

    def finish(self, error: BaseException | None) -> None:
        """Says, from the reader, that nothing more will come."""
        with self._changed:
            self._end = End(error)
            self._changed.notify_all()

    def close(self) -> None:
        """Ends every wait on both sides, for good."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def discard(self) -> None:
        """Frees the shots that nobody took."""
        with self._changed:
            self._overtaken += len(self._held)
            self._held.clear()

    @property
    def dropped(self) -> int:
        """Shots that were read and will never be taken."""
        with self._changed:
            return self._overtaken + (len(self._held) if self.closed else 0)

    @property
    def given(self) -> int:
        """Shots that the source gave, readable or not."""
        return self.read + self.unreadable
