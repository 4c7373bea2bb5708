"""ROS 2 image messages as BGR frames.

Encodings as ``sensor_msgs/image_encodings.hpp`` lists them; the layout is that of the message
definitions ``sensor_msgs/msg/Image`` and ``CompressedImage``.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from sdk.bit_depth import BitDepth
from sdk.errors import InputError
from sdk.frame import Frame, decode_image

# encoding -> channels of a pixel, conversion to BGR (None: it is BGR)
_BYTES: dict[str, tuple[int, int | None]] = {
    "bgr8": (3, None),
    "8UC3": (3, None),
    "rgb8": (3, cv2.COLOR_RGB2BGR),
    "bgra8": (4, cv2.COLOR_BGRA2BGR),
    "8UC4": (4, cv2.COLOR_BGRA2BGR),
    "rgba8": (4, cv2.COLOR_RGBA2BGR),
    "mono8": (1, cv2.COLOR_GRAY2BGR),
    "8UC1": (1, cv2.COLOR_GRAY2BGR),
    "bayer_rggb8": (1, cv2.COLOR_BayerRGGB2BGR),
    "bayer_bggr8": (1, cv2.COLOR_BayerBGGR2BGR),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGBRG2BGR),
    "bayer_grbg8": (1, cv2.COLOR_BayerGRBG2BGR),
    "yuv422": (2, cv2.COLOR_YUV2BGR_UYVY),
    "uyvy": (2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": (2, cv2.COLOR_YUV2BGR_YUY2),
}
# The same with 16 bits a value. "16UC1" is missing on purpose: it is mostly a depth image.
_WORDS = {
    **{name[:-1] + "16": entry for name, entry in _BYTES.items() if name.endswith("8")},
    **{name.replace("8", "16"): _BYTES[name] for name in ("8UC3", "8UC4")},
}


def raw_image(message: Any, depth: BitDepth) -> Frame | None:
    """A ``sensor_msgs/msg/Image`` as ``(h, w, 3)`` uint8 BGR, None when it is damaged.

    Of 16 bits the upper eight of those in use are kept; ``depth`` is that of the topic. Raises
    InputError for an encoding that is not a picture for people (depth, floats).
    """
    encoding = str(message.encoding)
    known = {**_BYTES, **_WORDS}
    if encoding not in known:
        raise InputError(f"expected an image encoding of {', '.join(known)}, found {encoding!r}")
    channels, conversion = known[encoding]
    row_bytes = int(message.width) * channels * (2 if encoding in _WORDS else 1)
    height, width, step = int(message.height), int(message.width), int(message.step)
    data = np.frombuffer(message.data, np.uint8)
    if not (height > 0 and 0 < row_bytes <= step and height * step <= data.size):
        return None
    rows = np.ascontiguousarray(data[: height * step].reshape(height, step)[:, :row_bytes])
    if encoding in _WORDS:
        words = rows.view(">u2" if message.is_bigendian else "<u2").astype(np.uint16)
        rows = depth.to_bytes(words, f"{encoding} images")
    pixels = rows.reshape(height, width, channels)
    if conversion is None:
        return pixels
    try:
        return cv2.cvtColor(pixels, conversion)
    except cv2.error:  # such as 4:2:2 pixels of an odd width
        return None


def compressed_image(message: Any, depth: BitDepth) -> Frame | None:
    """A ``sensor_msgs/msg/CompressedImage`` as BGR, None when it is damaged.

    ``depth`` is that of the topic. Raises InputError for compressed depth, which is no picture.
    """
    if "compressedDepth" in str(message.format):
        raise InputError(f"expected a compressed picture, found {message.format!r}")
    try:
        return decode_image(bytes(message.data), "of the message", depth)
    except InputError:
        return None
