"""From what a caller names as a source to the source."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from sdk.errors import InputError
from sdk.video.addresses import public_address
from sdk.video.sources.source import Source

_URL = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://")
_DEVICE = re.compile(r"^/dev/video(\d+)$")


def as_source(
    named: int | str | os.PathLike[str] | Iterable[Any],
    *,
    topic: str | None = None,
    timeout_s: float | None = None,
) -> Source:
    """The source that a caller means.

    Args:
        named: a camera number (or ``/dev/videoN``), a URL, a GStreamer pipeline (a string with
            ``!``), a video file, an image, a folder or glob pattern of images, an MCAP file, or
            an iterable of frames or ``(time_s, frame)``.
        topic: the image topic of an MCAP file.
        timeout_s: patience with a network address.

    Raises:
        InputError: there is no such source, or a library for it is missing.
    """
    source = _from_name(named, topic, timeout_s)
    if topic is not None:
        from sdk.video.sources.bags import Bag

        if not isinstance(source, Bag):
            raise InputError(f"expected no topic for {source.name}: only an MCAP file has topics")
    return source


def is_live(named: int | str) -> bool:
    """True for a camera, an address or a pipeline: what goes on whether or not anybody looks."""
    if isinstance(named, int):
        return True
    if _URL.match(named) or _DEVICE.match(named):
        return True
    return "!" in named and not Path(named).exists()


def _from_name(named: Any, topic: str | None, timeout_s: float | None) -> Source:
    if not isinstance(named, bool) and isinstance(named, Integral):
        return _camera(int(named))
    if isinstance(named, str | os.PathLike):
        return _from_text(os.fspath(named), topic, timeout_s)
    if isinstance(named, np.ndarray) and named.ndim < 4:
        raise InputError(
            f"expected an iterable of frames, got one array of {named.ndim} dimensions:"
            " Grounder.locate takes a single frame"
        )
    if isinstance(named, Iterable) and not isinstance(named, bytes | dict):
        from sdk.video.sources.arrays import Arrays

        return Arrays(named)
    raise InputError(
        "expected a camera number, a path, a URL, a GStreamer pipeline or an iterable of frames,"
        f" got {type(named).__name__}"
    )


def _from_text(text: str, topic: str | None, timeout_s: float | None) -> Source:
    if not text or "\0" in text:
        raise InputError(f"expected the name of a source, got {text!r}")
    if device := _DEVICE.match(text):
        return _camera(int(device[1]))
    if _URL.match(text):
        from sdk.video.sources.captures import NetworkStream

        return NetworkStream(text, timeout_s)
    path = Path(text)
    if path.exists():
        return _from_path(path, topic)
    if "!" in text:
        from sdk.video.sources.captures import NetworkStream

        return NetworkStream(text, timeout_s, pipeline=True)
    if any(sign in text for sign in "*?["):
        from sdk.video.sources.images import ImageFiles, images_like

        return ImageFiles(text, images_like(text))
    raise InputError(
        f"expected a video, a folder of images or an MCAP file, found no {public_address(text)}"
    )


def _from_path(path: Path, topic: str | None) -> Source:
    from sdk.video.sources.images import ImageFiles, images_in, is_image

    if path.is_dir():
        return ImageFiles(str(path), images_in(path))
    if is_image(path):
        return ImageFiles(str(path), [path])
    if path.suffix.lower() == ".mcap":
        from sdk.video.sources.bags import Bag

        return Bag(path, topic)
    from sdk.video.sources.captures import VideoFile

    return VideoFile(str(path))


def _camera(number: int) -> Source:
    if number < 0:
        raise InputError(f"expected a camera number of at least 0, got {number}")
    from sdk.video.sources.captures import Camera

    return Camera(number)
