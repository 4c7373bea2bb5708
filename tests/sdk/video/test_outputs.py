"""Files that a stream writes: films, lines of JSON, MCAP; full disks and bad places."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import fastjsonschema
import numpy as np
import pytest

from sdk.errors import InputError
from sdk.video.outputs import movie as movie_module
from sdk.video.outputs.files import check_apart, room_bytes
from sdk.video.outputs.movie import MovieWriter, fit
from sdk.video.outputs.records import (
    SCHEMA_NAME,
    TOPIC,
    JsonLines,
    McapRecords,
    record_schema,
    records,
)
from sdk.video.stream import StreamFrame
from sdk.visual.overlay import draw_answers

from .conftest import number_of, numbered

Usage = namedtuple("Usage", "total used free")
ROOT = Path(__file__).resolve().parents[3]
FULL = Path("/dev/full")
needs_dev_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")


@pytest.fixture
def frame(make_answer):
    """``frame(number, time_s)``: an answered frame with two answers."""

    def make(number=0, time_s=1.5):
        image = numbered(number % 25)
        answers = tuple(make_answer(image, ref) for ref in ("the red square", "größer"))
        return StreamFrame(image, number, time_s, 12.3456, answers)

    return make


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".MP4"])
def test_a_film_has_every_picture(tmp_path, frames_in, suffix):
    path = tmp_path / f"out{suffix}"
    film = MovieWriter(path)
    for number in range(9):
        film.write(numbered(number), number / 7, 7.0)
    film.close()
    assert [number_of(frame) for frame in frames_in(path)] == list(range(9))


@pytest.mark.parametrize("wh", [(1, 1), (2, 3), (63, 47)])
def test_odd_sizes_are_rounded_up(tmp_path, frames_in, wh):
    film = MovieWriter(tmp_path / "out.mp4")
    film.write(numbered(3, wh), 0.0, None)
    film.close()
    (frame,) = frames_in(tmp_path / "out.mp4")
    assert frame.shape == (wh[1] + wh[1] % 2, wh[0] + wh[0] % 2, 3)
    assert number_of(frame) == 3


def test_another_size_is_fitted_in(tmp_path, frames_in):
    film = MovieWriter(tmp_path / "out.mp4")
    for wh in ((64, 48), (32, 64), (1, 500), (500, 1), (640, 480)):
        film.write(numbered(20, wh), 0.0, 10.0)
    film.close()
    assert [frame.shape for frame in frames_in(tmp_path / "out.mp4")] == [(48, 64, 3)] * 5


def test_fit_keeps_the_shape():
    fitted = fit(np.full((100, 50, 3), 255, np.uint8), (64, 48))
    lit = np.argwhere(fitted[:, :, 0] == 255)
    assert lit.min(0).tolist() == [0, 20]
    assert lit.max(0).tolist() == [47, 43]


def test_a_film_that_holds_plays_at_its_true_speed(tmp_path, frames_in):
    film = MovieWriter(tmp_path / "out.mp4")
    for number, time_s in enumerate((100.0, 100.1, 100.5, 100.51, 99.0, 99.4)):
        film.write(numbered(number), time_s, 10.0)
    film.close()
    shown = [number_of(frame) for frame in frames_in(tmp_path / "out.mp4")]
    assert shown == [0, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 5]


def test_a_long_pause_is_shortened(tmp_path, frames_in, monkeypatch):
    monkeypatch.setattr(movie_module, "MAX_HOLD_S", 1.0)
    film = MovieWriter(tmp_path / "out.mp4")
    for number, time_s in enumerate((0.0, 1e9, 1e9 + 0.1, 1e9 + 0.2)):
        film.write(numbered(number), time_s, 10.0)
    film.close()
    shown = [number_of(frame) for frame in frames_in(tmp_path / "out.mp4")]
    assert shown == [0] * 11 + [1, 2, 3]


def test_a_film_without_pictures_leaves_no_file(tmp_path):
    MovieWriter(tmp_path / "out.mp4").close()
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("make", [MovieWriter, JsonLines, McapRecords])
@pytest.mark.parametrize("name", ["folder.mp4", "absent/out.mp4", "file/out.mp4"])
def test_places_that_cannot_be_written(tmp_path, make, name):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    path = tmp_path / name
    if make is McapRecords:
        path = path.with_suffix(".mcap")
        if name.startswith("folder"):
            path.mkdir()
    with pytest.raises(InputError, match=f"cannot write .*{path.name}"):
        make(path)


def test_suffixes(tmp_path):
    with pytest.raises(InputError, match=r"\.mp4 or \.mkv or \.avi"):
        MovieWriter(tmp_path / "out.gif")
    with pytest.raises(InputError, match=r"ending in \.mcap"):
        McapRecords(tmp_path / "out.bag")


def test_a_film_stops_while_it_can_still_be_finished(tmp_path, frames_in, monkeypatch):
    rooms = iter([10**9] * 6)
    monkeypatch.setattr(movie_module, "room_bytes", lambda path: next(rooms, 1000))
    film = MovieWriter(tmp_path / "out.mp4")
    for number in range(6):
        film.write(numbered(number), number / 10, 10.0)
    with pytest.raises(InputError, match="it ends after 6 frames"):
        film.write(numbered(6), 0.6, 10.0)
    film.close()
    assert [number_of(frame) for frame in frames_in(tmp_path / "out.mp4")] == list(range(6))


@pytest.mark.parametrize(("limit", "room"), [(-1, 5000), (6000, 5000), (1000, 900), (40, -60)])
def test_room(tmp_path, monkeypatch, limit, room):
    """The free space, or what the limit on the size of a file leaves of it."""
    path = tmp_path / "x"
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(9000, 4000, 5000))
    monkeypatch.setattr(resource, "getrlimit", lambda what: (limit, -1))
    assert room_bytes(path) == room


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
from sdk.errors import InputError
from sdk.video.stream import StreamFrame
from sdk.results.grounding import Grounding
from sdk.video.outputs.movie import MovieWriter
from sdk.video.outputs.records import JsonLines, McapRecords
rng = np.random.default_rng(0)
image = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
answer = Grounding("the car", True, 0.9, None, (), (320, 240), "x", {{"total": 1.0}})
sink = {make}(Path({path!r}))
done = 0
try:
    for number in range(5000):
        frame = StreamFrame(image, number, number / 10, 1.0, (answer,))
        if isinstance(sink, MovieWriter):
            sink.write(image, number / 10, 10.0)
        else:
            sink.write(frame)
        done += 1
except InputError as error:
    print(done)
    print(error)
sink.close()
"""


def limited(make, path, limit):
    """Writes until a limit on the size of a file is met: how many frames, and the message."""
    code = LIMITED.format(make=make, path=str(path), limit=limit)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    count, message = done.stdout.splitlines()
    return int(count), message


def test_a_full_disk_leaves_a_film_that_plays(tmp_path, frames_in):
    path = tmp_path / "out.mp4"
    count, message = limited("MovieWriter", path, 3_000_000)
    assert f"it ends after {count} frames" in message
    assert len(frames_in(path)) == count > 10


def test_a_full_disk_leaves_whole_lines(tmp_path):
    path = tmp_path / "out.jsonl"
    count, message = limited("JsonLines", path, 100_000)
    assert message == f"cannot write {path}: File too large"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["frame_index"] for line in lines] == list(range(count))


def test_a_full_disk_leaves_whole_chunks(tmp_path):
    from mcap.exceptions import EndOfFile
    from mcap.records import Message
    from mcap.stream_reader import StreamReader

    path = tmp_path / "out.mcap"
    count, message = limited("McapRecords", path, 300_000)
    assert message == f"cannot write {path}: File too large"
    read = []
    with path.open("rb") as file, contextlib.suppress(EndOfFile):  # the index is missing
        for record in StreamReader(file, validate_crcs=True).records:
            if isinstance(record, Message):
                read.append(json.loads(record.data)["frame_index"])
    assert read == list(range(len(read)))
    assert len(read) > count - 300


@needs_dev_full
@pytest.mark.parametrize(
    ("make", "name"), [(MovieWriter, "x.mp4"), (JsonLines, "x.jsonl"), (McapRecords, "x.mcap")]
)
def test_a_device_that_is_always_full(tmp_path, frame, make, name):
    path = tmp_path / name
    path.symlink_to(FULL)

    def write() -> None:
        sink = make(path)
        if make is MovieWriter:
            sink.write(numbered(0), 0.0, 10.0)
        sink.write(frame())

    with pytest.raises(InputError, match=f"cannot write .*{name}"):
        write()


def test_records(frame):
    first, second = records(frame(4, 0.1 + 0.2))
    assert first["frame_index"] == 4
    assert first["time_s"] == 0.3
    assert first["age_ms"] == 12.346
    assert (first["ref"], second["ref"]) == ("the red square", "größer")
    check = fastjsonschema.compile(record_schema())
    assert check(first) == first
    with pytest.raises(fastjsonschema.JsonSchemaException, match="frame_index"):
        check({**first, "frame_index": "4"})


def test_lines_are_there_at_once(tmp_path, frame):
    path = tmp_path / "out.jsonl"
    lines = JsonLines(path)
    for number in range(3):
        lines.write(frame(number))
        written = [json.loads(line) for line in path.read_text("ascii").splitlines()]
        assert len(written) == 2 * (number + 1)
        assert written[-1]["ref"] == "größer"
    lines.close()


def test_mcap_out(tmp_path, frame):
    from mcap.reader import make_reader

    path = tmp_path / "out.mcap"
    messages = McapRecords(path)
    for number in range(300):
        messages.write(frame(number, 1_700_000_000.25 + number))
    assert path.stat().st_size > 60_000  # not all of it waits for the end
    messages.close()
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_summary().statistics.message_count == 600
        for count, (schema, channel, message) in enumerate(reader.iter_messages()):
            assert (schema.name, schema.encoding) == (SCHEMA_NAME, "jsonschema")
            assert json.loads(schema.data) == record_schema()
            assert (channel.topic, channel.message_encoding) == (TOPIC, "json")
            frame_index = count // 2
            assert message.log_time == 1_700_000_000_250_000_000 + frame_index * 1_000_000_000
            assert message.sequence == json.loads(message.data)["frame_index"] == frame_index


def test_mcap_times_begin_at_0(tmp_path, frame):
    messages = McapRecords(tmp_path / "out.mcap")
    with pytest.raises(InputError, match=r"found -1\.0 on frame 0"):
        messages.write(frame(0, -1.0))
    messages.close()


def test_outputs_are_files_of_their_own(tmp_path):
    source = tmp_path / "in.mp4"
    source.write_text("a film")
    link = tmp_path / "link.mp4"
    os.link(source, link)
    check_apart("0", [tmp_path / "a", tmp_path / "b"])
    check_apart("rtsp://camera", [source])
    for targets in ([link], [tmp_path / "a", tmp_path / "b", tmp_path / "a"]):
        with pytest.raises(InputError, match="file of its own"):
            check_apart(str(source), targets)
    assert source.read_text() == "a film"


@pytest.mark.parametrize("wh", [(1, 1), (8, 200), (64, 48), (200, 40), (1920, 1080)])
def test_the_overlay(make_answer, wh):
    image = np.full((wh[1], wh[0], 3), 128, np.uint8)
    before = image.copy()
    answers = [
        make_answer(image, "the red square " * 20),
        make_answer(image, "the bus", found=False, reason="no", xyxy=None, complete=False),
        *(make_answer(image, f"object {number}") for number in range(30)),
    ]
    picture = draw_answers(image, answers)
    assert picture.shape == image.shape
    assert (picture != image).any()
    assert (image == before).all()


def test_the_overlay_of_an_rgb_frame_is_bgr(make_answer):
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, :, 0] = 255  # red
    answer = make_answer(image, "x", color="rgb", found=False, xyxy=None)
    assert draw_answers(image, [answer])[-1, -1].tolist() == [0, 0, 255]
