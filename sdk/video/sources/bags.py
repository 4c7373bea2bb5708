"""ROS 2 bags in MCAP: the images of one topic as a recording.

The file is read from its beginning, record by record (MCAP specification, mcap.dev/spec), so that
a bag whose recorder died, without its index, gives what it has. A frame's time is its message's
log time: the clock of every player, and of the answers that ``--mcap`` writes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sdk.bit_depth import BitDepth
from sdk.errors import InputError
from sdk.extras import extras_named
from sdk.frame import Frame
from sdk.video.sources.ros_images import compressed_image, raw_image
from sdk.video.sources.source import MAX_FPS, CapturedFrame, CutShortError, Source

MAGIC = b"\x89MCAP0\r\n"
_DECODERS: dict[str, Callable[[Any, BitDepth], Frame | None]] = {
    "sensor_msgs/msg/Image": raw_image,
    "sensor_msgs/msg/CompressedImage": compressed_image,
}


class Bag(Source):
    """The images of one topic; ``topic`` may be None where the bag has only one such topic.

    ``time_s`` are Unix seconds (log time). Messages come in the order of the file.
    """

    def __init__(self, path: Path, topic: str | None) -> None:
        _require_mcap()
        self.name = str(path)
        self._path = path
        self._topic = topic

    def shots(self) -> Generator[CapturedFrame, None, None]:
        """One frame for each message; a chunk with a wrong checksum is one unreadable frame."""
        from mcap.records import Channel, Message, Schema

        schemas: dict[int, Any] = {}
        channels: dict[int, Any] = {}
        readers: dict[int, Callable[[bytes], Frame | None]] = {}  # by channel
        cut: str | None = None
        with _opened(self._path) as file:
            topic, self.length = self._choose(file)
            for record in _records(file):
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel):
                    channels[record.id] = record
                    if topic is None and _is_image(channels[record.id], schemas):
                        topic = record.topic  # no index: the first one
                elif isinstance(record, Message):
                    channel = channels.get(record.channel_id)
                    if channel is None or channel.topic != topic:
                        continue
                    if channel.id not in readers:
                        readers[channel.id] = _reader(channel, schemas)
                    yield CapturedFrame(readers[channel.id](record.data), record.log_time / 1e9)
                elif isinstance(record, _Damage):
                    cut = record.what
                    if record.chunk:
                        yield CapturedFrame(None)
        if topic is None or not any(channel.topic == topic for channel in channels.values()):
            raise InputError(_no_topic(self.name, topic, channels, schemas))
        if cut is not None:
            raise CutShortError(f"{self.name} is damaged: {cut}")

    def _choose(self, file: BinaryIO) -> tuple[str | None, int | None]:
        """The topic to read and its number of messages, as far as the bag's index tells."""
        from mcap.reader import make_reader

        try:
            summary = make_reader(file).get_summary()
        except Exception:  # the library raises whatever the damage leads to
            summary = None
        file.seek(0)
        if summary is None:
            return self._topic, None
        images = {
            channel.topic: channel.id
            for channel in summary.channels.values()
            if _is_image(channel, summary.schemas)
        }
        if self._topic is None and len(images) > 1:
            names = ", ".join(sorted(images))
            raise InputError(f"expected a topic, since {self.name} has several of images: {names}")
        topic = self._topic or next(iter(images), None)
        if topic is None or topic not in images:
            raise InputError(_no_topic(self.name, topic, summary.channels, summary.schemas))
        if summary.statistics is None:
            return topic, None
        count = summary.statistics.channel_message_counts.get(images[topic])
        seconds = (
            summary.statistics.message_end_time - summary.statistics.message_start_time
        ) / 1e9
        if count and count > 1 and seconds > 0:
            self.fps = min((count - 1) / seconds, MAX_FPS)
        return topic, count


class _Damage:
    """A place at which a bag cannot be read; ``chunk``: the reading goes on behind it."""

    def __init__(self, what: str, *, chunk: bool) -> None:
        self.what = what
        self.chunk = chunk


def _records(file: BinaryIO) -> Iterator[Any]:
    """Every record of the data section, those in chunks too, and a ``_Damage`` for what is lost."""
    from mcap.exceptions import UnsupportedCompressionError
    from mcap.records import Chunk, DataEnd
    from mcap.stream_reader import StreamReader, breakup_chunk

    records = StreamReader(file, emit_chunks=True).records
    while True:
        try:
            record = next(records)
            if isinstance(record, DataEnd):
                return
        except StopIteration:
            return
        except Exception as error:  # the library raises whatever the damage leads to
            why = str(error) or type(error).__name__
            yield _Damage(f"it ends after {file.tell()} bytes ({why})", chunk=False)
            return
        if not isinstance(record, Chunk):
            yield record
            continue
        try:
            parts = breakup_chunk(record, validate_crc=True)
        except UnsupportedCompressionError as error:
            raise InputError(f"cannot read the bag: {error}: pip install lz4 zstandard") from error
        except Exception as error:  # likewise
            why = str(error) or type(error).__name__
            yield _Damage(f"a chunk cannot be read ({why})", chunk=True)
        else:
            yield from parts


def _reader(channel: Any, schemas: dict[int, Any]) -> Callable[[bytes], Frame | None]:
    """Message data -> frame, None when the data are damaged; InputError for other messages."""
    from mcap_ros2.decoder import DecoderFactory

    schema = schemas.get(channel.schema_id)
    decode = _DECODERS.get(schema.name) if schema is not None else None
    parse = DecoderFactory().decoder_for(channel.message_encoding, schema) if decode else None
    if decode is None or parse is None:
        kind = "no schema" if schema is None else f"{schema.name} ({channel.message_encoding})"
        raise InputError(
            f"expected {' or '.join(_DECODERS)} (cdr) on {channel.topic}, found {kind}"
        )

    depth = BitDepth()

    def read(data: bytes) -> Frame | None:
        try:
            message = parse(data)
        except (struct.error, ValueError, IndexError):
            return None
        return decode(message, depth)

    return read


def _is_image(channel: Any, schemas: dict[int, Any]) -> bool:
    schema = schemas.get(channel.schema_id)
    return schema is not None and schema.name in _DECODERS


def _no_topic(
    name: str, topic: str | None, channels: dict[int, Any], schemas: dict[int, Any]
) -> str:
    wanted = " or ".join(_DECODERS) if topic is None else f"images on {topic}"
    found = sorted(
        f"{channel.topic} ({schemas[channel.schema_id].name})"
        if channel.schema_id in schemas
        else channel.topic
        for channel in channels.values()
    )
    return f"expected {wanted} in {name}, found {', '.join(found) or 'no topics'}"


def _opened(path: Path) -> BinaryIO:
    """The file at its beginning; InputError when it cannot be read or is no MCAP."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    start = file.read(len(MAGIC))
    if start != MAGIC:
        file.close()
        raise InputError(f"expected an MCAP file, found {path} to begin with {start!r}")
    file.seek(0)
    return file


def _require_mcap() -> None:
    with extras_named():
        import mcap_ros2.decoder  # noqa: F401
