"""Streams as Rerun shows them: an ``.rrd`` file of images, boxes and scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdk.errors import InputError
from sdk.extras import extras_named
from sdk.video.outputs.files import claim
from sdk.video.outputs.viewers import KINDS, jpeg, marks
from sdk.video.stream import StreamFrame

CAMERA, SCORES = "camera", "scores"
FRAMES, TIME = "frame", "time"  # the timelines
_MAX_TIME_S = 9.2e9  # nanoseconds in 63 bits


class RerunLog:
    """A file with an image, its boxes by kind, and a score for each expression, for each frame.

    Its timelines are ``frame``, the number of the frame, and ``time``, the source's clock as Unix
    time. What was written before stays readable when the process is killed. Rerun tells only on
    stderr when the disk is full.

    Raises:
        InputError: the file cannot be written.
        MissingRuntimeError: rerun-sdk is not installed.
    """

    def __init__(self, path: Path) -> None:
        with extras_named():
            import rerun
            import rerun.blueprint as layout
        claim(path, (".rrd",))
        self._rerun = rerun
        self._log = rerun.RecordingStream("piza-edge")
        self._log.set_log_time_enabled(False)  # when it was written says nothing
        self._log.set_log_tick_enabled(False)
        views = (layout.Spatial2DView(origin=CAMERA), layout.TimeSeriesView(origin=SCORES))
        shown = layout.Horizontal(*views, column_shares=[3, 1])
        self._log.save(path, default_blueprint=layout.Blueprint(shown, collapse_panels=True))

    def write(self, frame: StreamFrame) -> None:
        """Appends a frame and its answers; InputError for a time that Rerun has no number for."""
        if not abs(frame.time_s) <= _MAX_TIME_S:
            raise InputError(
                f"expected times within 9.2e9 seconds of 1970 for Rerun, found"
                f" {frame.time_s} on frame {frame.index}"
            )
        rr, log = self._rerun, self._log
        log.set_time(FRAMES, sequence=frame.index)
        log.set_time(TIME, timestamp=frame.time_s)
        log.log(CAMERA, rr.EncodedImage(contents=jpeg(frame), media_type="image/jpeg"))
        drawn = marks(frame)
        for kind in KINDS:  # also where there are none, or those of the frame before would stay
            some = [mark for mark in drawn if mark.kind == kind]
            boxes = rr.Boxes2D(
                array=np.array([mark.xyxy for mark in some], np.float32).reshape(-1, 4),
                array_format=rr.Box2DFormat.XYXY,
                labels=[mark.label for mark in some],
                colors=[mark.rgb for mark in some],
            )
            log.log(f"{CAMERA}/{kind}", boxes)
        for answer in frame.answers:
            log.log(rr.new_entity_path([SCORES, answer.ref]), rr.Scalars(answer.score))

    def close(self) -> None:
        """Finishes the file."""
        self._log.flush()
        self._log.disconnect()
