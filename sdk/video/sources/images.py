"""Folders and patterns of image files as a recording."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from sdk.bit_depth import BitDepth
from sdk.errors import InputError
from sdk.frame import decode_image
from sdk.video.sources.source import CapturedFrame, Source

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
FPS = 10.0  # images carry no time; driving data sets record about ten a second (our own choice)


class ImageFiles(Source):
    """Image files in order, ten to a second; one that cannot be read is an unreadable frame."""

    fps = FPS

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        self.name = name
        self.length = len(paths)
        self._paths = tuple(paths)

    def shots(self) -> Generator[CapturedFrame, None, None]:
        """One frame for each file."""
        depth = BitDepth()
        for number, path in enumerate(self._paths):
            try:
                image = decode_image(path.read_bytes(), str(path), depth)
            except (InputError, OSError):
                image = None
            yield CapturedFrame(image, number / FPS)


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder, ``frame_2`` before ``frame_10``; InputError without any."""
    return _some((path for path in folder.iterdir() if path.is_file()), str(folder))


def images_like(pattern: str) -> list[Path]:
    """The image files that a glob pattern matches, in the same order."""
    import glob

    return _some((Path(name) for name in glob.glob(pattern, recursive=True)), pattern)


def is_image(path: Path) -> bool:
    """True for a suffix of images."""
    return path.suffix.lower() in SUFFIXES


def _some(paths: Iterator[Path], where: str) -> list[Path]:
    found = sorted(filter(is_image, paths), key=_natural)
    if not found:
        raise InputError(f"expected images ({', '.join(sorted(SUFFIXES))}) in {where}, found none")
    return found


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key: digits count as numbers."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
