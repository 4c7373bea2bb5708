"""A grounder in a process of its own: how long until its first answer, how much memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.errors import EngineError


@dataclass(frozen=True)
class ColdStart:
    """One start. Milliseconds: ``import_ms`` of ``from sdk import Grounder``, ``load_ms`` of
    opening the engine, ``first_ms`` of the first search; ``process_ms`` from the start of the
    process to that answer, as another process sees it.

    Megabytes (10^6): ``rss_mb`` resident after single searches, ``peak_mb`` the most until then,
    ``list_peak_mb`` the most after a list of expressions as well; None where the system does not
    tell. ``torch``: whether PyTorch was loaded.
    """

    import_ms: float
    load_ms: float
    first_ms: float
    process_ms: float
    rss_mb: float | None
    peak_mb: float | None
    list_peak_mb: float | None
    torch: bool


def cold_starts(
    engine: Path,
    frame: NDArray[np.uint8],
    refs: Sequence[str],
    times: int,
    *,
    threads: int | None = None,
    allow_unproven: bool = False,
) -> list[ColdStart]:
    """Start so many fresh processes, one after the other (the files are in the system's cache).

    Args:
        engine: the engine folder.
        frame: what is searched, handed over as an array: decoding it is not in the figures.
        refs: asked one by one, then as one list; at least one.
        times: how many processes.
        threads: CPU threads.
        allow_unproven: accept an engine without a certificate.

    Raises:
        EngineError: a process failed; the message is its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "frame.npy"
        np.save(picture, frame)
        order = {
            "engine": str(engine),
            "frame": str(picture),
            "refs": list(refs),
            "threads": threads,
            "allow_unproven": allow_unproven,
        }
        return [_start(json.dumps(order)) for _ in range(times)]


def summarise(starts: Sequence[ColdStart]) -> dict[str, Any]:
    """Medians of the times, the most of the memory, and every start; at least one."""
    medians = {
        name: float(np.median([getattr(each, name) for each in starts]))
        for name in ("import_ms", "load_ms", "first_ms", "process_ms")
    }
    memory = {
        name: max(
            (size for each in starts if (size := getattr(each, name)) is not None), default=None
        )
        for name in ("rss_mb", "peak_mb", "list_peak_mb")
    }
    return {
        "n": len(starts),
        **medians,
        "load_to_answer_ms": float(np.median([each.load_ms + each.first_ms for each in starts])),
        **memory,
        "torch": any(each.torch for each in starts),
        "starts": [vars(each) for each in starts],
    }


def _start(order: str) -> ColdStart:
    begin = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-m", "benchmarks.one_start", order],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it writes a line when it has its first answer
        process_ms = (time.perf_counter() - begin) * 1e3
        figures, errors = process.communicate()
    if process.returncode != 0:
        said = errors.strip().splitlines()[-1:] or ["no message"]
        raise EngineError(f"a fresh process failed with {process.returncode}: {said[0]}")
    return ColdStart(process_ms=process_ms, **json.loads(figures))
