"""``python -m sdk video``: outputs, exit codes, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdk.__main__ import main
from sdk.frame import write_image
from sdk.video import StreamStats

ROOT = Path(__file__).resolve().parents[3]
REF = "the red square"


@pytest.fixture
def film(tmp_path, make_frame):
    """``film(count)``: a red square on grey, ten frames a second."""

    def make(count=6):
        path = tmp_path / "in.mp4"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (320, 240))
        for k in range(count):
            writer.write(make_frame((320, 240), {"red": (40 + k % 50, 60, 80 + k % 50, 100)}))
        writer.release()
        return path

    return make


@pytest.fixture
def ask(engine):
    """``ask(source, *more refs and options)``: the exit code."""
    return lambda source, *rest: main(
        ["video", str(source), REF, *map(str, rest), "--engine", str(engine)]
    )


def test_every_output(ask, film, tmp_path, frames_in, capsys):
    outputs = [tmp_path / name for name in ("out.mp4", "out.jsonl", "out.mcap", "view.mcap")]
    flags = ("--save", "--jsonl", "--mcap", "--log")
    pairs = [part for pair in zip(flags, outputs, strict=True) for part in pair]
    assert ask(film(6), *pairs, "--json") == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert summary["frames"] == asdict(StreamStats(read=6, answered=6))
    assert summary["found"] == {REF: 6}
    assert summary["policy"] == "all"
    assert summary["stopped_by"] is None
    assert summary["age_ms"]["p50"] > 0
    assert summary["frames_per_s"] > 0
    assert f"wrote {outputs[0]}" in captured.err
    frames = frames_in(outputs[0])
    assert len(frames) == 6
    assert frames[0].shape == (240, 320, 3)
    lines = [json.loads(line) for line in outputs[1].read_text().splitlines()]
    assert [line["frame_index"] for line in lines] == list(range(6))
    assert [line["time_s"] for line in lines] == pytest.approx([k / 10 for k in range(6)])
    assert all(line["found"] and line["age_ms"] > 0 for line in lines)

    from mcap.reader import make_reader

    with outputs[2].open("rb") as file:
        messages = [json.loads(message.data) for *_, message in make_reader(file).iter_messages()]
    assert messages == lines
    with outputs[3].open("rb") as file:
        counts = make_reader(file).get_summary().statistics.channel_message_counts
    assert sorted(counts.values()) == [6, 6, 6]  # images, what is drawn on them, answers


def test_the_summary_for_people(ask, film, capsys):
    assert ask(film(3), "the green square", "--cold") == 0
    out = capsys.readouterr().out
    assert "3 of 3 frames answered" in out
    assert f"found in 3 frames: {REF}" in out
    assert "found in 0 frames: the green square" in out
    assert "frames a second" in out
    assert "age of an answer" not in out  # every frame waited for its turn


def test_latest_holds_its_frames(ask, film, tmp_path, frames_in, capsys):
    out = tmp_path / "out.mp4"
    assert ask(film(8), "--policy", "latest", "--save", out, "--json") == 0
    frames = json.loads(capsys.readouterr().out)["frames"]
    assert frames["answered"] + frames["dropped"] == frames["read"] == 8
    assert frames["answered"] <= len(frames_in(out)) <= 9
    assert ask(tmp_path / "in.mp4", "--policy", "latest") == 0
    assert "age of an answer" in capsys.readouterr().out


def test_deadlines_and_damaged_images(ask, tmp_path, make_frame, capsys):
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(4):
        write_image(folder / f"{k}.png", make_frame())
    (folder / "1.png").write_bytes(b"damaged")
    assert ask(folder, "--deadline-ms", "5000", "--json") == 0
    assert json.loads(capsys.readouterr().out)["frames"]["unreadable"] == 1
    for k in range(4):
        (folder / f"{k}.png").write_bytes(b"damaged")
    assert ask(folder, "--json") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "at least one readable frame" in captured.err
    assert "(4 unreadable)" in captured.err


def test_warnings_are_told_once(ask, film, capsys):
    path = film(20)
    assert ask(path, "the red zebra") == 0
    assert capsys.readouterr().err.count("warning: the engine does not know 'zebra'") == 1


def test_bad_input_exits_with_2(ask, film, tmp_path, capsys):
    source = film(3)
    before = source.read_bytes()
    (tmp_path / "dir.mp4").mkdir()
    for arguments, message in [
        ((tmp_path / "absent.mp4",), "found no"),
        (("99",), "cannot open camera 99"),
        ((source, ""), "at least one word"),
        ((source, "--save", tmp_path / "out.gif"), "ending in .mp4"),
        ((source, "--save", tmp_path / "dir.mp4"), "cannot write"),
        ((source, "--jsonl", tmp_path / "absent" / "x.jsonl"), "cannot write"),
        ((source, "--save", source), "file of its own"),
        ((source, "--deadline-ms", "-5"), "deadline"),
        ((source, "--topic", "/camera"), "topic"),
        ((source, "--timeout-s", "0"), "timeout"),
        ((source, "--threshold", "2"), "threshold"),
    ]:
        assert ask(*arguments) == 2, arguments
        captured = capsys.readouterr()
        assert captured.out == ""
        assert message in captured.err
    assert source.read_bytes() == before


def test_an_engine_problem_exits_with_3(film, tmp_path):
    arguments = ["video", str(film(1)), REF, "--engine", str(tmp_path / "absent")]
    assert main(arguments) == 3


def test_a_full_disk_exits_with_2_and_keeps_what_there_is(ask, film, tmp_path, frames_in, capsys):
    link = tmp_path / "full.jsonl"
    link.symlink_to("/dev/full")
    out = tmp_path / "out.mp4"
    assert ask(film(4), "--save", out, "--jsonl", link) == 2
    assert "No space left" in capsys.readouterr().err
    assert len(frames_in(out)) == 1  # the frame that was drawn before the line failed


def wait_for_lines(path, count, process):
    """Waits until a growing file has so many lines."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("no lines came")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_finish_the_film(engine, film, tmp_path, frames_in, number):
    """A film that plays in real time, so that the signal meets it in the middle."""
    out, lines = tmp_path / "out.mp4", tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sdk", "video", str(film(600)), REF, "--engine", str(engine)),
            *("--save", str(out), "--jsonl", str(lines), "--policy", "latest", "--json"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for_lines(lines, 5, process)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    summary = json.loads(stdout)
    assert summary["stopped_by"] == signal.Signals(number).name
    frames = summary["frames"]
    assert frames["read"] == frames["answered"] + frames["dropped"] < 600
    assert len(lines.read_text().splitlines()) == frames["answered"]
    assert len(frames_in(out)) >= frames["answered"] >= 5


def test_a_signal_while_the_source_blocks(engine, tmp_path, frames_in):
    """A pipe that gives half a film and then nothing more: neither a frame nor an end."""
    pipe = tmp_path / "in.avi"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sdk", "video", str(pipe), REF, "--engine", str(engine)),
            *("--timeout-s", "300", "--json"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    writer = None
    try:
        until = time.monotonic() + 90
        while writer is None and time.monotonic() < until:
            try:  # succeeds once the command has opened the other end
                writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                time.sleep(0.05)
        assert writer is not None
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        if writer is not None:
            os.close(writer)
    assert process.returncode == 0, stderr
    assert json.loads(stdout)["stopped_by"] == "SIGTERM"


def test_drawn_boxes_are_where_the_square_is(ask, film, tmp_path, frames_in):
    out = tmp_path / "out.avi"
    assert ask(film(2), "--save", out) == 0
    drawn, plain = frames_in(out)[0].astype(int), frames_in(tmp_path / "in.mp4")[0].astype(int)
    changed = np.abs(drawn - plain).max(axis=2) > 60
    assert changed[56:62, 45:75].any()  # along the upper edge of the square
    assert not changed[150:, 150:].any()
