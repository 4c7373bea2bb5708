"""Frames: the check of an array, and reading and writing of image files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from sdk.bit_depth import BitDepth
from sdk.damage import image_fault
from sdk.errors import InputError
from sdk.nv12 import Nv12

Frame = NDArray[np.uint8]

ColorOrder = Literal["bgr", "rgb"]
_JPEG, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_MAY_HAVE_16_BITS = (b"\x89PNG", b"II*\x00", b"MM\x00*", b"P5", b"P6")  # PNG, TIFF, PGM, PPM


def check_frame(frame: Any) -> Frame:
    """The frame itself when it is ``(h, w, 3)`` uint8 with ``h, w >= 1``; never a copy.

    Views with any strides are welcome, and ``Nv12``, which stands for such an array. Everything
    else raises InputError.
    """
    if isinstance(frame, Nv12):
        return cast(Frame, frame)
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


def three_channels(frame: Any) -> Frame:
    """A copy of a frame; a grey one gets three channels, a fourth channel is dropped.

    Raises InputError for what is no frame even so.
    """
    import cv2

    if isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.size:
        if frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1):
            return cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_GRAY2BGR)
        if frame.ndim == 3 and frame.shape[2] == 4:
            return np.ascontiguousarray(frame[:, :, :3])
    return check_frame(frame).copy()


def check_color(color: str, frame: Frame | None = None) -> ColorOrder:
    """``color`` when it is ``"bgr"`` or ``"rgb"``, else InputError; an ``Nv12`` frame is BGR."""
    if not isinstance(color, str) or color not in ("bgr", "rgb"):
        raise InputError(f'expected color "bgr" or "rgb", got {color!r}')
    if color == "rgb" and isinstance(frame, Nv12):
        raise InputError('expected color "bgr" with a frame of NV12: so its pixels are given')
    return cast(ColorOrder, color)


def read_image(path: str | Path) -> Frame:
    """An image file as a BGR frame ``(h, w, 3)`` uint8, turned upright as its EXIF data say.

    Grey images get three channels and transparency is dropped; of 16 bits a channel the upper
    eight of those in use are kept, with a warning where fewer are in use (``BitDepth``). Raises
    InputError for a file that is missing, is no image, or is damaged (``image_fault``).
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the image {path}: {error.strerror or error}") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, name: str, depth: BitDepth | None = None) -> Frame:
    """An image file in memory as a frame, as ``read_image`` gives it.

    Args:
        data: the bytes of the file.
        name: what messages call it.
        depth: that of all images of a stream; by default each image has its own.

    Returns:
        ``(h, w, 3)`` uint8, BGR, upright.

    Raises:
        InputError: the bytes are no image, or a damaged one, or one of more pixels than OpenCV
            decodes.
    """
    import cv2

    if (fault := image_fault(data)) is not None:
        raise InputError(f"the image {name} {fault} ({len(data)} bytes)")
    if data.startswith(_JPEG):
        data += _JPEG_END  # OpenCV takes no whole picture without it, and does not mind two
    flags = cv2.IMREAD_COLOR
    if data.startswith(_MAY_HAVE_16_BITS):  # other decoders scale by the depth that the file states
        flags |= cv2.IMREAD_ANYDEPTH
    try:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:
        large = "CV_IO_MAX_IMAGE" in str(error)
        why = "it has more pixels than OpenCV decodes (2^30)" if large else error.err
        raise InputError(f"cannot decode the image {name}: {why}") from error
    if frame is None:
        raise InputError(f"expected an image (JPEG, PNG, ...) in {name} ({len(data)} bytes)")
    if frame.dtype == np.uint16:
        frame = (BitDepth() if depth is None else depth).to_bytes(frame, f"the image {name}")
    return check_frame(frame)


def write_image(path: str | Path, picture: Frame, color: str = "bgr") -> None:
    """Writes an image file in the format of the suffix.

    Args:
        path: the file, ``.png`` for a lossless one; its folder exists.
        picture: ``(h, w, 3)`` uint8.
        color: order of its channels, ``"bgr"`` or ``"rgb"``.

    Raises:
        InputError: the file cannot be written, or ``encode_image`` refuses what is given.
    """
    target = Path(path)
    try:
        data = encode_image(picture, target.suffix.lower(), color)
        target.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error


def encode_image(picture: Frame, suffix: str, color: str = "bgr") -> bytes:
    """A picture as the bytes of an image file.

    Args:
        picture: ``(h, w, 3)`` uint8.
        suffix: of the format, such as ``".jpg"``, or ``".png"``, which is lossless.
        color: order of the picture's channels, ``"bgr"`` or ``"rgb"``.

    Returns:
        What a file of that suffix holds.

    Raises:
        InputError: no such picture, a suffix that OpenCV has no format for, or another order.
    """
    import cv2

    frame = check_frame(picture)
    bgr = frame if check_color(color) == "bgr" else frame[:, :, ::-1]
    try:
        _, data = cv2.imencode(suffix, np.ascontiguousarray(bgr))
    except cv2.error:
        raise InputError(f"expected an image suffix (.jpg, .png), got {suffix!r}") from None
    return data.tobytes()
