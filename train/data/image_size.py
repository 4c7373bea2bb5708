"""The size of an image file, from its header and its end: thousands of photographs in a second.

``sdk.frame.read_image`` turns a photograph upright as its EXIF data say, so the size here is that
of the upright image as well.
"""

from __future__ import annotations

import os
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
_END_OF_IMAGE, _TAIL_BYTES = b"\xff\xd9", 4096  # within pixels, 0xFF is never followed by 0xD9
# A JPEG of one colour takes a byte for some 300 pixels: a header that promises more may well lie.
_MOST_PIXELS_A_BYTE = 1000


def image_wh(path: Path) -> tuple[int, int]:
    """Width and height in pixels of the upright image.

    A JPEG's header is enough when the file has its end and about as many bytes as the size needs
    (damage in the middle is not seen); other files are decoded. Raises InputError for a file that
    cannot be read or is no whole image.
    """
    try:
        with path.open("rb") as file:
            found = _jpeg_wh(file) if file.read(2) == b"\xff\xd8" else None
            whole = found is not None and _is_plausible(file, found)
    except OSError as error:
        raise InputError(f"cannot read the image {path}: {error.strerror or error}") from error
    return found if found is not None and whole else decoded_wh(path)


def decoded_wh(path: Path) -> tuple[int, int]:
    """``image_wh`` by decoding the whole file, which finds any damage that a decoder can see."""
    height, width = read_image(path).shape[:2]
    return width, height


def _is_plausible(file: BinaryIO, size_wh: tuple[int, int]) -> bool:
    length = file.seek(0, os.SEEK_END)
    file.seek(max(length - _TAIL_BYTES, 0))
    return _END_OF_IMAGE in file.read() and size_wh[0] * size_wh[1] <= length * _MOST_PIXELS_A_BYTE


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
