"""Addresses, through OpenCV, on servers of this machine that end, stall and say nothing."""

from __future__ import annotations

import http.server
import socket
import threading
import time

import cv2
import pytest

from sdk.errors import InputError
from sdk.video import stream as stream_module
from sdk.video.sources.opening import as_source
from sdk.video.stream import StreamStats

from .conftest import number_of, numbered


class Camera(http.server.BaseHTTPRequestHandler):
    """Motion JPEG over HTTP: five frames for each connection, then the end, or silence."""

    def do_GET(self):
        server = self.server
        server.connections += 1
        if server.connections > server.most:
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
        self.end_headers()
        for number in range(5):
            wh = server.sizes[number % len(server.sizes)]
            frame = numbered(number + 5 * server.connections, wh)
            data = cv2.imencode(".jpg", frame)[1].tobytes()
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")
        self.wfile.flush()
        if self.path.startswith("/silent"):
            server.let_go.wait(30)

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def camera():
    """A server; ``most`` connections are served, the others refused; frames take turns in
    ``sizes``."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.connections, server.most, server.let_go = 0, 2, threading.Event()
    server.sizes = [(64, 48)]
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.let_go.set()
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(autouse=True)
def quick_backoff(monkeypatch):
    monkeypatch.setattr(stream_module, "BACKOFF_S", (0.01,))


@pytest.mark.parametrize(("path", "patience_s"), [("ends.mjpg", 9.0), ("silent.mjpg", 1.5)])
def test_a_connection_that_is_lost_is_made_again(stream_of, camera, path, patience_s):
    url = f"http://127.0.0.1:{camera.server_port}/{path}"
    stream = stream_of(as_source(url, timeout_s=patience_s), timeout_s=patience_s, reconnects=1)
    answered = [next(stream) for _ in range(9)]
    assert [number_of(frame.image) for frame in answered] == list(range(5, 14))
    assert stream.stats.reconnects == 1
    with pytest.raises(InputError, match="lost after 1 attempts"):
        list(stream)
    stats = stream.stats
    assert stats.read == stats.answered + stats.dropped
    assert 9 <= stats.read <= 10
    assert stats.reconnects == 2


def test_a_camera_is_asked_why_it_does_not_open_only_at_the_end(stream_of, camera):
    """One that takes a client at a time would be busy with the question."""
    url = f"http://127.0.0.1:{camera.server_port}/ends.mjpg"
    stream = stream_of(as_source(url, timeout_s=9.0), timeout_s=9.0, reconnects=4)
    with pytest.raises(InputError, match=r"answers 503 .* \(lost after 4 attempts") as caught:
        list(stream)
    assert str(caught.value).count(" but ") == 1
    served, opened, asked = 2, 4, 1
    assert camera.connections == served + opened + asked


def test_every_frame_of_motion_jpeg_has_its_own_size(stream_of, camera):
    camera.sizes = [(64, 48), (128, 96), (32, 24)]  # half the height, and not interlaced
    url = f"http://127.0.0.1:{camera.server_port}/ends.mjpg"
    stream = stream_of(as_source(url, timeout_s=5.0))
    answered = [next(stream) for _ in range(3)]
    assert [frame.image.shape for frame in answered] == [(48, 64, 3), (96, 128, 3), (24, 32, 3)]
    assert [number_of(frame.image) for frame in answered] == [5, 6, 7]


def test_close_while_opencv_waits_for_a_frame(stream_of, camera):
    url = f"http://127.0.0.1:{camera.server_port}/silent.mjpg"
    began = time.monotonic()
    with stream_of(as_source(url, timeout_s=4.0), timeout_s=30.0) as stream:
        for _ in range(4):
            next(stream)
        threading.Timer(0.2, stream.stop).start()
        assert len(list(stream)) <= 1
    assert time.monotonic() - began < 20


def test_a_server_that_says_nothing(stream_of):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(InputError, match=r"within 0.5 seconds|cannot open tcp"):
            list(stream_of(as_source(url, timeout_s=2.0), timeout_s=0.5))
        assert time.monotonic() - began < 20


class Folder(http.server.SimpleHTTPRequestHandler):
    """Serves the files of ``folder``."""

    folder = ""

    def __init__(self, *rest):
        super().__init__(*rest, directory=self.folder)

    def log_message(self, *_):
        """Says nothing."""


def test_a_film_on_a_web_server_is_no_camera(stream_of, make_video):
    path = make_video(6, "in.mp4")
    handler = type("Served", (Folder,), {"folder": str(path.parent)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        stream = stream_of(as_source(f"http://127.0.0.1:{server.server_port}/in.mp4"))
        answered = list(stream)
        server.shutdown()
        thread.join(10)
    assert [number_of(frame.image) for frame in answered] == list(range(6))
    assert [frame.time_s for frame in answered] == pytest.approx([k / 10 for k in range(6)])
    assert stream.stats == StreamStats(read=6, answered=6)
