"""Ctrl-C and SIGTERM as a wish to stop, not as an exception in the middle of a step."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def wish_to_stop() -> Iterator[Callable[[], bool]]:
    """Inside it, the signals only make the function it gives return True.

    Weights, optimiser and average belong together: a run stops between two steps. Signals come in
    numbers (launchers pass on what the terminal already sent), so more of them change nothing.
    """
    wished = False

    def wish(*_: object) -> None:
        nonlocal wished
        if not wished:
            os.write(2, b"stopping after this step\n")  # print may be what was interrupted
        wished = True

    before = {number: signal.signal(number, wish) for number in SIGNALS}
    try:
        yield lambda: wished
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
