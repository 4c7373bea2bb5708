"""The size of an image file, from its header and its end: thousands of photographs in a second.

``sdk.frame.read_image`` turns a photograph upright as its EXIF data say, so the size here is that
of the upright image as well.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image

from sdk.frame import read_image

_LYING = (5, 6, 7, 8)  # orientations that exchange width and height
_END_OF_IMAGE, _TAIL_BYTES = b"\xff\xd9", 4096  # within pixels, 0xFF is never followed by 0xD9
# A JPEG of one colour takes a byte for some 300 pixels: a header that promises more may well lie.
_MOST_PIXELS_A_BYTE = 1000


def image_wh(path: Path) -> tuple[int, int]:
    """Width and height in pixels of the upright image.

    A JPEG's header is enough when the file has its end and about as many bytes as the size needs
    (damage in the middle is not seen); other files are decoded.

    Args:
        path: the image file.

    Returns:
        Width and height.

    Raises:
        InputError: the file cannot be read or is no whole image.
    """
    return _header_wh(path) or decoded_wh(path)


def decoded_wh(path: Path) -> tuple[int, int]:
    """``image_wh`` by decoding the whole file, which finds any damage that a decoder can see."""
    height, width = read_image(path).shape[:2]
    return width, height


def _header_wh(path: Path) -> tuple[int, int] | None:
    """The upright size that a JPEG states; None where decoding has to tell, or why it cannot."""
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("error")
            image = Image.open(file, formats=("JPEG",))
            exif = Image.Exif()  # image.getexif() takes XMP's orientation too, read_image does not
            exif.load(image.info.get("exif", b""))
            lying = exif.get(ExifTags.Base.Orientation) in _LYING
            found = (image.height, image.width) if lying else image.size
            return found if _is_plausible(file, found) else None
    except Exception:  # whatever Pillow refuses or warns of: its errors have no base in common
        return None


def _is_plausible(file: BinaryIO, size_wh: tuple[int, int]) -> bool:
    length = file.seek(0, os.SEEK_END)
    file.seek(max(length - _TAIL_BYTES, 0))
    return _END_OF_IMAGE in file.read() and size_wh[0] * size_wh[1] <= length * _MOST_PIXELS_A_BYTE
