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
_EASE = 0.9  # what is left of an estimate after it has refused a first step


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

    def ease(self) -> None:
        """A first step was refused: believe it less, or one slow moment would refuse for good."""
        for cost in self._costs.values():
            cost.mean *= _EASE
            cost.spread *= _EASE

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
