"""What a command has cost: seconds and memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def measured() -> Iterator[None]:
    """Prints the seconds that what is done within took, and the most memory the process has held.

    Also a decorator. Nothing is printed after an exception.
    """
    start = time.perf_counter()
    yield
    print(f"took      {time.perf_counter() - start:.1f} s{_peak_memory()}")


def _peak_memory() -> str:
    if sys.platform == "win32":  # which counts it in another way
        return ""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return f", peak memory {peak / 2**30:.2f} GiB"
