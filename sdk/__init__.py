"""The vehicle side: find the object that a sentence names, in one camera frame.

from sdk import Grounder

grounder = Grounder("build/piza-tiny.engine")
answer = grounder.locate(frame, "the white van left of the bus")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdk.detector import Detector
    from sdk.errors import (
        CheckpointError,
        EngineError,
        InputError,
        MissingRuntimeError,
        PizaError,
    )
    from sdk.grounder import Grounder
    from sdk.nv12 import Nv12
    from sdk.results.detections import Detections
    from sdk.results.grounding import Candidates, Grounding, Rival, Zoom
    from sdk.tracking.motion import TrackPolicy
    from sdk.tracking.tracker import Tracker
    from sdk.video import Stream, StreamFrame, StreamStats
    from sdk.zoom.state import Start

_HOMES = {
    "Grounder": "sdk.grounder",
    "Detector": "sdk.detector",
    "Detections": "sdk.results.detections",
    "Grounding": "sdk.results.grounding",
    "Zoom": "sdk.results.grounding",
    "Rival": "sdk.results.grounding",
    "Candidates": "sdk.results.grounding",
    "Start": "sdk.zoom.state",
    "Nv12": "sdk.nv12",
    "Tracker": "sdk.tracking.tracker",
    "TrackPolicy": "sdk.tracking.motion",
    "Stream": "sdk.video",
    "StreamFrame": "sdk.video",
    "StreamStats": "sdk.video",
    "PizaError": "sdk.errors",
    "InputError": "sdk.errors",
    "EngineError": "sdk.errors",
    "CheckpointError": "sdk.errors",
    "MissingRuntimeError": "sdk.errors",
}

__all__ = [
    "Grounder",
    "Detector",
    "Grounding",
    "Detections",
    "Zoom",
    "Rival",
    "Candidates",
    "Start",
    "Nv12",
    "Tracker",
    "TrackPolicy",
    "Stream",
    "StreamFrame",
    "StreamStats",
    "PizaError",
    "InputError",
    "EngineError",
    "CheckpointError",
    "MissingRuntimeError",
]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, so that ``import sdk`` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sdk' has no attribute {name!r}")
    import importlib

    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
