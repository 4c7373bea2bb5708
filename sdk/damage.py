"""Image files that are not whole: decoders fill up what is missing, and say so on stderr at most.

JPEG and PNG are followed to their end here. Damage inside other formats is seen as far as their
decoder sees it: AVIF, GIF and JPEG 2000 mostly, TIFF, WebP and BMP only where they are too short.
"""

from __future__ import annotations

import zlib

from cpp_ext import jpeg_fault

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def image_fault(data: bytes) -> str | None:
    """What is wrong with the bytes of an image file, to be said after its name; None if nothing is.

    A JPEG is damaged when its picture data are not the codes of as many blocks as its header says,
    or when scans are missing; one that only lacks its end-of-image marker is whole. What is not
    seen: a few changed bytes that still are as many codes. A PNG is damaged when the checksum of a
    chunk that matters is wrong.
    """
    if data.startswith(b"\xff\xd8"):
        return jpeg_fault(data)
    if data.startswith(_PNG_SIGNATURE):
        return _png_fault(data)
    return None


def _png_fault(data: bytes) -> str | None:
    """Follows the chunks of a PNG to IEND."""
    at = len(_PNG_SIGNATURE)
    while at + 12 <= len(data):
        kind, end = data[at + 4 : at + 8], at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        needed = kind[:1].isupper()  # "ancillary" chunks are in lower case
        if needed and zlib.crc32(memoryview(data)[at + 4 : end]) != int.from_bytes(
            data[end : end + 4], "big"
        ):
            return f"is damaged: the checksum of its {kind.decode('latin-1')} chunk is wrong"
        if kind == b"IEND":
            return None
        at = end + 4
    return "is truncated: it ends before its last chunk"
