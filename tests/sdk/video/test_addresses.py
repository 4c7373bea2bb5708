"""Secrets of addresses stay where they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from sdk.errors import InputError
from sdk.video.addresses import public_address
from sdk.video.sources.captures import NetworkStream
from sdk.video.sources.opening import as_source

from .sources.test_opening import FakeCapture, numbered

ROOT = Path(__file__).resolve().parents[3]
S = "hunter2"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (f"rtsp://user:{S}@cam:554/a", "rtsp://***@cam:554/a"),
        (f"RTSP://{S}@cam", "RTSP://***@cam"),
        (f"rtsp://:{S}@[::1]:8554/a", "rtsp://***@[::1]:8554/a"),
        (f"rtsp://user:p@ss/w?or#d{S}@cam/a", "rtsp://***@cam/a"),
        (f'rtsp://user:it\'s "{S}"@cam/a', "rtsp://***@cam/a"),
        (f"rtsp:/user:{S}@cam/a", "rtsp:/***@cam/a"),
        (f"user:{S}@cam/a", "***@cam/a"),
        (f"http://cam/a?token={S}", "http://cam/a?token=***"),
        (f"http://cam/a?channel=1&p={S}&subtype=0", "http://cam/a?channel=1&p=***&subtype=0"),
        (f"http://cam/a?{S}", "http://cam/a?***"),
        (f"http://cam/a?sig={S}%2F;Key={S}#{S}", "http://cam/a?sig=***;Key=***#***"),
        (f"srt://cam:9?mode=caller&passphrase={S}", "srt://cam:9?mode=caller&passphrase=***"),
        (
            f"rtsp://cam/user=admin_password={S}_channel=1_stream=0.sdp",
            "rtsp://cam/user=***_password=***_channel=1_stream=0.sdp",
        ),
        (
            f"rtspsrc location=rtsp://u:{S}@cam/a user-id=u user-pw={S} latency=0 ! appsink",
            "rtspsrc location=rtsp://***@cam/a user-id=*** user-pw=*** latency=0 ! appsink",
        ),
        (
            f"rtspsrc location=\"rtsp://cam/a?auth={S}\" user-pw='two {S}' ! appsink",
            'rtspsrc location="rtsp://cam/a?auth=***" user-pw=*** ! appsink',
        ),
        (
            rf'souphttpsrc extra-headers="h,Authorization=(string)\"Bearer {S}\"" ! appsink',
            "souphttpsrc extra-headers=*** ! appsink",
        ),
        (f"cannot open rtsp://u:{S}@cam/a: refused", "cannot open rtsp://***@cam/a: refused"),
    ],
)
def test_secrets_are_hidden(address, public):
    assert public_address(address) == public


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://cam:554/Streaming/Channels/101",
        "http://cam/video.mjpg?channel=1&resolution=640x480",
        "v4l2src device=/dev/video0 ! video/x-raw,width=640,framerate=30/1 ! appsink",
        "nvarguscamerasrc sensor-id=0 ! nvvidconv ! x264enc key-int-max=30 ! appsink",
        "/data/user/clip.mp4",
        "clips/me@home.mp4",
    ],
)
def test_what_is_no_secret_stays(address):
    assert public_address(address) == address


@pytest.mark.parametrize(
    "address", [f"rtsp://user:{S}@127.0.0.1:9/a?token={S}", f"http://u:{S}@127.0.0.1:9/{S}@a"]
)
def test_errors_of_the_command_and_the_decoder(address):
    """Also what OpenCV and FFmpeg print themselves, which only a process of its own shows."""
    code = (
        "from sdk.video.sources.opening import as_source; from sdk.video.stream import Stream;"
        " next(Stream(None, as_source({!r}, timeout_s=2.0), 'all'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(address)], cwd=ROOT, capture_output=True, text=True
    )
    said = done.stdout + done.stderr.split("Traceback")[0] + done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert "InputError: cannot open" in said
    assert "***@127.0.0.1:9" in said or "***@a" in said
    assert S not in said


def test_an_error_of_opencv(monkeypatch):
    def fail(what, *_):
        raise cv2.error(f"cannot use {what}")

    monkeypatch.setattr(cv2, "VideoCapture", fail)
    with pytest.raises(InputError) as caught:
        list(as_source(f"rtsp://u:{S}@cam/a").shots())
    assert S not in str(caught.value)
    assert caught.value.__suppress_context__  # a traceback would print it
    assert "rtsp://***@cam/a" in str(caught.value)


def test_a_pipeline_and_names_that_are_none(monkeypatch):
    monkeypatch.setattr(cv2.videoio_registry, "hasBackend", lambda backend: False)
    for name in (f"rtspsrc location=rtsp://u:{S}@cam ! appsink", f"rtsp:/u:{S}@cam"):
        with pytest.raises(InputError) as caught:
            as_source(name)
        assert S not in str(caught.value)


def test_the_address_itself_is_used(monkeypatch, stream_of):
    """A stream that opens, is lost and opens again: what it says, and what it opened."""
    asked = []

    class Capture(FakeCapture):
        plan = ([numbered(0)], [])

        def __init__(self, what, *rest):
            asked.append(what)
            super().__init__()

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    address = f"rtsp://u:{S}@cam/a"
    source = as_source(address)
    assert isinstance(source, NetworkStream)
    assert S not in source.name + repr(source)
    stream = stream_of(source, reconnects=0)
    with pytest.raises(InputError) as caught:
        list(stream)
    assert asked == [address]
    assert S not in str(caught.value)


def test_the_summary_of_the_command(engine, monkeypatch, capsys, tmp_path):
    from sdk.__main__ import main

    class Capture(FakeCapture):
        plan = ([numbered(0, (320, 240))], [])

        def get(self, what):
            return {cv2.CAP_PROP_FRAME_COUNT: 1.0}.get(what, 0.0)

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    out = [tmp_path / "out.jsonl", tmp_path / "out.mcap"]
    code = main(
        [
            *("video", f"rtsp://u:{S}@cam/a?token={S}", "the red square", "--engine", str(engine)),
            *("--json", "--jsonl", str(out[0]), "--mcap", str(out[1]), "--cold"),
            *("--bundles", str(tmp_path / "bundles")),
        ]
    )
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert json.loads(captured.out)["source"] == "rtsp://***@cam/a?token=***"
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 2
    assert all(S.encode() not in path.read_bytes() for path in written)
    assert S not in captured.out + captured.err
