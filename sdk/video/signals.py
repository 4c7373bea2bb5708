"""SIGINT and SIGTERM end a stream as its last frame would."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stops_on_signal(stop: Callable[[], None]) -> Iterator[list[str]]:
    """Within it a signal calls ``stop``; a second SIGINT acts as it did before.

    Yields a list that the name of the signal is put into. Outside of the main thread, where
    Python delivers no signals, nothing is changed.
    """
    received: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number).name)
        _restore({signal.SIGINT: before[signal.SIGINT]})
        stop()

    for number in _SIGNALS:
        signal.signal(number, handle)
    try:
        yield received
    finally:
        _restore(before)


def _restore(before: Mapping[signal.Signals, object]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler if callable(handler) else signal.SIG_DFL)
