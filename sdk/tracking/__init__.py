"""Expressions over the frames of a video."""

from __future__ import annotations

from sdk.tracking.motion import Track, TrackPolicy
from sdk.tracking.tracker import Tracker

__all__ = ["Track", "TrackPolicy", "Tracker"]
