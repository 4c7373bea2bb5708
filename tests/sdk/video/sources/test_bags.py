"""ROS 2 bags in MCAP as sources."""

from __future__ import annotations

import builtins

import cv2
import numpy as np
import pytest

pytest.importorskip("mcap_ros2")

from mcap.writer import CompressionType
from mcap_ros2.writer import Writer

from sdk.bit_depth import BitDepth
from sdk.errors import InputError, MissingRuntimeError
from sdk.video.sources.opening import as_source
from sdk.video.sources.ros_images import raw_image
from sdk.video.stream import StreamStats

from ..conftest import number_of, numbered

HEADER = "std_msgs/Header header\n"
END = (
    "=" * 80 + "\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n" + "=" * 80
) + "\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n"
DEFINITIONS = {
    "sensor_msgs/msg/Image": HEADER
    + "uint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\n"
    + "uint8[] data\n"
    + END,
    "sensor_msgs/msg/CompressedImage": HEADER + "string format\nuint8[] data\n" + END,
    "std_msgs/msg/String": "string data\n",
}
START_NS = 1_700_000_000_000_000_000


def raw(frame, encoding="bgr8", **changes):
    height, width = frame.shape[:2]
    message = {
        "header": {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": "camera"},
        "height": height,
        "width": width,
        "encoding": encoding,
        "is_bigendian": 0,
        "step": frame.nbytes // height,
        "data": frame.tobytes(),
    }
    return "sensor_msgs/msg/Image", {**message, **changes}


def compressed(frame, form="jpeg", **changes):
    message = {
        "header": {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": "camera"},
        "format": form,
        "data": cv2.imencode(".jpg", frame)[1].tobytes(),
    }
    return "sensor_msgs/msg/CompressedImage", {**message, **changes}


@pytest.fixture
def make_bag(tmp_path):
    """``make_bag([(topic, (type, message)), ...])``: messages 0.1 s apart."""

    def make(messages, compression=CompressionType.NONE, chunk_size=1 << 20):
        path = tmp_path / "drive.mcap"
        with path.open("wb") as file:
            writer = Writer(file, chunk_size=chunk_size, compression=compression)
            schemas = {}
            for number, (topic, (kind, message)) in enumerate(messages):
                if kind not in schemas:
                    schemas[kind] = writer.register_msgdef(kind, DEFINITIONS[kind])
                time_ns = START_NS + number * 100_000_000
                writer.write_message(topic, schemas[kind], message, time_ns)
            writer.finish()
        return path

    return make


@pytest.mark.parametrize("form", [raw, compressed])
@pytest.mark.parametrize("compression", list(CompressionType))
def test_images_of_a_bag(make_bag, stream_of, form, compression):
    messages = [("/camera", form(numbered(number))) for number in range(8)]
    messages.insert(3, ("/chatter", ("std_msgs/msg/String", {"data": "hello"})))
    stream = stream_of(as_source(make_bag(messages, compression)))
    answered = list(stream)
    assert [number_of(frame.image) for frame in answered] == list(range(8))
    seconds = [frame.time_s - START_NS / 1e9 for frame in answered]
    assert seconds == pytest.approx([0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8], abs=1e-6)
    assert stream.length == 8
    assert stream.stats == StreamStats(read=8, answered=8)


def test_the_topic_is_asked_for_when_there_are_several(make_bag, stream_of):
    path = make_bag([("/left", raw(numbered(1))), ("/right", raw(numbered(2)))])
    with pytest.raises(InputError, match="several of images: /left, /right"):
        list(stream_of(as_source(path)))
    (frame,) = stream_of(as_source(path, topic="/right"))
    assert number_of(frame.image) == 2
    with pytest.raises(InputError, match=r"images on /rear .* found /left \(sensor_msgs"):
        list(stream_of(as_source(path, topic="/rear")))


def test_a_bag_without_images(make_bag, stream_of):
    path = make_bag([("/chatter", ("std_msgs/msg/String", {"data": "hello"}))])
    with pytest.raises(InputError, match=r"found /chatter \(std_msgs/msg/String\)"):
        list(stream_of(as_source(path)))


def test_damaged_messages_are_unreadable_frames(make_bag, stream_of):
    whole = compressed(numbered(3))[1]["data"]
    messages = [
        raw(numbered(0)),
        raw(numbered(1), data=numbered(1).tobytes()[:-1]),
        raw(numbered(2), step=3),
        raw(numbered(3), width=0),
        raw(numbered(4, (20, 10))),
    ]
    stream = stream_of(as_source(make_bag([("/camera", message) for message in messages])))
    assert [frame.index for frame in stream] == [0, 4]
    assert stream.stats.unreadable == 3
    messages = [compressed(numbered(0), data=data) for data in (b"", whole[:-9], b"junk", whole)]
    stream = stream_of(as_source(make_bag([("/camera", message) for message in messages])))
    assert [frame.index for frame in stream] == [3]
    assert stream.stats.unreadable == 3


@pytest.mark.parametrize(
    "message", [raw(numbered(0), "32FC1"), compressed(numbered(0), "16UC1; compressedDepth png")]
)
def test_depth_is_no_picture(make_bag, stream_of, message):
    with pytest.raises(InputError, match=r"expected (an image encoding|a compressed picture)"):
        list(stream_of(as_source(make_bag([("/camera", message)]))))


def test_a_truncated_bag_gives_its_whole_chunks(make_bag, stream_of):
    messages = [("/camera", raw(numbered(number))) for number in range(12)]
    path = make_bag(messages, chunk_size=20_000)
    path.write_bytes(path.read_bytes()[:60_000])
    stream = stream_of(as_source(path))
    with pytest.warns(UserWarning, match="is damaged"):
        answered = list(stream)
    assert [number_of(frame.image) for frame in answered] == list(range(len(answered)))
    assert len(answered) >= 4


def test_a_bag_cut_anywhere_never_hangs(make_bag, stream_of, recwarn):
    messages = [("/camera", raw(numbered(number, (16, 12)))) for number in range(6)]
    path = make_bag(messages, chunk_size=1_000)
    data = path.read_bytes()
    most = 0
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        try:
            answered = list(stream_of(as_source(path)))
        except InputError:
            assert length < 2_000  # nothing of it was written yet
            continue
        assert [number_of(frame.image) for frame in answered] == list(range(len(answered)))
        assert len(answered) >= most
        most = len(answered)
    assert most == 6


def test_a_damaged_chunk_is_left_out(make_bag, stream_of):
    messages = [("/camera", raw(numbered(number))) for number in range(6)]
    path = make_bag(messages, chunk_size=5_000)
    data = bytearray(path.read_bytes())
    at = data.index(numbered(2).tobytes())
    data[at + 50] ^= 0xFF
    path.write_bytes(data)
    stream = stream_of(as_source(path))
    with pytest.warns(UserWarning, match="a chunk cannot be read"):
        answered = list(stream)
    assert [number_of(frame.image) for frame in answered] == [0, 1, 3, 4, 5]
    assert [frame.index for frame in answered] == [0, 1, 3, 4, 5]
    assert stream.stats.unreadable == 1


@pytest.mark.parametrize("content", [b"", b"\x89MCAP", b"not a bag at all"])
def test_what_is_no_bag(tmp_path, stream_of, content):
    path = tmp_path / "x.mcap"
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected an MCAP file"):
        list(stream_of(as_source(path)))


def test_without_the_libraries(make_bag, monkeypatch):
    path = make_bag([("/camera", raw(numbered(0)))])
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("mcap"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingRuntimeError, match=r"pip install 'piza-edge\[mcap\]'"):
        as_source(path)


def test_without_a_compression(make_bag, stream_of, monkeypatch):
    path = make_bag([("/camera", raw(numbered(0)))], CompressionType.ZSTD)
    monkeypatch.setattr("mcap.stream_reader.zstandard", None)
    with pytest.raises(InputError, match="pip install lz4 zstandard"):
        list(stream_of(as_source(path)))


class Message:
    """A raw image message as the library decodes it."""

    def __init__(self, fields):
        self.__dict__.update(fields)


COLOR = np.full((4, 6, 3), (200, 100, 50), np.uint8)  # BGR


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("bgr8", COLOR),
        ("rgb8", COLOR[:, :, ::-1]),
        ("bgra8", cv2.cvtColor(COLOR, cv2.COLOR_BGR2BGRA)),
        ("rgba8", cv2.cvtColor(COLOR, cv2.COLOR_BGR2RGBA)),
        ("yuv422_yuy2", cv2.cvtColor(COLOR, cv2.COLOR_BGR2YUV_YUY2)),
        ("yuv422", cv2.cvtColor(COLOR, cv2.COLOR_BGR2YUV_UYVY)),
    ],
)
def test_colour_encodings(encoding, pixels):
    padded = np.pad(pixels.reshape(4, -1), ((0, 0), (0, 5)))  # rows may be longer than the image
    fields = raw(np.ascontiguousarray(pixels), encoding, step=padded.shape[1])[1]
    image = raw_image(Message({**fields, "data": padded.tobytes()}), BitDepth())
    assert image.shape == (4, 6, 3)
    assert np.abs(image.astype(int) - COLOR).max() <= 4


def test_bayer_patterns():
    """A red scene: only the red sites of the mosaic are lit."""
    for encoding, (row, column) in {
        "bayer_rggb8": (0, 0),
        "bayer_bggr8": (1, 1),
        "bayer_gbrg8": (1, 0),
        "bayer_grbg8": (0, 1),
    }.items():
        mosaic = np.zeros((16, 16), np.uint8)
        mosaic[row::2, column::2] = 255
        image = raw_image(Message(raw(mosaic, encoding)[1]), BitDepth())
        assert image[8, 8].tolist() == [0, 0, 255], encoding


@pytest.mark.parametrize("big", [0, 1])
@pytest.mark.parametrize("narrow", ["mono8", "rgb8", "bgra8", "8UC3", "bayer_rggb8"])
def test_12_of_16_bits(narrow, big):
    """The same picture as with eight bits, whatever the order of the bytes."""
    channels = {"mono8": 1, "bayer_rggb8": 1, "bgra8": 4}.get(narrow, 3)
    eight = np.random.default_rng(0).integers(0, 256, (12, 16, channels), np.uint8)
    eight[0, 0] = 255
    twelve = (eight.astype(np.uint16) << 4).astype(">u2" if big else "<u2")
    wide = narrow.replace("8", "16")
    expected = raw_image(Message(raw(eight, narrow)[1]), BitDepth())
    with pytest.warns(UserWarning, match=f"{wide} images: of 16 bits a value, 12 are in use"):
        image = raw_image(Message(raw(twelve, wide, is_bigendian=big)[1]), BitDepth())
    assert (image == expected).all()


def test_the_brightness_of_a_topic_does_not_flicker(make_bag, stream_of):
    pixels = [np.full((48, 64), value, np.uint16) for value in (4095, 100, 1023, 4095)]
    twelve = [raw(each, "mono16") for each in pixels]
    png = [compressed(each, data=cv2.imencode(".png", each)[1].tobytes()) for each in pixels]
    for messages in (twelve, png):
        path = make_bag([("/camera", message) for message in messages])
        with pytest.warns(UserWarning, match="12 are in use"):
            answered = list(stream_of(as_source(path)))
        assert [int(frame.image[0, 0, 0]) for frame in answered] == [255, 6, 63, 255]


def test_damaged_jpegs_in_a_bag(make_bag, stream_of):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    hole = whole[:9000] + bytes(300) + whole[9300:]
    messages = [compressed(noise, data=data) for data in (whole, hole, whole[:-2])]
    stream = stream_of(as_source(make_bag([("/camera", message) for message in messages])))
    assert [frame.index for frame in stream] == [0, 2]
    assert stream.stats.unreadable == 1


def test_a_bag_tells_its_rate(make_bag, stream_of):
    stream = stream_of(as_source(make_bag([("/camera", raw(numbered(k))) for k in range(5)])))
    times_s = [frame.time_s for frame in stream]
    assert stream.fps == pytest.approx(4 / (times_s[-1] - times_s[0]), rel=1e-6)


@pytest.mark.parametrize("big", [0, 1])
def test_mono16_keeps_the_upper_byte(big):
    pixels = np.full((4, 6), 0x40FF, ">u2" if big else "<u2")
    image = raw_image(Message(raw(pixels, "mono16", is_bigendian=big)[1]), BitDepth())
    assert image.shape == (4, 6, 3)
    assert (image == 0x40).all()


def test_an_odd_width_of_422():
    assert raw_image(Message(raw(np.zeros((4, 5, 2), np.uint8), "yuv422")[1]), BitDepth()) is None
