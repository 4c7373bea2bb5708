"""One thread or all of them: chosen by what either has cost lately.

Work that is cut into equal shares is as slow as its slowest share. On idle cores that is what one
wants; where other programs have the cores, a share waits for its turn, and one thread alone is
several times faster. Which holds is not asked of the machine but learnt from the times of the work
itself, as deadlines learn what steps cost (``sdk.timing``).

The choice that was worse is tried again now and then, for the machine may have changed. What such
trials cost is bounded: they are paid from a share of the time that the work takes anyway. Calls of
a hundred are told by their slowest, so that the share is less while all threads cost less than one
alone ever did: then nothing says that the machine has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_GAIN = 1 / 8  # of the average of what a choice costs, as in RFC 6298
_SHARE = 0.03  # of the time, to be spent on trials (our choice)
_LEAST_SHARE = 0.002  # while all threads beat the best of one: trials in half a per cent of calls
_SAVED, _OWED = 20.0, 200.0  # calls whose worth may be saved for trials, or owed (our choice)
_SURE = 0.97  # a change is to gain so much at least (our choice)
_LONGEST = 4.0  # times the better average: what one call of a favourite may count for (our choice)
_PROBATION = 8  # calls after a change that are paid for like trials (our choice)
_SUSPECT = 1.3  # times its least: what a choice may cost before another is wanted (our choice)


class _Cost:
    """Average and least of what one choice costs, a call."""

    def __init__(self) -> None:
        self.calls, self.mean, self.least = 0, 0.0, 0.0

    def learn(self, cost: float, *, tried: bool) -> None:
        self.calls += 1
        self.least = cost if self.calls == 1 else min(cost, self.least)
        if self.calls <= 2:  # the first call of anything is slow
            self.mean = self.least
        elif tried and cost < self.mean:  # the time that it stands for may be over
            self.mean += (cost - self.mean) / 2
        else:
            self.mean += (cost - self.mean) * _GAIN


class ThreadChoice:
    """How many threads the next call takes: 1, or ``most``.

    Costs are those of calls of one size; where sizes differ, of a unit of work. Over many calls the
    time is within a few per cent of what the better choice would take. Calls of several threads at
    once may lose a cost, no more.

    Args:
        most: threads at most.
        eager: tries both from the start. Otherwise one thread is tried when all of them begin to
            cost more than they did at best: where a first trial is dear.
        now: seconds.
    """

    def __init__(
        self, most: int, *, eager: bool = True, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.most, self._eager, self._now = most, eager, now
        self._costs = {most: _Cost(), 1: _Cost()}
        self._favourite = most
        self._since = 0  # calls since it is the favourite
        self._credit = 0.0  # cost that trials may have

    @contextmanager
    def timed(self, work: float = 1.0) -> Iterator[int]:
        """The threads for the body of a ``with`` statement, which does so many units of work."""
        threads = self.threads()
        begin = self._now()
        yield threads
        self.learn(threads, (self._now() - begin) / work)

    def threads(self) -> int:
        """For the next call."""
        favourite, other = self._favourite, self._other()
        known = self._costs[favourite]
        if favourite == other or known.calls < 2:
            return favourite
        tried = self._costs[other]
        if tried.calls < 2:
            return other if self._eager or known.mean > _SUSPECT * known.least else favourite
        gap = max(tried.mean - known.mean, (1 - _SURE) * known.mean)
        return other if self._credit >= gap else favourite

    def learn(self, threads: int, cost: float) -> None:
        """A call with that many of ``threads()`` cost so much."""
        favourite, other = self._favourite, self._other()
        if favourite == other:
            return
        known, rest = self._costs[favourite], self._costs[other]
        if rest.calls > 1 and threads == favourite:
            cost = min(cost, _LONGEST * min(known.mean, rest.mean))
        self._costs[threads].learn(cost, tried=threads != favourite)
        if rest.calls < 2:
            return
        if threads == favourite:
            self._since += 1
            content = favourite == self.most and known.mean < rest.least
            self._save((_LEAST_SHARE if content else _SHARE) * cost)
            if self._since <= _PROBATION:
                self._save(min(rest.mean - cost, 0.0))
        else:
            self._save(min(known.mean - cost, 0.0) - (1 - _SURE) * known.mean)
        if rest.mean < _SURE * known.mean:
            self._favourite, self._since = other, 0

    def _save(self, amount: float) -> None:
        call = self._costs[self._favourite].mean
        self._credit = max(-_OWED * call, min(self._credit + amount, _SAVED * call))

    def _other(self) -> int:
        return 1 if self._favourite == self.most else self.most
