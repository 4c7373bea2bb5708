"""What servers say against a video, asked over real sockets of this machine."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdk.video.sources.refusals import refusal


class Site(http.server.BaseHTTPRequestHandler):
    """A film, a page, and a door with a lock."""

    def do_GET(self):
        if self.path == "/locked" and self.headers["Authorization"] != KEY:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif self.path in ("/film", "/page", "/locked"):
            self.send_response(200)
            kind = "text/html; charset=utf-8" if self.path == "/page" else "video/mp4"
            self.send_header("Content-Type", kind)
            self.end_headers()
        else:
            self.send_error(503 if self.path == "/busy" else 404)

    def log_message(self, *_):
        """Says nothing."""


KEY = "Basic " + b64encode(b"me:right").decode()


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """The port of the site."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(10)


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server of one connection that gives these answers whatever it is asked: port, questions."""
    heard: list[bytes] = []

    def talk() -> None:
        client, _ = server.accept()
        with client:
            for answer in answers:
                heard.append(client.recv(4096))
                client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        thread.join(10)


def rtsp_answer(status: str, body: str = "", *headers: str) -> bytes:
    lines = [f"RTSP/1.0 {status}", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("path", "login", "why"),
    [
        ("film", "", None),
        ("page", "", "the server gives text/html there"),
        ("other", "", "the server has nothing there (404 Not Found)"),
        ("busy", "", "the server answers 503 Service Unavailable"),
        ("locked", "", "the server asks for a user and a password (SCHEME://USER:PASSWORD@...)"),
        ("locked", "me:wrong@", "the server does not accept the user and the password"),
        ("locked", "me:right@", None),
    ],
)
def test_http(site, path, login, why):
    found = refusal(f"http://{login}127.0.0.1:{site}/{path}", 5.0)
    assert found is None if why is None else found.startswith(why)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (rtsp_answer("200 OK", "v=0\r\nm=audio 0 RTP/AVP 8\r\nm=video 0 RTP/AVP 96\r\n"), None),
        (rtsp_answer("200 OK", "m=audio 0 RTP/AVP 8\r\n"), "the server offers audio there, no"),
        (rtsp_answer("200 OK"), "the server offers nothing there, no video"),
        (rtsp_answer("453 Not Enough Bandwidth"), "the server answers 453 Not Enough Bandwidth"),
        (rtsp_answer("500"), "the server answers 500"),
        (rtsp_answer("500 \x1b[31m" + "no" * 9999), "the server answers 500 [31mnono"),
        (rtsp_answer("200 OK", f"m={'x' * 9999}"), "the server offers xxx"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"", None),
        (b"RTSP/1.0 200 OK\r\nContent-Length: many\r\n\r\n", None),
    ],
)
def test_rtsp(answer, why):
    with answering(answer) as (port, heard):
        found = refusal(f"rtsp://127.0.0.1:{port}/live?channel=1", 5.0)
    assert found is None if why is None else found.startswith(why)
    assert found is None or len(found) < 200
    assert heard[0].startswith(f"DESCRIBE rtsp://127.0.0.1:{port}/live?channel=1 RTSP/".encode())


def test_the_password_goes_to_who_asks_for_it_and_no_other():
    with answering(rtsp_answer("404 Not Found")) as (port, heard):
        refusal(f"rtsp://me:right@127.0.0.1:{port}/live", 5.0)
    assert b"right" not in heard[0]
    assert b"Authorization" not in heard[0]
    wanted = rtsp_answer("401 Unauthorized", "", 'WWW-Authenticate: Basic realm="camera"')
    with answering(wanted, rtsp_answer("404 Not Found")) as (port, heard):
        found = refusal(f"rtsp://me:right@127.0.0.1:{port}/live", 5.0)
    assert found == "the server has nothing there (404 Not Found)"
    assert f"Authorization: {KEY}".encode() in heard[1]


def test_a_proof_that_nobody_knows():
    way = 'WWW-Authenticate: Digest realm="camera", nonce="1", qop="auth-conf"'
    with answering(rtsp_answer("401 Unauthorized", "", way)) as (port, _):
        assert refusal(f"rtsp://me:right@127.0.0.1:{port}/live", 5.0) is None


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_nobody_there_and_nobody_who_answers(scheme):
    with socket.socket() as taken:  # bound, and never listening
        taken.bind(("127.0.0.1", 0))
        found = refusal(f"{scheme}://me:right@127.0.0.1:{taken.getsockname()[1]}/live", 5.0)
    assert found == "nobody answers there (Connection refused)"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        found = refusal(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/live", 0.1)
        assert found == "nobody answers there (timed out)"
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "address", ["udp://127.0.0.1:1", "rtsp://", "rtsp://[::1", "rtsp://h:99999999/", "http://a b/"]
)
def test_addresses_that_cannot_be_asked(address):
    assert refusal(address, 0.1) is None


@settings(max_examples=40)
@given(st.binary(max_size=200), st.sampled_from([b"", b"RTSP/1.0 200 OK\r\n", b"RTSP/1.0 401\r\n"]))
def test_a_server_that_talks_nonsense(data, head):
    with answering(head + data) as (port, _):
        found = refusal(f"rtsp://me:right@127.0.0.1:{port}/live", 5.0)
    assert found is None or ("right" not in found and found.isprintable() and len(found) < 200)
