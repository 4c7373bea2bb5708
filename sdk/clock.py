"""Where the time of a search goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("crop", "text", "image", "ground")


class StageClock:
    """Adds up milliseconds by stage between two calls of ``drain``."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._spent = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times the body of a ``with`` statement."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] += (time.perf_counter() - begin) * 1e3

    def drain(self) -> dict[str, float]:
        """``total``, the stages, and ``host`` (what is left) since the last drain."""
        now = time.perf_counter()
        total = (now - self._begin) * 1e3
        spent, self._spent = self._spent, dict.fromkeys(STAGES, 0.0)
        self._begin = now
        return {"total": total, **spent, "host": total - sum(spent.values())}
