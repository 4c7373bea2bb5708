"""What a stream came to, for people and for programs."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import asdict
from typing import Any

import numpy as np

from sdk.errors import InputError
from sdk.video.stream import StreamFrame, StreamStats

_AGES = 10_000  # the last so many, so that days of driving fit into memory


class Summary:
    """Counts the answers of one stream; the ages are of its last 10,000 frames."""

    def __init__(self, source: str, refs: list[str], policy: str) -> None:
        self._source = source
        self._refs = refs
        self._policy = policy
        self._found: Counter[str] = Counter()
        self._ages_ms: deque[float] = deque(maxlen=_AGES)
        self._first_s: float | None = None  # when the first frame was answered
        self._last_s = 0.0
        self._stats = StreamStats()
        self._stopped_by: str | None = None

    def add(self, frame: StreamFrame) -> None:
        """Counts one frame."""
        self._found.update(answer.ref for answer in frame.answers if answer.found)
        self._ages_ms.append(frame.age_ms)
        now_s = time.monotonic()
        self._first_s = now_s if self._first_s is None else self._first_s
        self._last_s = now_s

    def end(self, stats: StreamStats, stopped_by: str | None) -> None:
        """Takes the last counts and the signal's name; InputError when nothing could be read."""
        self._stats, self._stopped_by = stats, stopped_by
        if stats.read == 0 and stopped_by is None:
            raise InputError(
                f"expected at least one readable frame of {self._source}, found none"
                f" ({stats.unreadable} unreadable)"
            )

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain Python values; the ages are None without an answer."""
        rate = self._rate()
        return {
            "source": self._source,
            "policy": self._policy,
            "frames": asdict(self._stats),
            "found": {ref: self._found[ref] for ref in self._refs},
            "age_ms": {
                name: round(float(np.percentile(self._ages_ms, share)), 3)
                if self._ages_ms
                else None
                for name, share in (("p50", 50), ("p95", 95))
            },
            "frames_per_s": rate if rate is None else round(rate, 3),
            "stopped_by": self._stopped_by,
        }

    def text(self) -> str:
        """The summary in a few lines."""
        stats = self._stats
        counts = [f"{stats.answered} of {stats.read} frames answered"]
        counts += [
            f"{number} {what}"
            for number, what in (
                (stats.dropped, "dropped"),
                (stats.unreadable, "unreadable"),
                (stats.reconnects, "reconnects"),
            )
            if number
        ]
        lines = [", ".join(counts)]
        lines += [f"found in {self._found[ref]} frames: {ref}" for ref in self._refs]
        rate = self._rate()
        if rate is not None:
            lines.append(f"{rate:.1f} frames a second")
        if self._ages_ms and self._policy == "latest":  # under "all" frames wait for their turn
            p50, p95 = np.percentile(self._ages_ms, (50, 95))
            lines.append(f"age of an answer: {p50:.0f} ms (95th percentile {p95:.0f} ms)")
        if self._stopped_by is not None:
            lines.append(f"stopped by {self._stopped_by}")
        return "\n".join(lines)

    def _rate(self) -> float | None:
        """Answered frames a second, None when there are too few to tell."""
        if self._first_s is None or self._last_s <= self._first_s:
            return None
        return (self._stats.answered - 1) / (self._last_s - self._first_s)
