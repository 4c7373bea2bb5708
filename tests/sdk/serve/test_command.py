"""``piza serve`` as a process: its line, its answers over a real connection, its ends."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sdk.__main__ import main

Process = subprocess.Popen[str]


@contextmanager
def serving(*options: object) -> Iterator[tuple[Process, str]]:
    """The process and its address, as its first line has it."""
    command = [sys.executable, "-m", "sdk", "serve", "--port", "0", "--threads", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*command, *map(str, options)], text=True, **pipes) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.fullmatch(r"http://(127\.0\.0\.1:\d+) \(Ctrl-C stops\)\n", line)
            assert found, line
            yield process, found[1]
        finally:
            process.kill()


def get(address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_a_server_and_its_end(engine, picture, wait_until: Callable[..., None]):
    with serving("--engine", engine, "--max-mb", "0.5") as (process, address):
        wait_until(lambda: get(address, "/healthz")[0] == 200)
        connection = http.client.HTTPConnection(address, timeout=60)
        # What is refused before it was read must not cut the line: the next request goes over it.
        many = {"Content-Type": "application/json", "Content-Length": "3000000"}
        for _ in range(2):
            connection.request("POST", "/locate", bytes(3_000_000), many)
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["status"]) == (413, 413)
        parts = (
            b'--x\r\nContent-Disposition: form-data; name="ref"\r\n\r\nthe red square\r\n',
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n',
            picture + b"\r\n--x--\r\n",
        )
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        connection.request("POST", "/locate", b"".join(parts), kind)
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["found"]
        process.send_signal(signal.SIGTERM)  # while that line is open
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (128 + signal.SIGTERM, "", "stopped by SIGTERM\n")


def test_an_engine_that_cannot_be_opened(tmp_path, capsys):
    assert main(["serve", "--port", "0", "--engine", str(tmp_path / "none")]) == 3
    out, err = capsys.readouterr()
    assert out.startswith("http://127.0.0.1:")  # it listens meanwhile
    assert re.fullmatch(r"error: .*none.*\n", err)


def test_places_that_cannot_be_listened_at(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    assert f"cannot listen at 127.0.0.1, port {port}" in capsys.readouterr().err
    assert main(["serve", "--port", "65536"]) == 2
    assert "at most 65535" in capsys.readouterr().err
    assert main(["serve", "--host", "no.such.host.invalid"]) == 2
    assert "cannot listen at no.such.host.invalid" in capsys.readouterr().err
