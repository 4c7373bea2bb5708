"""Logs to measure a batch with: rendered films, files that are damaged, many small files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.scenes import make_scene, render
from sdk.errors import InputError

Frame = NDArray[np.uint8]

FILM_WH = (640, 360)
SCENE_FRAMES = 50  # before the next scene
_FPS = 10.0
_DISTINCT = 10  # of many small files


def frames(count: int, seed: int) -> Iterator[Frame]:
    """``count`` pictures of ``FILM_WH``: a view that glides across one rendered scene after the
    other, so that no two are the same.

    Args:
        count: how many.
        seed: of the first scene.

    Returns:
        Frames (360, 640, 3) uint8, BGR.
    """
    width, height = FILM_WH
    for number in range(count):
        scene, step = divmod(number, SCENE_FRAMES)
        if not step:
            picture = render(make_scene(seed + scene))
        room_h, room_w = picture.shape[0] - height, picture.shape[1] - width
        left = room_w * step // (SCENE_FRAMES - 1)
        top = room_h * (step % 7) // 6
        yield picture[top : top + height, left : left + width]


def write_film(path: Path, pictures: Iterator[Frame]) -> None:
    """A film of ten frames a second, as MPEG-4, which every OpenCV writes.

    Args:
        path: the file.
        pictures: at least one, all of one size.

    Raises:
        InputError: the film cannot be written.
    """
    first = next(pictures)
    height, width = first.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), _FPS, (width, height))
    if not writer.isOpened():
        raise InputError(f"cannot write {path}: this OpenCV has no MPEG-4")
    writer.write(first)
    for picture in pictures:
        writer.write(picture)
    writer.release()


def read_film(path: Path) -> Iterator[tuple[Frame, float]]:
    """A film by OpenCV alone, without the sources of ``sdk.video``: frames, and seconds on the
    film's clock."""
    capture = cv2.VideoCapture(str(path))
    while (read := capture.read())[0]:
        yield read[1], capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
    capture.release()


def write_films(folder: Path, films: int, count: int, seed: int) -> list[Path]:
    """``count`` frames in ``films`` films, the first of them the longer ones.

    Args:
        folder: made here.
        films: at most ``count``.
        count: frames in all.
        seed: of the first scene.

    Returns:
        The films, sorted.
    """
    folder.mkdir()
    paths = [folder / f"{number:02}.mp4" for number in range(films)]
    for number, path in enumerate(paths):
        length = count // films + (number < count % films)
        write_film(path, frames(length, seed))
        seed += -(-length // SCENE_FRAMES)
    return paths


def write_damaged(folder: Path, film: Path) -> list[Path]:
    """Three files that nothing can be read from: half of a film, an empty one, a text that is
    called an image."""
    data = film.read_bytes()
    damaged = {"half.mp4": data[: len(data) // 2], "empty.mkv": b"", "text.jpg": b"not an image"}
    for name, content in damaged.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in damaged]


def write_many(folder: Path, count: int, seed: int) -> None:
    """``count`` films of one frame each: names of a few that differ.

    Args:
        folder: made here.
        count: how many names.
        seed: of the first scene.
    """
    folder.mkdir()
    paths = [folder / f"{number:06}.mp4" for number in range(count)]
    for path, picture in zip(paths, frames(_DISTINCT, seed), strict=False):
        write_film(path, iter([picture]))
    for number, path in enumerate(paths[_DISTINCT:]):
        os.link(paths[number % _DISTINCT], path)
