"""Fresh processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.coldstart import ColdStart, cold_starts, summarise
from sdk.errors import EngineError


def start(ms: float, peak_mb: float | None) -> ColdStart:
    return ColdStart(ms, 2 * ms, 3 * ms, 10 * ms, peak_mb, peak_mb, peak_mb, False)


def test_a_fresh_process_answers_without_torch(engine: Path) -> None:
    frame = np.zeros((108, 192, 3), np.uint8)
    (begun,) = cold_starts(engine, frame, ["the red car", "the bus"], 1)
    assert not begun.torch
    assert begun.process_ms > begun.import_ms + begun.load_ms + begun.first_ms > 0
    assert begun.rss_mb is not None
    assert 20 < begun.rss_mb <= begun.peak_mb <= begun.list_peak_mb < 1000


def test_medians_of_times_most_of_memory() -> None:
    figures = summarise([start(1.0, 100.0), start(5.0, 90.0), start(2.0, 95.0)])
    assert (figures["n"], figures["import_ms"], figures["process_ms"]) == (3, 2.0, 20.0)
    assert figures["load_to_answer_ms"] == 10.0
    assert figures["peak_mb"] == 100.0
    assert len(figures["starts"]) == 3


def test_a_system_that_does_not_tell_memory() -> None:
    assert summarise([start(1.0, None)])["peak_mb"] is None


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    frame = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(EngineError, match="expected an engine folder"):
        cold_starts(tmp_path / "none", frame, ["a"], 1)
