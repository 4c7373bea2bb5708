"""Streams: expressions answered frame by frame, on files, cameras, bags and arrays."""

from __future__ import annotations

from sdk.video.stream import Stream, StreamFrame, StreamStats

__all__ = ["Stream", "StreamFrame", "StreamStats"]
