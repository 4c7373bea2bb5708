"""One cold start: imports, opens an engine, answers. ``benchmarks.coldstart`` runs it.

It imports nothing but what it measures; its only argument is a JSON object (see there).
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

_KIB_IN_MB = 1024 / 1e6  # the kB of /proc are 1024 bytes


def main(order: dict[str, Any]) -> None:
    """Print a line after the first answer, then the figures."""
    begin = time.perf_counter()
    from sdk import Grounder

    imported = time.perf_counter()
    import numpy

    frame = numpy.load(order["frame"])
    refs = order["refs"]
    opening = time.perf_counter()
    with Grounder(
        order["engine"], threads=order["threads"], allow_unproven=order["allow_unproven"]
    ) as grounder:
        loaded = time.perf_counter()
        grounder.locate(frame, refs[0])
        answered = time.perf_counter()
        print("answered", flush=True)
        for ref in refs:
            grounder.locate(frame, ref)
        rss_mb, peak_mb = _memory_mb("VmRSS"), _memory_mb("VmHWM")
        grounder.locate(frame, refs)
        figures = {
            "import_ms": (imported - begin) * 1e3,
            "load_ms": (loaded - opening) * 1e3,
            "first_ms": (answered - loaded) * 1e3,
            "rss_mb": rss_mb,
            "peak_mb": peak_mb,
            "list_peak_mb": _memory_mb("VmHWM"),
            "torch": "torch" in sys.modules,
        }
    print(json.dumps(figures))


def _memory_mb(key: str) -> float | None:
    """A line of /proc/self/status (proc_pid_status(5)); None on systems that have none.

    Not ``getrusage``: on Linux its maximum includes the process that started this one.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as lines:
            found = next((line.split()[1] for line in lines if line.startswith(key + ":")), None)
    except OSError:
        return None
    return None if found is None else round(int(found) * _KIB_IN_MB, 1)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
