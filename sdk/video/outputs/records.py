"""Answers of a stream as lines of JSON and as messages of an MCAP file."""

from __future__ import annotations

import json
import math
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

from sdk.errors import InputError
from sdk.extras import extras_named
from sdk.video.outputs.files import claim, unwritable
from sdk.video.stream import StreamFrame

TOPIC = "/groundings"
SCHEMA_NAME = "piza_edge.Grounding"
CHUNK_BYTES = 64 * 1024  # what a sudden end may cost; libraries write a megabyte at a time

_HEAD = {
    "frame_index": {"type": "integer", "description": "of all frames of the source, from 0"},
    "time_s": {"type": "number", "description": "seconds on the source's clock"},
    "age_ms": {"type": "number", "description": "from the frame's arrival to its answers"},
}


def record_schema() -> dict[str, Any]:
    """The JSON Schema of a record: that of the answer, with the three fields before it."""
    file = resources.files("sdk") / "schemas" / "grounding-3.json"
    answer: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {
        **answer,
        "description": "One object of records(): an answer to_dict() with its frame.",
        "required": [*_HEAD, *answer["required"]],
        "properties": {**_HEAD, **answer["properties"]},
    }


def records(frame: StreamFrame) -> list[dict[str, Any]]:
    """One object for each answer: the frame's number, time and age, then ``to_dict``."""
    head = {
        "frame_index": frame.index,
        "time_s": round(frame.time_s, 9),
        "age_ms": round(frame.age_ms, 3),
    }
    return [{**head, **answer.to_dict()} for answer in frame.answers]


def log_time_ns(frame: StreamFrame) -> int:
    """A frame's time in the nanoseconds of MCAP; InputError for one before 0 or after 2554."""
    whole_s = math.floor(frame.time_s)  # apart, since their product has no exact nanoseconds
    time_ns = whole_s * 10**9 + round((frame.time_s - whole_s) * 1e9)
    if not 0 <= time_ns < 2**64:
        raise InputError(
            f"expected times of 0..1.8e10 seconds for MCAP, found {frame.time_s} on frame"
            f" {frame.index}"
        )
    return time_ns


class JsonLines:
    """A file of one JSON object a line (ASCII), complete up to the last frame at any moment.

    Raises InputError when it cannot be written; what was written before stays whole.
    """

    def __init__(self, path: Path) -> None:
        claim(path)
        self._path = path
        self._file = path.open("wb", buffering=0)
        self._whole_bytes = 0

    def write(self, frame: StreamFrame) -> None:
        """Appends the answers of a frame, all or none."""
        lines = [json.dumps(record, allow_nan=False) + "\n" for record in records(frame)]
        data = "".join(lines).encode("ascii")
        try:
            _write_whole(self._file, data)
        except OSError as error:
            _cut_back(self._file, self._whole_bytes)
            raise unwritable(self._path, error) from error
        self._whole_bytes += len(data)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class McapRecords:
    """An MCAP file with one JSON message for each answer, its frame's time as log time.

    The schema is JSON Schema, as the registry of the MCAP specification has it (message encoding
    ``json``, schema encoding ``jsonschema``). When the disk is full the chunks written before
    stay whole, though the index at the end is missing.
    """

    def __init__(self, path: Path) -> None:
        with extras_named():
            from mcap.writer import CompressionType, Writer
        claim(path, (".mcap",))
        self._path = path
        self._file = _Whole(path)
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.NONE)
        try:
            self._writer.start(profile="", library="piza-edge")
        except OSError as error:
            self._file.close()
            raise unwritable(path, error) from error
        schema = json.dumps(record_schema()).encode()
        number = self._writer.register_schema(SCHEMA_NAME, "jsonschema", schema)
        self._channel = self._writer.register_channel(TOPIC, "json", number)
        self._failed = False

    def write(self, frame: StreamFrame) -> None:
        """Appends the answers of a frame; InputError for a time before 0."""
        for record in records(frame):
            self._add(self._channel, frame, json.dumps(record, allow_nan=False).encode("ascii"))

    def _add(self, channel: int, frame: StreamFrame, data: bytes) -> None:
        """Appends a message about a frame."""
        time_ns = log_time_ns(frame)
        try:
            self._writer.add_message(channel, time_ns, data, time_ns, frame.index)
        except OSError as error:
            self._failed = True
            raise unwritable(self._path, error) from error

    def close(self) -> None:
        """Writes the index and closes the file."""
        try:
            if not self._failed:
                self._writer.finish()
        except OSError as error:
            raise unwritable(self._path, error) from error
        finally:
            self._file.close()


class _Whole:
    """A binary file whose failed writes leave no part of a record behind."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._whole_bytes = 0

    def write(self, data: bytes) -> int:
        try:
            _write_whole(self._file, data)
        except OSError:
            _cut_back(self._file, self._whole_bytes)
            raise
        self._whole_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        return self._whole_bytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self._file.close()


def _write_whole(file: Any, data: bytes) -> None:
    """Writes all of it: an unbuffered file may take a part and say so."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _cut_back(file: BinaryIO | Any, length: int) -> None:
    """Takes an incomplete end away, where the file can be shortened (a device cannot)."""
    try:
        file.truncate(length)
    except OSError:
        return
