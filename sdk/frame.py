"""Frames: the check of an array, and reading and writing of image files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError

Frame = NDArray[np.uint8]

ColorOrder = Literal["bgr", "rgb"]
_JPEG_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")  # neither stuffing nor restart


def check_frame(frame: Any) -> Frame:
    """The frame itself when it is ``(h, w, 3)`` uint8 with ``h, w >= 1``; never a copy.

    Views with any strides are welcome. Everything else raises InputError.
    """
    if frame is None:
        raise InputError("expected a frame (h, w, 3) uint8, got None: was the image read at all?")
    if not isinstance(frame, np.ndarray):
        raise InputError(f"expected a numpy array (h, w, 3) uint8, got {type(frame).__name__}")
    shape = "x".join(map(str, frame.shape)) or "a scalar"
    if frame.dtype != np.uint8:
        what = f"expected a uint8 frame with values 0..255, got {frame.dtype} ({shape})"
        if np.issubdtype(frame.dtype, np.floating) and not np.isfinite(frame).all():
            what += " with values that are NaN or infinite"
        raise InputError(f"{what}: convert it first")
    if frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1):
        raise InputError(f"expected 3 channels, got 1 ({shape}): cv2.cvtColor(..., COLOR_GRAY2BGR)")
    if frame.ndim == 3 and frame.shape[2] == 4:
        raise InputError(f"expected 3 channels, got 4 ({shape}): drop alpha with frame[:, :, :3]")
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise InputError(f"expected a frame (h, w, 3), got {shape}")
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        raise InputError(f"expected a frame of at least 1x1 pixels, got {shape}")
    return frame


def check_color(color: str) -> ColorOrder:
    """``color`` when it is ``"bgr"`` or ``"rgb"``, else InputError."""
    if color not in ("bgr", "rgb"):
        raise InputError(f'expected color "bgr" or "rgb", got {color!r}')
    return cast(ColorOrder, color)


def read_image(path: str | Path) -> Frame:
    """An image file as a BGR frame ``(h, w, 3)`` uint8, turned upright as its EXIF data say.

    Grey images get three channels and transparency is dropped. Raises InputError for a file that
    is missing, is no image, or ends before the image does.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the image {path}: {error.strerror or error}") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, name: str) -> Frame:
    """The bytes of an image file, called ``name`` in messages, as ``read_image`` gives it."""
    import cv2

    if _is_truncated(data):
        raise InputError(f"the image {name} is truncated: it ends after {len(data)} bytes")
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as error:
        large = "CV_IO_MAX_IMAGE" in str(error)
        why = "it has more pixels than OpenCV decodes (2^30)" if large else error.err
        raise InputError(f"cannot decode the image {name}: {why}") from error
    if frame is None:
        raise InputError(f"expected an image (JPEG, PNG, ...) in {name} ({len(data)} bytes)")
    return check_frame(frame)


def write_image(path: str | Path, picture: Frame, color: str = "bgr") -> None:
    """Writes ``(h, w, 3)`` uint8 in the format of the suffix; raises InputError when it cannot."""
    target = Path(path)
    try:
        data = encode_image(picture, target.suffix.lower(), color)
        target.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error


def encode_image(picture: Frame, suffix: str, color: str = "bgr") -> bytes:
    """The bytes of an image file of a format, such as ``".png"``, which is lossless."""
    import cv2

    bgr = check_frame(picture) if check_color(color) == "bgr" else picture[:, :, ::-1]
    try:
        _, data = cv2.imencode(suffix, np.ascontiguousarray(bgr))
    except cv2.error:
        raise InputError(f"expected an image suffix (.jpg, .png), got {suffix!r}") from None
    return data.tobytes()


def _is_truncated(data: bytes) -> bool:
    """True for a JPEG or a PNG without its end: decoders fill up such a picture with grey."""
    if data.startswith(b"\xff\xd8"):
        return not _jpeg_ends(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return not _png_ends(data)
    return False


def _jpeg_ends(data: bytes) -> bool:
    """Follows the markers of a JPEG to its end-of-image marker (thumbnails have their own)."""
    at = 2
    while marker := _JPEG_MARKER.search(data, at):
        at = marker.end()
        code = marker[1][0]
        if code == 0xD9:
            return True
        if code != 0x01:  # every other marker is followed by a segment of a stated length
            at += int.from_bytes(data[at : at + 2], "big")
    return False


def _png_ends(data: bytes) -> bool:
    """Follows the chunks of a PNG to IEND."""
    at = 8
    while at + 12 <= len(data):
        if data[at + 4 : at + 8] == b"IEND":
            return True
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return False
