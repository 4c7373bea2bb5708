"""What the steps of a search cost here, learnt while they run, and what a deadline still allows.

A round of a search encodes some windows and asks some looks. The time of each is averaged, and so
is its deviation, as TCP does with round-trip times (RFC 6298); several at once cost less each than
one alone, so that there is an average for either.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_GAIN, _SPREAD_GAIN = 1 / 8, 1 / 4  # as in RFC 6298; the mean of the first few before that
_CAUTION = 2.0  # deviations above the average that a round is taken to need (our choice)
_PATIENCE = (4, 256)  # refusals before a step is tried all the same: at first, and at most


class _Cost:
    """Average and mean deviation of milliseconds."""

    def __init__(self) -> None:
        self.count, self.mean, self.spread = 0, 0.0, 0.0

    def learn(self, ms: float) -> None:
        self.count += 1
        if self.count == 1:
            self.mean, self.spread = ms, ms / 2
            return
        error = ms - self.mean
        self.mean += error * max(_GAIN, 1 / self.count)
        self.spread += (abs(error) - self.spread) * _SPREAD_GAIN


class Pace:
    """The cost of windows and looks. One thread at a time; ``now`` gives seconds."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        kinds = itertools.product(("windows", "looks"), (True, False))  # stage, one alone?
        self._costs = {kind: _Cost() for kind in kinds}
        self._refused, self._patience = 0, _PATIENCE[0]

    @contextmanager
    def timed(self, stage: str, count: int) -> Iterator[None]:
        """Learns from the body of a ``with`` statement, which deals with ``count`` at once."""
        begin = self.now()
        yield
        if count:
            self._costs[stage, count == 1].learn((self.now() - begin) * 1e3 / count)

    def expect_ms(self, windows: int, looks: int, *, cautious: bool) -> float:
        """The time of a round, 0 for what has never been done; ``cautious`` adds deviations."""
        parts = ((windows, "windows"), (looks, "looks"))
        return sum(count * self._each(stage, count, cautious) for count, stage in parts)

    def retry(self) -> bool:
        """Whether a first step that was refused is tried all the same.

        Now and then it has to be, or one slow moment would refuse for good: what is not run is not
        learnt of. Each time in vain (``tried``) takes twice as many refusals as the one before.
        """
        self._refused += 1
        return self._refused >= self._patience

    def tried(self, in_time: bool) -> None:
        """How such a step went."""
        self._refused = 0
        self._patience = _PATIENCE[0] if in_time else min(2 * self._patience, _PATIENCE[1])

    def _each(self, stage: str, count: int, cautious: bool) -> float:
        known = [self._costs[stage, alone] for alone in (count == 1, count != 1)]
        cost = known[0] if known[0].count else known[1]
        return cost.mean + (_CAUTION * cost.spread if cautious else 0.0)


class Deadline:
    """The moment at which an answer is wanted: ``limit_ms`` after ``begin_s``, None for never."""

    def __init__(self, pace: Pace, limit_ms: float | None, begin_s: float | None = None) -> None:
        self.pace, self.limit_ms = pace, limit_ms
        begin = pace.now() if begin_s is None else begin_s
        self._end_s = math.inf if limit_ms is None else begin + limit_ms / 1e3
        self._trying = False

    @property
    def left_ms(self) -> float:
        """Milliseconds until then, below 0 afterwards."""
        return (self._end_s - self.pace.now()) * 1e3

    def affords(self, windows: int, looks: int, *, first: bool) -> bool:
        """Whether a round would end in time. An expression's first step is worth more risk than
        the later ones: without it there is no answer at all."""
        if self.limit_ms is None:
            return True
        return self.pace.expect_ms(windows, looks, cautious=not first) <= self.left_ms

    def tries(self) -> bool:
        """Whether a first step that it does not afford is taken all the same."""
        self._trying = self.left_ms > 0 and self.pace.retry()
        return self._trying

    def settle(self) -> None:
        """A step is over: if it was tried, was it in time?"""
        if self._trying:
            self.pace.tried(self.left_ms >= 0)
            self._trying = False
