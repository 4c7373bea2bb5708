"""Turns: what only one call may use at a time, and who may not ask for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from sdk.errors import EngineError


class Closable(Protocol):
    """What can be freed."""

    def close(self) -> None: ...


Owned = TypeVar("Owned", bound=Closable)


class Turns(Generic[Owned]):
    """Gives something to one call after another, and closes it in the end.

    Args:
        name: what has it, for messages: ``"the grounder of my.engine"``.
        owned: what is given.
        before_close: is called first, where it is closed.
    """

    def __init__(self, name: str, owned: Owned, before_close: Callable[[], None]) -> None:
        self._name, self._before_close = name, before_close
        self._owned: Owned | None = owned
        # Reentrant, so that a signal handler that asks in the middle of a call does not wait for
        # the call that waits for it.
        self._lock = threading.RLock()
        self._busy = self._closing = False
        self._process = os.getpid()

    def get(self) -> Owned | None:
        """What is owned, whoever may be using it; None once it is closed."""
        return self._owned

    def check_open(self) -> None:
        """Raises EngineError once it is closed."""
        if self._owned is None or self._closing:
            raise EngineError(f"{self._name} is closed")

    @contextmanager
    def take(self, patience_s: float) -> Iterator[Owned | None]:
        """What is owned, for this call alone; None when others had it for ``patience_s``.

        Raises:
            EngineError: it is closed, another process's, or in use by a call of this very thread.
        """
        if os.getpid() != self._process:
            raise EngineError(
                f"{self._name} was opened in another process, before a fork: open one in each"
                " process"
            )
        if not self._lock.acquire(timeout=min(max(patience_s, 0.0), threading.TIMEOUT_MAX)):
            yield None
            return
        try:
            if self._busy:
                raise EngineError(
                    f"{self._name} is in the middle of a call of this very thread, which a signal"
                    " handler or a callback interrupts: ask when that call is over, or open a"
                    " second one"
                )
            self.check_open()
            self._busy = True
            try:
                yield self._owned
            finally:
                self._busy = False
                if self._closing:
                    self._end()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Frees what is owned, after the call in progress; in a signal handler that interrupts
        such a call, at its end. Does nothing in a forked process: it is another's to free."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._closing = True
            if not self._busy:
                self._end()

    def _end(self) -> None:
        owned, self._owned = self._owned, None
        if owned is not None:
            self._before_close()
            owned.close()
