"""The size of an image file, from its header: thousands of photographs in a second.

``sdk.frame.read_image`` turns a photograph upright as its EXIF data say, so the size here is that
of the upright image as well.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from sdk.errors import InputError
from sdk.frame import read_image

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_END_OF_HEADER = (0xD9, 0xDA)  # end of image, start of scan
_STANDALONE = (0x01, *range(0xD0, 0xD9))  # markers without a segment
_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)  # orientations that exchange width and height


def image_wh(path: Path) -> tuple[int, int]:
    """Width and height in pixels of the upright image.

    A JPEG's header is enough (what comes after it is not looked at); other formats are decoded.
    Raises InputError for a file that cannot be read or is no image.
    """
    try:
        with path.open("rb") as file:
            found = _jpeg_wh(file) if file.read(2) == b"\xff\xd8" else None
    except OSError as error:
        raise InputError(f"cannot read the image {path}: {error.strerror or error}") from error
    if found is None:
        height, width = read_image(path).shape[:2]
        return width, height
    return found


def _jpeg_wh(file: BinaryIO) -> tuple[int, int] | None:
    """The size from the segments of a JPEG, from after its first marker; None if there is none."""
    size, orientation = None, None
    while (marker := _next_marker(file)) is not None and marker not in _END_OF_HEADER:
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(file.read(2), "big") - 2
        if length < 0:
            return None
        if marker in _START_OF_FRAME:
            data = file.read(length)
            size = struct.unpack(">HH", data[1:5]) if len(data) >= 5 else None
        elif marker == 0xE1 and orientation is None:
            orientation = _exif_orientation(file.read(length))
        else:
            file.seek(length, 1)
    if size is None or 0 in size:
        return None
    height, width = size
    return (height, width) if orientation in _LYING else (width, height)


def _next_marker(file: BinaryIO) -> int | None:
    """The code after the next 0xFF; None at the end of the file."""
    byte = file.read(1)
    while byte and byte != b"\xff":
        byte = file.read(1)
    while byte == b"\xff":
        byte = file.read(1)
    return byte[0] if byte else None


def _exif_orientation(segment: bytes) -> int | None:
    """The orientation of an APP1 segment, 1 to 8; None when it is not EXIF or does not say."""
    if not segment.startswith(b"Exif\0\0"):
        return None
    tiff = segment[6:]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for number in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * number)
            if tag == _ORIENTATION and kind == 3:  # a 16-bit number
                return int(value)
    except struct.error:
        return None
    return None
