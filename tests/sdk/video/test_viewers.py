"""Logs for viewers, read back by what reads such files: Foxglove's messages, Rerun's rows."""

from __future__ import annotations

import json
import sys

import cv2
import numpy as np
import pytest

from sdk.errors import InputError, MissingRuntimeError
from sdk.nv12 import Nv12
from sdk.results.grounding import Rival, Zoom
from sdk.video.outputs.foxglove_log import ANNOTATIONS, IMAGES
from sdk.video.outputs.records import TOPIC, records
from sdk.video.outputs.viewers import Mark, marks, viewer_log
from sdk.video.stream import StreamFrame
from sdk.visual.overlay import answer_color

from .conftest import number_of, numbered

RED, BUS = "the red square", "größer / the bus"
WINDOWS = [[0.0, 0.0, 64.0, 48.0], [10.25, 5.5, 42.25, 29.5]]
BOX, OTHER = [16.0, 12.0, 32.0, 24.5], [40.0, 10.0, 50.0, 20.0]
FIRST_S = 1_700_000_000.25


def box(values) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.fixture
def frame(make_answer):
    """``frame(number, image)``: a search of two steps with a rival, and an object not found."""

    def make(number=0, image=None, **changes):
        image = numbered(number) if image is None else image
        none = np.empty((0, 4), np.float32), np.empty(0, np.float32)
        zooms = tuple(Zoom(box(window), box(BOX), 0.5, *none) for window in WINDOWS)
        found = {"xyxy": box(BOX), "zooms": zooms, "rival": Rival(box(OTHER), 0.7)}
        answers = (
            make_answer(image, RED, **{**found, **changes}),
            make_answer(image, BUS, found=False, score=0.125, xyxy=box(BOX), reason="no"),
        )
        return StreamFrame(image, number, FIRST_S + number, 12.3, answers)

    return make


def rgb(number) -> tuple[int, ...]:
    return answer_color(number)[::-1]


def test_marks(frame):
    assert marks(frame()) == [
        Mark("windows", tuple(WINDOWS[0]), "1", rgb(0)),
        Mark("windows", tuple(WINDOWS[1]), "2", rgb(0)),
        Mark("rivals", tuple(OTHER), f"0.70  {RED}", rgb(0)),
        Mark("answers", tuple(BOX), f"0.90  {RED}", rgb(0)),
    ]
    assert marks(StreamFrame(numbered(0), 0, 0.0, 0.0, ())) == []


@pytest.fixture
def read_mcap():
    """``read_mcap(path)``: by topic the log time and the decoded message, by the file's schemas."""
    from mcap.reader import make_reader
    from mcap_protobuf.decoder import DecoderFactory

    def read(path):
        found = {}
        with path.open("rb") as file:
            factories = [DecoderFactory()]
            reader = make_reader(file, validate_crcs=True, decoder_factories=factories)
            for schema, channel, message in reader.iter_messages():
                if channel.message_encoding == "json":
                    value = json.loads(message.data)
                else:
                    (decode,) = (f.decoder_for("protobuf", schema) for f in factories)
                    value = decode(message.data)
                found.setdefault((channel.topic, schema.name), []).append((message.log_time, value))
        return found

    return read


def corners(points) -> list[list[float]]:
    return [[point.x, point.y] for point in points]


def test_foxglove(tmp_path, frame, read_mcap):
    path = tmp_path / "out.mcap"
    log = viewer_log(path)
    frames = [frame(number) for number in range(3)]
    for each in frames:
        log.write(each)
    log.close()
    found = read_mcap(path)
    images = found.pop((IMAGES, "foxglove.CompressedImage"))
    drawn = found.pop((ANNOTATIONS, "foxglove.ImageAnnotations"))
    ((topic, _), answers), *none = found.items()
    assert (topic, none) == (TOPIC, [])
    assert [value for _, value in answers] == [one for each in frames for one in records(each)]
    times_ns = [1_700_000_000_250_000_000 + number * 10**9 for number in range(3)]
    assert [time_ns for time_ns, _ in images] == [time_ns for time_ns, _ in drawn] == times_ns
    for number, (time_ns, image) in enumerate(images):
        assert (image.frame_id, image.format) == ("camera", "jpeg")
        assert image.timestamp.seconds * 10**9 + image.timestamp.nanos == time_ns
        picture = cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (48, 64, 3)
        assert number_of(picture) == number
    for time_ns, each in drawn:
        shapes = [corners(line.points) for line in each.points]
        assert shapes == [
            [[x1, y1], [x2, y1], [x2, y2], [x1, y2]] for x1, y1, x2, y2 in (*WINDOWS, OTHER, BOX)
        ]
        assert {line.type for line in each.points} == {2}  # LINE_LOOP
        stamps = [part.timestamp for part in (*each.points, *each.texts)]
        assert {stamp.seconds * 10**9 + stamp.nanos for stamp in stamps} == {time_ns}
        color = each.points[-1].outline_color
        assert (color.r, color.g, color.b) == pytest.approx([value / 255 for value in rgb(0)])
        assert each.points[-1].thickness > each.points[0].thickness > 0
        texts = [text.text for text in each.texts]
        assert texts[-2:] == [f"0.90  {RED}", f"not found  {BUS}"]
        assert texts[:4] == ["1", "2", f"0.70  {RED}", f"0.90  {RED}"]


def test_foxglove_of_other_frames(tmp_path, frame, make_answer, read_mcap):
    grey = Nv12(np.full((72, 64), 128, np.uint8))
    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 255
    frames = [
        frame(0, grey),
        StreamFrame(red, 1, 1.0, 0.0, (make_answer(red, RED, color="rgb", rival=None),)),
        StreamFrame(red[..., ::-1], 2, 2.0, 0.0, ()),
    ]
    log = viewer_log(tmp_path / "out.mcap")
    for each in frames:
        log.write(each)
    with pytest.raises(InputError, match="expected times of 0"):
        log.write(StreamFrame(red, 3, -1.0, 0.0, ()))
    log.close()
    images = read_mcap(tmp_path / "out.mcap")[IMAGES, "foxglove.CompressedImage"]
    pictures = [
        cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR) for _, image in images
    ]
    expected = [[1, 1, 254]] * 2 + [[130, 130, 130]]  # in the order of their times
    for picture, bgr in zip(pictures, expected, strict=True):
        assert np.abs(picture[20, 20].astype(int) - bgr).max() <= 3


def test_rerun_opens_what_is_for_foxglove(tmp_path, frame):
    """A reader of other people, which knows Foxglove's images by their schema."""
    reader = pytest.importorskip("rerun.chunk").McapReader
    log = viewer_log(tmp_path / "out.mcap")
    log.write(frame(3))
    log.close()
    found = {}
    for chunk in reader(tmp_path / "out.mcap").stream().to_chunks():
        batch = chunk.to_record_batch()
        found.setdefault(chunk.entity_path, {}).update(
            zip(batch.schema.names, batch.columns, strict=True)
        )
    assert found[IMAGES]["EncodedImage:media_type"].to_pylist() == [["image/jpeg"]]
    ((data,),) = found[IMAGES]["EncodedImage:blob"].to_pylist()
    assert number_of(cv2.imdecode(np.array(data, np.uint8), cv2.IMREAD_COLOR)) == 3
    assert "foxglove.ImageAnnotations:message" in found[ANNOTATIONS]


@pytest.fixture
def read_rrd():
    """``read_rrd(path)``: by entity its columns, rows in the order of the frames."""
    chunks = pytest.importorskip("rerun.chunk")

    def read(path):
        found = {}
        for chunk in chunks.RrdReader(path).stream().to_chunks():
            if not chunk.entity_path.startswith("/__"):
                batch = chunk.to_record_batch()
                columns = {
                    name: np.asarray(column) if name == "time" else column.to_pylist()
                    for name, column in zip(batch.schema.names, batch.columns, strict=True)
                }
                entity = found.setdefault(chunk.entity_path, {})
                for name, values in columns.items():
                    entity.setdefault(name, []).extend(values)
        return found

    return read


def test_rerun(tmp_path, frame, read_rrd):
    path = tmp_path / "out.rrd"
    log = viewer_log(path)
    for number in range(3):
        changes = {"found": False, "zooms": (), "rival": None} if number == 2 else {}
        log.write(frame(number, **changes))
    log.close()
    found = read_rrd(path)
    boxes = {kind: found.pop(f"/camera/{kind}") for kind in ("windows", "rivals", "answers")}
    images = found.pop("/camera")
    assert images["frame"] == [0, 1, 2]
    times_s = np.array(images["time"], "datetime64[ns]").astype(np.int64) / 1e9
    assert times_s == pytest.approx([FIRST_S, FIRST_S + 1, FIRST_S + 2], abs=1e-6)
    for number, ((data,), (kind,)) in enumerate(
        zip(images["EncodedImage:blob"], images["EncodedImage:media_type"], strict=True)
    ):
        assert kind == "image/jpeg"
        picture = cv2.imdecode(np.array(data, np.uint8), cv2.IMREAD_COLOR)
        assert number_of(picture) == number
    for kind, shown in (("windows", WINDOWS), ("rivals", [OTHER]), ("answers", [BOX])):
        columns = boxes[kind]
        assert columns["frame"] == [0, 1, 2]
        for row in range(2):
            middles = np.array(columns["Boxes2D:centers"][row])
            halves = np.array(columns["Boxes2D:half_sizes"][row])
            np.testing.assert_allclose(np.hstack([middles - halves, middles + halves]), shown)
        assert columns["Boxes2D:centers"][2] == []  # those of the frame before are gone
    assert boxes["answers"]["Boxes2D:labels"][0] == [f"0.90  {RED}"]
    red, green, blue = rgb(0)
    assert boxes["answers"]["Boxes2D:colors"][0] == [red << 24 | green << 16 | blue << 8 | 255]
    assert sorted(columns["Scalars:scalars"] for columns in found.values()) == [
        [[0.125]] * 3,
        [[0.9]] * 3,
    ]


@pytest.mark.parametrize("time_s", [-1e10, 1e10])
def test_times_that_rerun_does_not_know(tmp_path, frame, time_s):
    pytest.importorskip("rerun")
    log = viewer_log(tmp_path / "out.rrd")
    log.write(StreamFrame(numbered(0), 0, -9e9, 0.0, ()))
    with pytest.raises(InputError, match=r"expected times within 9\.2e9 seconds of 1970"):
        log.write(StreamFrame(numbered(0), 1, time_s, 0.0, ()))
    log.close()


def test_other_suffixes(tmp_path):
    with pytest.raises(InputError, match=r"\.mcap \(Foxglove\) or \.rrd \(Rerun\), got .*out\.bag"):
        viewer_log(tmp_path / "out.bag")


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("out.rrd", "rerun", "rerun"),
        ("out.mcap", "foxglove_schemas_protobuf", "mcap"),
        ("out.mcap", "mcap_protobuf", "mcap"),
        ("out.mcap", "mcap", "mcap"),
    ],
)
def test_a_missing_extra_is_named_and_the_file_stays(tmp_path, monkeypatch, name, module, extra):
    for loaded in [each for each in sys.modules if each.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / name).write_text("as it was")
    with pytest.raises(MissingRuntimeError, match=rf"\[{extra}\] extra.*piza-edge\[{extra}\]"):
        viewer_log(tmp_path / name)
    assert (tmp_path / name).read_text() == "as it was"


@pytest.mark.parametrize("name", ["out.mcap", "out.rrd"])
def test_places_that_cannot_be_written(tmp_path, name):
    if name == "out.rrd":
        pytest.importorskip("rerun")
    with pytest.raises(InputError, match=f"cannot write .*{name}"):
        viewer_log(tmp_path / "absent" / name)
