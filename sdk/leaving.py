"""Leaving the interpreter while threads are at work outside of it.

A daemon thread that comes back from a native library while Python shuts down is ended on the spot,
in the middle of C++ code, and that ends the process with an abort. So the exit waits for such work
to end, and lets no daemon thread begin any more: it stays where it is, as Python leaves it too.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Work:
    """Native work in progress in this process: how many threads are at it."""

    def __init__(self) -> None:
        self.changed = threading.Condition()  # its lock is reentrant: signal handlers work too
        self.threads = 0
        self.leaving = False
        self.mine = threading.local()

    @contextmanager
    def doing(self) -> Iterator[None]:
        depth = getattr(self.mine, "depth", 0)
        if depth == 0:
            self._begin()
        self.mine.depth = depth + 1
        try:
            yield
        finally:
            self.mine.depth = depth
            if depth == 0:
                with self.changed:
                    self.threads -= 1
                    self.changed.notify_all()

    def _begin(self) -> None:
        with self.changed:
            if not (self.leaving and threading.current_thread().daemon):
                self.threads += 1
                return
        threading.Event().wait()  # for the end of the process

    def finish(self) -> None:
        """Waits for all of it, and lets daemon threads begin no more."""
        with self.changed:
            self.leaving = True
            while self.threads > 0:
                self.changed.wait()


_work = _Work()


@contextmanager
def native_work() -> Iterator[None]:
    """Around what a native library does for us; may be nested."""
    with _work.doing():
        yield


def _afresh() -> None:
    """In a forked process no thread is at work but the one that forked it."""
    global _work
    _work = _Work()


atexit.register(lambda: _work.finish())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_afresh)
