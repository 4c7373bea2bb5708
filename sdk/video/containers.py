"""What the container of a film states about it, apart from what a reader only estimates.

OpenCV reports a number of frames for every film; where the container has none, it is the duration
times the frame rate, which is no evidence when frames come at a variable rate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"sidx", b"mfra"}
_HEADER_BYTES = 1 << 20  # the heads of a film, and all that is read of them
_STREAM_HEADER = re.compile(rb"strh.{4}vids.{28}(.{4})", re.DOTALL)  # of AVI, its dwLength
_CODEC_ID = re.compile(rb"V_[A-Z0-9_/]{2,40}")  # of Matroska


def counts_frames(path: Path) -> bool:
    """True when the container itself counts its frames: AVI, and MP4 that is not fragmented."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if head[:4] == b"RIFF":
            found = _STREAM_HEADER.search(head)
            return found is not None and any(found[1])
        kinds = set()
        for kind, begin, end in _chunks(file, path.stat().st_size):
            kinds.add(kind)
            if kind == b"moov":
                file.seek(begin)
                if b"mvex" in file.read(min(end - begin, 64 * _HEADER_BYTES)):
                    return False
    return b"moov" in kinds and b"moof" not in kinds


def missing_bytes(path: Path) -> int:
    """How much shorter a film is than its container says; 0 when it says nothing of it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        return max((end - size for _, _, end in _chunks(file, size)), default=0)


def codec_id(path: Path) -> str | None:
    """The name of the video codec in a Matroska file."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    found = _CODEC_ID.search(head) if head.startswith(_EBML) else None
    return found[0].decode() if found else None


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """The outermost parts of AVI, MP4 and Matroska files that state their size: kind, begin, end.

    The end is where it should be, which may be behind that of the file.
    """
    file.seek(0)
    head = file.read(8)
    if head[:4] == _EBML:
        yield from _segment(file)
    elif head[:4] == b"RIFF" or head[4:] in _BOXES:
        at, order = 0, "little" if head[:4] == b"RIFF" else "big"
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            if order == "little":
                kind, length = head[:4], 8 + int.from_bytes(head[4:8], "little")
                if kind != b"RIFF" or length in (8, 8 + 0xFFFFFFFF):  # not filled in
                    return
            else:
                kind, length = head[4:8], int.from_bytes(head[:4], "big")
                if length == 1:
                    length = int.from_bytes(head[8:16], "big")
                if length < 8:  # 0: to the end of the file
                    length = size - at
            yield kind, at, at + length
            at += length + (length % 2 if order == "little" else 0)


def _segment(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The segment of a Matroska file, behind its header; nothing when its size is left open."""
    file.seek(4)
    header = _variable_size(file)
    if header is None:
        return
    file.seek(header, 1)
    if file.read(4) == _SEGMENT and (length := _variable_size(file)) is not None:
        yield _SEGMENT, file.tell(), file.tell() + length


def _variable_size(file: BinaryIO) -> int | None:
    """A size as EBML writes it, None for one that is unknown."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    more = 8 - first[0].bit_length()
    rest = file.read(more)
    bits = 7 * (more + 1)
    value = int.from_bytes(first + rest, "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 or len(rest) < more else value
