"""What the steps of a search cost here, learnt while they run, and what a deadline still allows.

A round of a search encodes some windows and asks some looks. The time of each is averaged, and so
is its deviation, as TCP does with round-trip times (RFC 6298); several at once cost less each than
one alone, so that there is an average for either.

What is not run is not learnt of: an average that refuses every step would refuse for good. So an
average grows old. After ``STALE_S`` without a new sample a step is taken to cost what it cost at
the best of times, and is begun where that would be in time; less is never hoped for, until after
``FORGOTTEN_S`` even the best of times says nothing of this one.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

STALE_S = 0.4  # so that an answer is tried again within half a second (our choice)
FORGOTTEN_S = 10.0  # of a machine that was busy from the very first step on (our choice)
_GAIN, _SPREAD_GAIN = 1 / 8, 1 / 4  # as in RFC 6298; the mean of the first few before that
_CAUTION = 2.0  # deviations above the average that a round is taken to need (our choice)


class _Cost:
    """Average and mean deviation of milliseconds; ``least``: the lowest sample so far."""

    def __init__(self) -> None:
        self.count, self.mean, self.spread = 0, 0.0, 0.0
        self.least, self.learnt_s = math.inf, -math.inf

    def learn(self, ms: float, now_s: float) -> None:
        self.count += 1
        old = now_s - ms / 1e3 - self.learnt_s >= STALE_S  # when it was begun
        self.least, self.learnt_s = min(self.least, ms), now_s
        if self.count == 1:
            self.mean, self.spread = ms, ms / 2
        elif old and ms < self.mean:  # the busy time that it stands for is over
            self.mean, self.spread = ms, min(self.spread, ms / 2)
        else:
            error = ms - self.mean
            self.mean += error * max(_GAIN, 1 / self.count)
            self.spread += (abs(error) - self.spread) * _SPREAD_GAIN

    def expect_ms(self, now_s: float, caution: float) -> float:
        """What one is taken to cost, with some deviations: 0 for what was not done for long."""
        age_s = now_s - self.learnt_s
        if age_s >= FORGOTTEN_S:
            return 0.0
        if age_s >= STALE_S:
            return self.least + caution * min(self.spread, self.least / 2)
        return self.mean + caution * self.spread


class LatencyEstimator:
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
            now_s = self.now()
            self._costs[stage, count == 1].learn((now_s - begin) * 1e3 / count, now_s)

    def expect_ms(self, windows: int, looks: int, *, cautious: bool) -> float:
        """The time of a round, 0 for what has never been done; ``cautious`` adds deviations."""
        now_s = self.now()
        parts = ((windows, "windows"), (looks, "looks"))
        return sum(count * self._each(stage, count, cautious, now_s) for count, stage in parts)

    def _each(self, stage: str, count: int, cautious: bool, now_s: float) -> float:
        known = [self._costs[stage, alone] for alone in (count == 1, count != 1)]
        cost = known[0] if known[0].count else known[1]
        return cost.expect_ms(now_s, _CAUTION if cautious else 0.0)


class Deadline:
    """The moment at which an answer is wanted: ``limit_ms`` after ``begin_s``, None for never.

    ``refused_ms``: what the last round that it did not afford was expected to take, and what was
    left of the time; None while it has refused none.
    """

    def __init__(
        self, pace: LatencyEstimator, limit_ms: float | None, begin_s: float | None = None
    ) -> None:
        self.pace, self.limit_ms = pace, limit_ms
        begin = pace.now() if begin_s is None else begin_s
        self._end_s = math.inf if limit_ms is None else begin + limit_ms / 1e3
        self.refused_ms: tuple[float, float] | None = None

    @property
    def left_ms(self) -> float:
        """Milliseconds until then, below 0 afterwards."""
        return (self._end_s - self.pace.now()) * 1e3

    def affords(self, windows: int, looks: int, *, first: bool) -> bool:
        """Whether a round would end in time. An expression's first step is worth more risk than
        the later ones: without it there is no answer at all."""
        if self.limit_ms is None:
            return True
        needed_ms, left_ms = self.pace.expect_ms(windows, looks, cautious=not first), self.left_ms
        if needed_ms <= left_ms:
            return True
        self.refused_ms = needed_ms, max(left_ms, 0.0)
        return False

    def why_no_step(self) -> str:
        """Why it left no time for a first step, as the rest of a sentence."""
        if self.refused_ms is None:
            return "other calls had the networks until then"
        needed_ms, left_ms = self.refused_ms
        if needed_ms == 0.0:  # nothing is known of steps, but the time was over
            return "it was over before one could begin"
        return f"{left_ms:.3g} ms were left, and one is expected to take {needed_ms:.3g} ms"


class StageTimer:
    """Adds up milliseconds by stage from ``start`` to ``drain``; ``runs`` counts for ever.

    The stages are ``crop`` and one for each of ``networks``.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._stages = ("crop", *networks)
        self.runs: Counter[str] = Counter(dict.fromkeys(self._stages, 0))
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
        self._spent = dict.fromkeys(self._stages, 0.0)

    def drain(self) -> dict[str, float]:
        """``total``, the stages, and ``host`` (what is left) since the start or the last drain."""
        now = time.perf_counter()
        total, spent = (now - self._begin) * 1e3, self._spent
        self.start(now)
        return {"total": total, **spent, "host": total - sum(spent.values())}
