"""What each benchmark's JSON becomes in the report: one function a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.report import quality, speed
from benchmarks.report.document import Section

_SECTIONS = {
    "latency": speed.latency,
    "accuracy": quality.accuracy,
    "peers": quality.peers,
    "engines": speed.engines,
    "scaling": speed.scaling,
    "refs": speed.refs,
    "deadline": speed.deadline,
    "calibration": quality.calibration,
    "video": quality.video,
    "kernel": speed.kernel,
}


def section(name: str, figures: Mapping[str, Any], command: str) -> Section:
    """The section of one of ``benchmarks.report.parts.PARTS``."""
    return _SECTIONS[name](name, figures, command)
