"""Where the time of a search goes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("crop", "text", "image", "ground")


class StageClock:
    """Adds up milliseconds by stage from ``start`` to ``drain``; ``runs`` counts for ever."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter(dict.fromkeys(STAGES, 0))
        self.start(time.perf_counter())

    @contextmanager
    def stage(self, name: str, runs: int = 1) -> Iterator[None]:
        """Times the body of a ``with`` statement, which does that ``runs`` times."""
        self.runs[name] += runs
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] += (time.perf_counter() - begin) * 1e3

    def start(self, begin_s: float) -> None:
        """Forgets what was spent; the whole counts from ``begin_s`` (``time.perf_counter``)."""
        self._begin = begin_s
        self._spent = dict.fromkeys(STAGES, 0.0)

    def drain(self) -> dict[str, float]:
        """``total``, the stages, and ``host`` (what is left) since the start or the last drain."""
        now = time.perf_counter()
        total, spent = (now - self._begin) * 1e3, self._spent
        self.start(now)
        return {"total": total, **spent, "host": total - sum(spent.values())}
