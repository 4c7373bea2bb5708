"""How far a long loop has got: a bar on a terminal; elsewhere, as under nohup, lines."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

LINE_EVERY_S = 30.0


class Progress:
    """Told of each step; writes to stderr.

    Args:
        what: what goes on.
        total: steps in all; ``done`` of them are behind already. None: nobody knows.
        hidden: write nothing, as all processes of a run but one.
    """

    def __init__(self, what: str, total: int | None, done: int = 0, hidden: bool = False) -> None:
        self._what, self._total, self._done = what, total, done
        self._lines = not hidden and not sys.stderr.isatty()
        self._bar = tqdm(
            desc=what, total=total, initial=done, unit="step", disable=hidden or self._lines
        )
        self._began, self._first = time.monotonic(), done
        self._written = self._began

    def __enter__(self) -> Progress:
        if self._lines:
            left = None if self._total is None else self._total - self._done
            self._write(f"from step {self._done} on" if left is None else f"{left} steps to go")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        if self._lines and self._done > self._first:
            self._write(self._pace())

    def step(self, note: str = "") -> None:
        """One more is done; ``note`` is shown beside it."""
        self._done += 1
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update()
        if self._lines and time.monotonic() - self._written >= LINE_EVERY_S:
            self._write(self._pace(), note)

    def _pace(self) -> str:
        took = (time.monotonic() - self._began) / (self._done - self._first)
        of_all = "" if self._total is None else f" of {self._total}"
        return f"step {self._done}{of_all}, {took:.3g} s a step"

    def _write(self, *parts: str) -> None:
        self._written = time.monotonic()
        print(f"{self._what}: {', '.join(filter(None, parts))}", file=sys.stderr, flush=True)
