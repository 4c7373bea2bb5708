"""Streams of real servers on this machine: GStreamer's RTSP server and FFmpeg, as Debian has them.

They are skipped where these packages are missing: ffmpeg, python3-gi, gir1.2-gst-rtsp-server-1.0,
gstreamer1.0-plugins-base, -good and -ugly; for pipelines gstreamer1.0-libav and python3-opencv too.

Each frame tells its number (0..24, again and again) in its left half, and in its right half the
mark of the server that sent it, so that order and restarts can be seen in the pixels.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cpp_ext import _core
from sdk.errors import InputError
from sdk.video import stream as stream_module
from sdk.video.sources.opening import as_source
from sdk.video.stream import Stream

from .conftest import number_of

SYSTEM_PYTHON = "/usr/bin/python3"  # has Debian's GStreamer
ROOT = Path(__file__).parents[3]
RTSP_SERVER = Path(__file__).with_name("rtsp_server.py")
GSTREAMER_CLIENT = Path(__file__).with_name("gstreamer_client.py")
PATIENCE_S = 5.0  # where waiting is not what a test is about
SHORT_S = 2.0  # where it is: a busy machine takes some of it to open what answers at once


@pytest.fixture(autouse=True)
def quick_backoff(monkeypatch):
    monkeypatch.setattr(stream_module, "BACKOFF_S", (0.05, 0.1))


class Server:
    """A program that serves one address; it may be killed, started again, held and let go."""

    def __init__(self, command: Callable[..., list[str]], port: int) -> None:
        self._command = command
        self.port, self.process = port, None

    def start(self, mark: int = 0, *more: str) -> None:
        """Starts it, with its mark and more options; one that says that it is ready is waited
        for."""
        command = self._command(self.port, mark, *more)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if command[0] == SYSTEM_PYTHON:
            line = self.process.stdout.readline()
            if not line and self.process.wait(10) == 77:
                pytest.skip("GStreamer's RTSP server is not installed")
            assert line == "ready\n"

    def kill(self) -> None:
        """Ends it without a word to its clients."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process.stdout.close()
            self.process = None

    def restart(self, mark: int, *more: str) -> None:
        self.kill()
        self.start(mark, *more)

    def hold(self) -> None:
        """Lets it hang: its connections stay, and nothing comes."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """``serve(command, port)``: a server that is ended with the test."""
    servers = []

    def make(*arguments) -> Server:
        servers.append(Server(*arguments))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def rtsp(serve, free_port) -> Callable[..., Server]:
    """``rtsp(*options)``: GStreamer's RTSP server; see ``rtsp_server.py``."""
    if not os.access(SYSTEM_PYTHON, os.X_OK):
        pytest.skip(f"there is no {SYSTEM_PYTHON}")

    def make(*options: str) -> Server:
        def command(port: int, mark: int, *more: str) -> list[str]:
            program = [SYSTEM_PYTHON, str(RTSP_SERVER)]
            return [*program, "--port", str(port), "--mark", str(mark), *options, *more]

        return serve(command, free_port())

    return make


@pytest.fixture
def ffmpeg(serve, free_port) -> Callable[..., Server]:
    """``ffmpeg(kind, *target)``: FFmpeg sends its frames, and has begun to listen (TCP) or to send
    (UDP); "{port}" in ``target`` is its port."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("FFmpeg's program is not installed")

    def make(kind: socket.SocketKind, *target: str) -> Server:
        def command(port: int, mark: int) -> list[str]:
            grey = f"5+10*if(lt(X,W/2),mod(N,25),{mark})"
            picture = f"nullsrc=s=64x48:r=100,geq=lum='16+219/255*({grey})':cb=128:cr=128"
            program = ["ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", picture]
            return [*program, *(part.format(port=port) for part in target)]

        server = serve(command, free_port(kind))
        (wait_until_it_listens if kind is socket.SOCK_STREAM else wait_until_it_sends)(server.port)
        return server

    return make


def shown(image: np.ndarray) -> tuple[int, int]:
    """The number and the mark that a frame shows; their border is left out."""
    half, edge = image.shape[1] // 2, image.shape[1] // 8
    return number_of(image[:, : half - edge]), number_of(image[:, half + edge :])


def watch(stream: Stream, server: Server, restarts: int, each: int = 5) -> list[tuple[int, ...]]:
    """Restarts a server so often, always after some frames of it; index, number, mark of all."""
    seen, mark, count = [], 0, 0
    for frame in stream:
        seen.append((frame.index, *shown(frame.image)))
        count += seen[-1][2] == mark
        if count == each and mark == restarts:
            break
        if count == each:
            mark, count = mark + 1, 0
            server.restart(mark)
    stream.close()
    return seen


def wait_until_it_listens(port: int) -> None:
    """Looks into the kernel's table: FFmpeg takes one client, and a knock would be that client."""
    listening = re.compile(rf"^ *\d+: [0-9A-F]+:{port:04X} [0-9A-F:]+ 0A ", re.MULTILINE)
    while not listening.search(Path("/proc/net/tcp").read_text()):
        time.sleep(0.02)


def wait_until_it_sends(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        receiver.settimeout(30)
        receiver.recv(1)


def once_lost(stream: Stream, act: Callable[[], object]) -> threading.Thread:
    """Does something as soon as a stream has noticed that its camera is gone."""

    def wait() -> None:
        while not stream.stats.reconnects:
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def rtsp_url(server: Server, login: str = "", path: str = "live") -> str:
    return f"rtsp://{login}127.0.0.1:{server.port}/{path}"


def test_rtsp_server_restarted_five_times(stream_of, rtsp):
    server = rtsp()
    source = as_source(rtsp_url(server), timeout_s=PATIENCE_S)
    stream = stream_of(source, timeout_s=PATIENCE_S, reconnects=20)
    seen = watch(stream, server, restarts=5)
    assert [index for index, _, _ in seen] == list(range(len(seen)))  # none left out
    assert sorted({mark for _, _, mark in seen}) == list(range(6))
    for (_, number, mark), (_, after, next_mark) in pairwise(seen):
        assert next_mark in (mark, mark + 1)
        assert next_mark != mark or after == (number + 1) % 25  # in order, within a connection
    stats = stream.stats
    assert stats.reconnects >= 5
    assert stats.read == stats.answered + stats.dropped
    assert stats.answered == len(seen)


def test_rtsp_over_udp(stream_of, rtsp, monkeypatch):
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;udp")
    server = rtsp()
    source = as_source(rtsp_url(server), timeout_s=PATIENCE_S)
    stream = stream_of(source, timeout_s=PATIENCE_S, reconnects=20)
    seen = watch(stream, server, restarts=1)
    assert [index for index, _, _ in seen] == list(range(len(seen)))
    assert sorted({mark for *_, mark in seen}) == [0, 1]


def test_the_latest_of_a_restarted_rtsp_server(stream_of, rtsp, recorder):
    server = rtsp()
    source = as_source(rtsp_url(server), timeout_s=PATIENCE_S)
    stream = stream_of(source, "latest", timeout_s=PATIENCE_S, reconnects=20)

    def work() -> None:
        """Lets four frames come meanwhile, unless the server is being started again."""
        until, before = time.monotonic() + 0.5, stream.stats.read
        while stream.stats.read < before + 4 and time.monotonic() < until:
            time.sleep(0.005)

    recorder.work = work
    seen = watch(stream, server, restarts=2)
    indices = [index for index, _, _ in seen]
    assert indices == sorted(set(indices))
    assert [mark for *_, mark in seen] == sorted(mark for *_, mark in seen)
    assert recorder.times_s == sorted(recorder.times_s)
    stats = stream.stats
    assert stats.dropped >= indices[-1] + 1 - len(seen) > 10
    assert stats.read == stats.answered + stats.dropped
    assert stats.reconnects >= 2


def test_an_rtsp_camera_that_hangs_until_it_was_given_up(stream_of, rtsp):
    server = rtsp()
    source = as_source(rtsp_url(server), timeout_s=SHORT_S)
    stream = stream_of(source, timeout_s=SHORT_S, reconnects=20)
    next(stream)
    server.hold()
    helper = once_lost(stream, server.go_on)
    before = 0
    for frame in stream:
        assert frame.index == before + 1
        before = frame.index
        if not helper.is_alive() and before >= 50:
            break
    assert stream.stats.reconnects >= 1


def test_an_rtsp_camera_that_never_comes_back(stream_of, rtsp):
    server = rtsp()
    source = as_source(rtsp_url(server), timeout_s=PATIENCE_S)
    stream = stream_of(source, timeout_s=PATIENCE_S, reconnects=2)
    next(stream)
    server.kill()
    with pytest.raises(InputError, match=r"nobody answers there .* \(lost after 2 attempts"):
        list(stream)
    assert stream.stats.reconnects == 2
    assert stream.stats.read == stream.stats.answered + stream.stats.dropped


@pytest.mark.parametrize("way", [(), ("--basic",)], ids=["digest", "basic"])
def test_passwords_of_an_rtsp_camera(stream_of, rtsp, way):
    server = rtsp("--user", "me", "--password", "not: this", *way)
    url = rtsp_url(server, "me:not%3A%20this@")
    assert shown(next(stream_of(as_source(url, timeout_s=PATIENCE_S))).image)[1] == 0
    for login, why in (
        ("me:NEVER-TOLD@", "does not accept the user and the password"),
        ("", "asks for a user and a password"),
    ):
        with pytest.raises(InputError, match=why) as caught:
            next(stream_of(as_source(rtsp_url(server, login), timeout_s=PATIENCE_S)))
        assert "NEVER-TOLD" not in str(caught.value)


def test_rtsp_without_a_video(stream_of, rtsp):
    server = rtsp("--sound-only")
    for path, why in (("live", "offers audio there, no video"), ("other", "404 Not Found")):
        with pytest.raises(InputError, match=why):
            next(stream_of(as_source(rtsp_url(server, path=path), timeout_s=PATIENCE_S)))


def test_rtsp_that_changes_its_size(stream_of, rtsp):
    """Within a connection OpenCV scales every frame to the first size; the next one has its own."""
    server = rtsp("--sizes", "64x48", "128x64", "--each", "20")
    source = as_source(rtsp_url(server), timeout_s=PATIENCE_S)
    stream = stream_of(source, timeout_s=PATIENCE_S, reconnects=20)
    numbers = []
    for _ in range(40):
        frame = next(stream)
        assert frame.image.shape == (48, 64, 3)
        numbers.append(shown(frame.image)[0])
    assert numbers == [(numbers[0] + k) % 25 for k in range(40)]
    server.restart(1, "--sizes", "96x128")
    while (image := next(stream).image).shape == (48, 64, 3):
        pass
    assert image.shape == (128, 96, 3)
    assert shown(image)[1] == 1


MPEG_TS = ("-c:v", "mpeg2video", "-g", "5", "-bf", "0", "-muxdelay", "0", "-muxpreload", "0")


def test_mpeg_ts_over_udp(stream_of, ffmpeg):
    target = (*MPEG_TS, "-f", "mpegts", "udp://127.0.0.1:{port}?pkt_size=1316")
    server = ffmpeg(socket.SOCK_DGRAM, *target)
    source = as_source(f"udp://127.0.0.1:{server.port}", timeout_s=PATIENCE_S)
    stream = stream_of(source, timeout_s=PATIENCE_S, reconnects=20)
    seen = watch(stream, server, restarts=2)  # UDP knows no connections, and goes on
    assert sorted({mark for *_, mark in seen}) == [0, 1, 2]
    assert [index for index, _, _ in seen] == list(range(len(seen)))
    server.kill()


def test_udp_from_a_sender_that_pauses(stream_of, ffmpeg):
    target = (*MPEG_TS, "-f", "mpegts", "udp://127.0.0.1:{port}?pkt_size=1316")
    server = ffmpeg(socket.SOCK_DGRAM, *target)
    source = as_source(f"udp://127.0.0.1:{server.port}", timeout_s=SHORT_S)
    stream = stream_of(source, timeout_s=SHORT_S, reconnects=20)
    next(stream)
    server.kill()
    helper = once_lost(stream, lambda: server.start(1))
    while shown(next(stream).image)[1] != 1:
        pass
    helper.join(10)
    assert stream.stats.dropped == 0
    stream.close()
    server.kill()
    began = time.monotonic()
    with pytest.raises(InputError, match=r"within 0.3 seconds|cannot open udp"):
        next(stream_of(as_source(f"udp://127.0.0.1:{server.port}", timeout_s=0.3), timeout_s=0.3))
    assert time.monotonic() - began < 20


def test_a_video_that_stops_while_its_sound_goes_on(stream_of, free_port):
    """One transport stream of FFmpeg's: the video of its first two seconds, sound for thirty."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("FFmpeg's program is not installed")
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=50", "-f", "lavfi", "-i", "sine")
    command = ["ffmpeg", "-v", "error", *inputs, "-t", "30", *MPEG_TS, "-c:a", "mp2"]
    done = subprocess.run([*command, "-f", "mpegts", "pipe:1"], capture_output=True, check=True)
    packets = [done.stdout[at : at + 188] for at in range(0, len(done.stdout), 188)]
    over, sent = threading.Event(), []

    def send(to: tuple[str, int]) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number, packet in enumerate(packets):
                video = packet[1] & 0x1F == 1 and packet[2] == 0  # PID 0x100, FFmpeg's first
                if not video or 15 * number < len(packets):
                    sender.sendto(packet, to)
                    sent.append(video)
                if over.wait(30 / len(packets)):
                    return

    to = ("127.0.0.1", free_port(socket.SOCK_DGRAM))
    thread = threading.Thread(target=send, args=(to,))
    thread.start()
    stream = stream_of(as_source(f"udp://{to[0]}:{to[1]}", timeout_s=SHORT_S), reconnects=0)
    next(stream)
    try:
        with pytest.raises(InputError, match=r"gives no more frames"):
            list(stream)
        assert thread.is_alive()
        assert sent[-20:] == [False] * 20
        assert stream.stats.read > 20
    finally:
        over.set()
        thread.join(10)


def test_motion_jpeg_over_http(stream_of, ffmpeg):
    kind = ("-content_type", "multipart/x-mixed-replace;boundary=ffmpeg")
    address = "http://127.0.0.1:{port}/camera.mjpg"
    target = ("-c:v", "mjpeg", "-q:v", "2", "-f", "mpjpeg", "-listen", "1", *kind, address)
    server = ffmpeg(socket.SOCK_STREAM, *target)
    source = as_source(address.format(port=server.port), timeout_s=PATIENCE_S)
    stream = stream_of(source, timeout_s=PATIENCE_S, reconnects=50)
    seen = watch(stream, server, restarts=2)
    assert sorted({mark for *_, mark in seen}) == [0, 1, 2]
    assert [index for index, _, _ in seen] == list(range(len(seen)))
    assert stream.stats.reconnects >= 2
    assert stream.stats.unreadable == 0


@pytest.fixture
def gstreamer(rtsp) -> Iterator[Callable[..., Iterator[Any]]]:
    """``gstreamer(server, frames, *formats)``: what ``gstreamer_client.py`` prints of streams."""
    clients = []

    def run(server: Server, frames: int, *formats: str) -> Iterator[Any]:
        source = f"rtspsrc location={rtsp_url(server)} protocols=tcp latency=0"
        decoder = f"{source} ! rtph264depay ! avdec_h264 ! videoconvert"
        pipelines = [f"{decoder} ! video/x-raw,format={each} ! appsink" for each in formats]
        program = [SYSTEM_PYTHON, str(GSTREAMER_CLIENT), _core.__file__]
        client = subprocess.Popen(
            [*program, str(frames), str(2 * SHORT_S), *pipelines],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        clients.append(client)
        yield from map(json.loads, client.stdout)
        if client.wait(10) == 77:
            pytest.skip("Debian's OpenCV with GStreamer is not installed, or of another Python")

    yield run
    for client in clients:
        client.kill()
        client.wait(10)
        client.stdout.close()


def test_nv12_of_a_gstreamer_pipeline_restarted_five_times(gstreamer, rtsp):
    """Now and then OpenCV's read never returns, and is given up after two seconds."""
    server = rtsp()
    mark, count, seen = 0, 0, []
    for told in gstreamer(server, 10_000, "NV12"):
        seen.append(told)
        index, kind, _, shown_mark = told
        assert (index, kind) == (len(seen) - 1, "Nv12")
        count += shown_mark == mark
        if count == 5 and mark == 5:
            break
        if count == 5:
            mark, count = mark + 1, 0
            server.restart(mark)
    assert mark == 5
    for (*_, number, before), (*_, next_number, after) in pairwise(seen):
        assert after in (before, before + 1)
        assert after != before or next_number == (number + 1) % 25


def test_other_formats_of_a_gstreamer_pipeline(gstreamer, rtsp):
    told = list(gstreamer(rtsp(), 5, "BGR", "BGRx", "GRAY8", "I420"))
    for first, levels_are_those_of_video in ((0, False), (6, False), (12, True)):
        *seen, stats = told[first : first + 6]
        assert [(index, kind) for index, kind, *_ in seen] == [(k, "ndarray") for k in range(5)]
        assert stats["answered"] == 5
        numbers = [number for *_, number, _ in seen]
        if not levels_are_those_of_video:  # 16 to 235, other numbers
            assert numbers == [(numbers[0] + k) % 25 for k in range(5)]
    (refused,) = told[18:]
    assert "expected BGR, GRAY8 or NV12" in refused
    assert "found I420: end it in videoconvert ! video/x-raw,format=NV12" in refused
