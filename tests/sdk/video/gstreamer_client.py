"""Streams of GStreamer pipelines, on Debian's OpenCV: run by the system's Python.

It needs the packages python3-opencv (whose OpenCV has GStreamer; that of PyPI has not) and
gstreamer1.0-libav, and a Python of the version that cpp_ext was built for; its exit status is 77
without them. Of each pipeline it answers as many frames as it is told, and prints of each one its
index, its type, and the number and the mark that the crop kernel sees in it; at the end the counts
of the stream, or the error that it ended with.
"""

import importlib.util
import json
import sys
from dataclasses import asdict


def load_kernel(path):
    """The compiled part of cpp_ext, which lies beside other packages than the system's."""
    spec = importlib.util.spec_from_file_location("cpp_ext._core", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["cpp_ext._core"] = module


kernel, frames, timeout_s, *pipelines = sys.argv[1:]
try:
    import cv2

    load_kernel(kernel)
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        raise ImportError("OpenCV was built without GStreamer")
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(77)

from sdk.errors import InputError  # noqa: E402
from sdk.preprocess import network_input  # noqa: E402
from sdk.video import stream as stream_module  # noqa: E402
from sdk.video.sources.opening import as_source  # noqa: E402

stream_module.BACKOFF_S = (0.05, 0.1)


class Kernel:
    """Stands in for the tracker: crops the two halves of each frame, and finds no object."""

    def update(self, frame, time_s, *, deadline_ms=None):
        height, width = frame.shape[:2]
        half, edge = width // 2, width // 8
        windows = [[0, 0, half - edge, height], [half + edge, 0, width, height]]
        halves = network_input(frame, windows, (24, 24), (0.0,) * 3, (1.0,) * 3)
        greys = halves[:, :, 12, 12].mean(axis=1)
        self.shown = [round((float(grey) - 5) / 10) for grey in greys]
        return []

    def set_refs(self, refs):
        """There are none."""


def show(pipeline, most, patience_s):
    """Prints what comes of a pipeline, a line of JSON for each frame and one at the end."""
    tracker, source = Kernel(), as_source(pipeline, timeout_s=patience_s)
    options = {"timeout_s": patience_s, "reconnects": 20}
    with stream_module.Stream(tracker, source, "all", **options) as stream:
        try:
            for frame in stream:
                kind = type(frame.image).__name__
                print(json.dumps([frame.index, kind, *tracker.shown]), flush=True)
                if frame.index + 1 >= most:
                    break
        except InputError as error:
            print(json.dumps(str(error)), flush=True)
            return
    print(json.dumps(asdict(stream.stats)), flush=True)


for each in pipelines:
    show(each, int(frames), float(timeout_s))
