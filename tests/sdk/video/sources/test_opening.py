"""Which source a name means; files, folders and cameras as sources."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdk.errors import InputError
from sdk.frame import write_image
from sdk.video.sources.arrays import Arrays
from sdk.video.sources.captures import Camera, NetworkStream, VideoFile
from sdk.video.sources.images import ImageFiles
from sdk.video.sources.opening import as_source, is_live
from sdk.video.stream import StreamStats

from ..conftest import number_of, numbered


@pytest.fixture
def folder(tmp_path):
    """Twelve numbered images and a text file."""
    place = tmp_path / "images"
    place.mkdir()
    for number in range(12):
        write_image(place / f"frame_{number}.png", numbered(number))
    (place / "readme.txt").write_text("no image")
    return place


def test_names(make_video, folder, monkeypatch):
    assert isinstance(as_source(0), Camera)
    assert as_source("/dev/video3").name == "camera 3"
    assert isinstance(as_source("rtsp://camera.local/stream"), NetworkStream)
    assert isinstance(as_source(make_video()), VideoFile)
    assert isinstance(as_source(folder), ImageFiles)
    assert as_source(str(folder / "frame_1?.png")).length == 2
    assert as_source(folder / "frame_3.png").length == 1  # not the sequence that OpenCV sees
    assert isinstance(as_source([numbered(0)]), Arrays)
    assert isinstance(as_source(np.zeros((2, 4, 4, 3), np.uint8)), Arrays)
    assert isinstance(as_source(iter(())), Arrays)
    monkeypatch.setattr(cv2.videoio_registry, "hasBackend", lambda backend: True)
    assert isinstance(as_source("v4l2src ! videoconvert ! appsink"), NetworkStream)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("absent.mp4", "found no absent.mp4"),
        (Path("absent"), "found no absent"),
        ("", "name of a source"),
        ("a\0b", "name of a source"),
        ("*.nothing", "found none"),
        (-1, "at least 0"),
        (True, "got bool"),
        (None, "got NoneType"),
        (2.5, "got float"),
        (b"in.mp4", "got bytes"),
        ({}, "got dict"),
        (np.zeros((4, 4, 3), np.uint8), "Grounder.locate takes a single frame"),
    ],
)
def test_what_is_no_source(named, message):
    with pytest.raises(InputError, match=message):
        as_source(named)


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="expected images"):
        as_source(tmp_path)


@pytest.mark.skipif(
    cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER), reason="OpenCV has GStreamer"
)
def test_a_pipeline_without_gstreamer():
    with pytest.raises(InputError, match="GStreamer"):
        as_source("videotestsrc ! appsink")


def test_a_topic_is_for_bags(make_video):
    with pytest.raises(InputError, match="only an MCAP file has topics"):
        as_source(make_video(), topic="/camera")


def test_live(make_video):
    assert is_live(0)
    assert is_live("rtsp://a/b")
    assert is_live("/dev/video0")
    assert is_live("v4l2src ! appsink")
    assert not is_live(str(make_video()))


@pytest.mark.parametrize("name", ["in.avi", "in.mp4", "in.mkv"])
def test_a_video_file(stream_of, make_video, name):
    stream = stream_of(as_source(make_video(8, name, fps=10.0)))
    answered = list(stream)
    assert [number_of(frame.image) for frame in answered] == list(range(8))
    assert [frame.time_s for frame in answered] == pytest.approx([n / 10 for n in range(8)])
    assert stream.stats == StreamStats(read=8, answered=8)
    assert stream.fps == pytest.approx(10.0)
    assert stream.length == 8


def test_a_video_file_in_rgb(stream_of, tmp_path, recorder):
    write_image(tmp_path / "blue.png", np.full((4, 4, 3), (255, 0, 0), np.uint8))
    (frame,) = stream_of(as_source(tmp_path), color="rgb")
    assert frame.image[0, 0].tolist() == [0, 0, 255]
    assert recorder.frames[0] is frame.image


def test_latest_plays_a_file_at_its_own_speed(stream_of, make_video):
    began = time.monotonic()
    stream = stream_of(as_source(make_video(6, fps=20.0)), "latest")
    answered = list(stream)
    assert time.monotonic() - began >= 5 / 20
    assert len(answered) == stream.stats.answered
    assert all(frame.age_ms < 5000 for frame in answered)
    assert stream.stats.read == 6


def test_a_truncated_video_gives_what_it_has(stream_of, make_video):
    path = make_video(20, wh=(320, 240))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    stream = stream_of(as_source(path))
    with pytest.warns(UserWarning, match="says that it has 20 frames"):
        answered = list(stream)
    assert 5 <= len(answered) < 20
    assert [number_of(frame.image) for frame in answered][:5] == list(range(5))


def test_a_damaged_frame_in_a_video(stream_of, make_video):
    path = make_video(12, wh=(320, 240))
    data = bytearray(path.read_bytes())
    frames = [at for at in range(len(data)) if data[at : at + 4] == b"00dc"]
    at = frames[5] + 8
    data[at : at + 400] = bytes(400)  # the header of one JPEG
    path.write_bytes(data)
    stream = stream_of(as_source(path))
    answered = list(stream)
    assert len(answered) == 11
    assert all(number_of(frame.image) == frame.index for frame in answered)
    assert stream.stats == StreamStats(read=11, answered=11, unreadable=1)


@pytest.mark.parametrize("content", [b"", b"not a video", b"\x00\x00\x00\x18ftypmp42" + bytes(50)])
def test_what_is_no_video(stream_of, tmp_path, content):
    path = tmp_path / "in.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot open"):
        list(stream_of(as_source(path)))


def test_an_mp4_without_its_index(stream_of, make_video):
    path = make_video(8, "in.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cannot open"):
        list(stream_of(as_source(path)))


def test_a_folder_in_its_natural_order(stream_of, folder):
    answered = list(stream_of(as_source(folder)))
    assert [number_of(frame.image) for frame in answered] == list(range(12))
    assert answered[1].time_s - answered[0].time_s == pytest.approx(0.1)


def test_damaged_images_in_a_folder(stream_of, folder):
    path = folder / "frame_4.png"
    path.write_bytes(path.read_bytes()[:-20])
    (folder / "frame_5.png").write_bytes(b"")
    write_image(folder / "frame_6.png", numbered(6, (20, 30)))
    stream = stream_of(as_source(folder))
    answered = list(stream)
    assert [frame.index for frame in answered] == [0, 1, 2, 3, *range(6, 12)]
    assert answered[4].image.shape == (30, 20, 3)
    assert stream.stats.unreadable == 2


def test_a_camera_that_is_not_there(stream_of):
    with pytest.raises(InputError, match="cannot open camera 97"):
        list(stream_of(as_source(97)))


def test_an_address_that_does_not_answer(stream_of):
    source = as_source("rtsp://127.0.0.1:9/nothing", timeout_s=2.0)
    with pytest.raises(InputError, match="cannot open rtsp"):
        list(stream_of(source, timeout_s=10.0))


class FakeCapture:
    """Stands in for ``cv2.VideoCapture`` on a camera; ``plan`` has a list for each opening."""

    plan: list
    opened = 0
    released = 0

    def __init__(self, *_):
        cls = type(self)
        self._frames = iter(cls.plan[min(cls.opened, len(cls.plan) - 1)])
        cls.opened += 1

    def isOpened(self):  # noqa: N802
        return True

    def getBackendName(self):  # noqa: N802
        return "V4L2"

    def set(self, *_):
        return True

    def get(self, what):
        return 30.0 if what == cv2.CAP_PROP_FPS else -1.0

    def grab(self):
        self._frame = next(self._frames, None)
        return self._frame is not None

    def retrieve(self):
        return (True, self._frame) if isinstance(self._frame, np.ndarray) else (False, None)

    def release(self):
        type(self).released += 1


@pytest.mark.parametrize("named", [0, "rtsp://camera"])
def test_a_camera_that_comes_back(stream_of, monkeypatch, named):
    from sdk.video import stream as stream_module

    class Capture(FakeCapture):
        plan = ([numbered(0), "damaged"], [numbered(1)], [])

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    monkeypatch.setattr(stream_module, "BACKOFF_S", (0.01,))
    stream = stream_of(as_source(named), reconnects=1)
    answered = [next(stream), next(stream)]
    with pytest.raises(InputError, match="lost after 1 attempts"):
        next(stream)
    assert [(frame.index, number_of(frame.image)) for frame in answered] == [(0, 0), (2, 1)]
    assert stream.stats == StreamStats(read=2, answered=2, unreadable=1, reconnects=2)
    assert stream.fps == 30.0
    assert Capture.opened == Capture.released == 3
    assert abs(answered[0].time_s - time.time()) < 60
