"""What films say about themselves, and what is damaged inside them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdk.errors import InputError
from sdk.frame import write_image
from sdk.video.containers import codec_id, counts_frames, missing_bytes
from sdk.video.outputs.movie import MovieWriter
from sdk.video.sources.opening import as_source
from sdk.video.stream import StreamStats

from .conftest import number_of, numbered

DURATION = 0x4489  # the Matroska element that holds the duration


def jpeg_hole(film: bytes, number: int) -> bytes:
    """A film of JPEGs, one of them with zeros in the middle of its data."""
    starts = [at for at in range(len(film)) if film[at : at + 3] == b"\xff\xd8\xff"]
    at = (starts[number] + starts[number + 1]) // 2
    return film[:at] + bytes(400) + film[at + 400 :]


@pytest.fixture
def noisy_film(tmp_path):
    """``noisy_film(name)``: eight frames of Motion JPEG, each of some 10 kB."""

    def make(name):
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (160, 120))
        rng = np.random.default_rng(0)
        for _ in range(8):
            writer.write(rng.integers(0, 256, (120, 160, 3), np.uint8))
        writer.release()
        return path

    return make


@pytest.mark.parametrize("name", ["in.avi", "in.mkv", "in.mov"])
def test_a_hole_in_motion_jpeg(stream_of, noisy_film, name):
    path = noisy_film(name)
    path.write_bytes(jpeg_hole(path.read_bytes(), 3))
    stream = stream_of(as_source(path))
    assert [frame.index for frame in stream] == [0, 1, 2, 4, 5, 6, 7]
    assert stream.stats == StreamStats(read=7, answered=7, unreadable=1)


def test_motion_jpeg_is_what_it_was(stream_of, noisy_film, frames_in):
    """Decoded by ourselves or by FFmpeg: the same pictures but for rounding and chroma."""
    path = noisy_film("in.avi")
    for frame, theirs in zip(stream_of(as_source(path)), frames_in(path), strict=True):
        assert frame.image.shape == (120, 160, 3)
        assert np.abs(frame.image.mean((0, 1)) - theirs.mean((0, 1))).max() < 2


def test_interlaced_motion_jpeg(monkeypatch, stream_of):
    """Each packet of such a film is two JPEGs of half the height."""
    field = cv2.imencode(".jpg", numbered(7, (64, 24)))[1]

    class Capture:
        def __init__(self, *_):
            self.left = 3

        def isOpened(self):  # noqa: N802
            return True

        def getBackendName(self):  # noqa: N802
            return "FFMPEG"

        def get(self, what):
            known = {
                cv2.CAP_PROP_FOURCC: 0x47504A4D,
                cv2.CAP_PROP_FRAME_WIDTH: 64,
                cv2.CAP_PROP_FRAME_HEIGHT: 48,
            }
            return float(known.get(what, 0))

        def set(self, *_):
            return True

        def grab(self):
            self.left -= 1
            return self.left >= 0

        def retrieve(self):
            return True, np.concatenate([field, field]).reshape(1, -1)

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    stream = stream_of(as_source("http://x/y"))
    answered = [next(stream) for _ in range(3)]
    assert [frame.image.shape for frame in answered] == [(48, 64, 3)] * 3
    assert number_of(answered[0].image) == 7


def test_holes_in_a_folder(stream_of, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        for suffix in ("jpg", "png"):
            path = tmp_path / f"{number}.{suffix}"
            write_image(path, rng.integers(0, 256, (120, 160, 3), np.uint8))
            if number == 1:
                data = path.read_bytes()
                at = len(data) // 2
                path.write_bytes(data[:at] + bytes(200) + data[at + 200 :])
    stream = stream_of(as_source(tmp_path))
    assert len(list(stream)) == 4
    assert stream.stats.unreadable == 2


@pytest.fixture
def slow_film(tmp_path):
    """``slow_film(fast, slow)``: 16 frames at 20 a second, played at 20, then at 4 a second.

    OpenCV writes constant rates only: the Matroska file's block times are set by hand.
    """

    def make(fast=8, slow=8):
        path = tmp_path / "variable.mkv"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
        for number in range(fast + slow):
            writer.write(numbered(number))
        writer.release()
        data = bytearray(path.read_bytes())
        for number in range(fast, fast + slow):
            then_ms = 50 * fast + 250 * (number - fast)
            _set_block_time(data, number, then_ms)
        _set_duration(data, 50 * fast + 250 * slow)
        path.write_bytes(data)
        return path

    return make


def _set_block_time(data: bytearray, number: int, time_ms: int) -> None:
    """A simple block is: A3, its size, the track, its time of two bytes, flags, then the JPEG."""
    at = -1
    for _ in range(number + 1):
        at = data.index(b"\xff\xd8\xff", at + 1)
    assert data[at - 4] == 0x81, "expected track 1"
    data[at - 3 : at - 1] = time_ms.to_bytes(2, "big")


def _set_duration(data: bytearray, time_ms: float) -> None:
    at = data.index(DURATION.to_bytes(2, "big") + b"\x88")
    data[at + 3 : at + 11] = np.array(time_ms, ">f8").tobytes()


def test_an_estimate_is_no_evidence(stream_of, slow_film):
    path = slow_film()
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) > 40  # of 16
    assert not counts_frames(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answered = list(stream_of(as_source(path)))
    times_s = [number * 0.05 for number in range(8)] + [0.4 + k * 0.25 for k in range(8)]
    assert [frame.time_s for frame in answered] == pytest.approx(times_s, abs=0.002)


@pytest.mark.parametrize("policy", ["all", "latest"])
def test_a_saved_film_keeps_its_times(tmp_path, frames_in, slow_film, engine, policy):
    from sdk.__main__ import main

    out, lines = tmp_path / "out.avi", tmp_path / "out.jsonl"
    asked = ["video", str(slow_film(4, 4)), "the red square", "--engine", str(engine)]
    assert main([*asked, "--save", str(out), "--jsonl", str(lines), "--policy", policy]) == 0
    times_s = [json.loads(line)["time_s"] for line in lines.read_text().splitlines()]
    assert policy == "latest" or times_s == pytest.approx(
        [0, 0.05, 0.1, 0.15, 0.2, 0.45, 0.7, 0.95]
    )
    seconds = times_s[-1] - times_s[0]  # "latest" drops frames on a busy machine, also the first
    assert len(frames_in(out)) == pytest.approx(20 * seconds + 1, abs=1)
    assert cv2.VideoCapture(str(out)).get(cv2.CAP_PROP_FPS) == pytest.approx(20)


def test_pictures_that_come_too_fast(tmp_path, frames_in):
    """A source of 100 frames a second that states 10: some are left out, the time stays."""
    film = MovieWriter(tmp_path / "out.avi")
    for number in range(400):
        film.write(numbered(number // 20), number / 100, 10.0)
    film.close()
    shown = [number_of(frame) for frame in frames_in(tmp_path / "out.avi")]
    assert len(shown) == pytest.approx(40, abs=6)
    assert shown == sorted(shown)


def test_a_rate_that_is_a_clock(tmp_path, frames_in):
    film = MovieWriter(tmp_path / "out.avi")
    for number in range(4):
        film.write(numbered(number), number / 10, 1000.0)
    film.close()
    assert len(frames_in(tmp_path / "out.avi")) == 37  # 120 a second


@pytest.mark.parametrize("name", ["in.avi", "in.mkv", "in.mp4", "in.mov"])
def test_containers(make_video, name):
    path = make_video(8, name)
    assert counts_frames(path) == (name != "in.mkv")
    assert missing_bytes(path) == 0
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    assert missing_bytes(path) == 100
    assert codec_id(path) == ("V_MPEG4/ISO/ASP" if name == "in.mkv" else None)


def test_a_fragmented_film_has_no_count(make_video):
    path = make_video(8, "in.mp4")
    data = path.read_bytes()
    at = data.index(b"moov") - 4
    size = int.from_bytes(data[at : at + 4], "big") + 8
    extends = (8).to_bytes(4, "big") + b"mvex"
    path.write_bytes(data[:at] + size.to_bytes(4, "big") + b"moov" + extends + data[at + 8 :])
    assert not counts_frames(path)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\x1a\x45\xdf\xa3", b"\0\0\0\1moov", b"x" * 99])
def test_no_container(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not counts_frames(path) or content.startswith(b"\0")
    assert missing_bytes(path) == 0
    assert codec_id(path) is None


def test_a_truncated_matroska_film(stream_of, noisy_film):
    path = noisy_film("in.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.warns(
        UserWarning,
        match=f"is truncated: it says that it is {len(data) - len(data) // 2} bytes longer",
    ):
        answered = list(stream_of(as_source(path)))
    assert 2 <= len(answered) < 8


@pytest.mark.parametrize(
    ("name", "codec", "other"), [("in.avi", b"MJPG", b"XYZ1"), ("in.mkv", b"V_MJPEG", b"V_DAALA")]
)
def test_a_codec_that_the_decoder_lacks(stream_of, noisy_film, name, codec, other):
    path = noisy_film(name)
    path.write_bytes(path.read_bytes().replace(codec, other))
    with pytest.raises(InputError, match=f"found one of the codec {other.decode()}"):
        list(stream_of(as_source(Path(path))))
