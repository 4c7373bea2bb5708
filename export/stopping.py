"""A command that is told to end puts away what it has begun."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def stoppable() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP raise SystemExit with the code that shells expect (143, 129).

    Also a decorator. Only the first does, for they often come twice, and what follows is not to be
    disturbed. Signals that are ignored stay so (SIGHUP under nohup), and so do other handlers.
    Without effect outside of the main thread, which alone is told of signals.
    """
    main = threading.current_thread() is threading.main_thread()
    taken = [each for each in STOPPING if main and signal.getsignal(each) is signal.SIG_DFL]

    def stop(number: int, frame: FrameType | None) -> None:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for each in taken:
        signal.signal(each, stop)
    try:
        yield
    finally:
        for each in taken:
            signal.signal(each, signal.SIG_DFL)
