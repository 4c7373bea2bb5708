"""ROS 2 image messages as BGR frames.

Encodings as ``sensor_msgs/image_encodings.hpp`` lists them; the layout is that of the message
definitions ``sensor_msgs/msg/Image`` and ``CompressedImage``.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

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
_MONO16 = "mono16"


def raw_image(message: Any) -> Frame | None:
    """A ``sensor_msgs/msg/Image`` as ``(h, w, 3)`` uint8 BGR, None when it is damaged.

    Of ``mono16`` the upper eight bits are kept. Raises InputError for an encoding that is not a
    picture for people (depth, floats).
    """
    encoding = str(message.encoding)
    if encoding != _MONO16 and encoding not in _BYTES:
        known = ", ".join([*_BYTES, _MONO16])
        raise InputError(f"expected an image encoding of {known}, found {encoding!r}")
    channels, conversion = _BYTES.get(encoding, (2, None))
    height, width, step = int(message.height), int(message.width), int(message.step)
    data = np.frombuffer(message.data, np.uint8)
    if not (height > 0 and 0 < width * channels <= step and height * step <= data.size):
        return None
    rows = data[: height * step].reshape(height, step)[:, : width * channels]
    pixels = np.ascontiguousarray(rows).reshape(height, width, channels)
    if encoding == _MONO16:
        upper = pixels[:, :, 0 if message.is_bigendian else 1]
        return cv2.cvtColor(np.ascontiguousarray(upper), cv2.COLOR_GRAY2BGR)
    if conversion is None:
        return pixels
    try:
        return cv2.cvtColor(pixels, conversion)
    except cv2.error:  # such as 4:2:2 pixels of an odd width
        return None


def compressed_image(message: Any) -> Frame | None:
    """A ``sensor_msgs/msg/CompressedImage`` as BGR, None when it is damaged.

    Raises InputError for compressed depth, which is no picture.
    """
    if "compressedDepth" in str(message.format):
        raise InputError(f"expected a compressed picture, found {message.format!r}")
    try:
        return decode_image(bytes(message.data), "of the message")
    except InputError:
        return None
