"""From a source to its files, and from files to shards."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from sdk.errors import InputError
from sdk.extras import extras_named
from sdk.fleet.places import is_local, opened, place, shown, suffix_of
from sdk.fleet.work import File
from sdk.video.sources.images import SUFFIXES

BAG, TABLE = ".mcap", ".parquet"
_VIDEOS = {".avi", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"}


def files_of(source: str, column: str) -> list[File]:
    """The files that a source names, each once.

    Args:
        source: a path or an address that fsspec knows: of a folder (every image, video and bag in
            it and below), of one file, of a Parquet file with a column of paths, or a pattern.
        column: the name of that column.

    Returns:
        At least one file; those of a folder or a pattern sorted, those of a Parquet file in its
        order. What a Parquet file names is not looked at here.

    Raises:
        InputError: there is no such source, or nothing to read in it.
        MissingRuntimeError: a package of the extra is missing.
    """
    filesystem, path = place(source)
    if suffix_of(path) == TABLE and filesystem.isfile(path):
        named = _column(source, column)
        named = [each if "://" in each else os.path.abspath(each) for each in named]
        files = [File(shown(address), address) for address in dict.fromkeys(named)]
        if len({file.name for file in files}) < len(files):
            raise InputError(f"expected addresses in {shown(source)} that differ in public parts")
        return files
    if filesystem.isdir(path):
        known = SUFFIXES | _VIDEOS | {BAG}
        found = [each for each in filesystem.find(path) if suffix_of(each) in known]
        expected = f"images, videos or bags ({', '.join(sorted(known))}) in {shown(source)}"
    elif filesystem.isfile(path):
        found, expected = [path], ""
    else:
        found = [each for each in _matches(filesystem, path) if filesystem.isfile(each)]
        expected = f"a file, a folder or a pattern, {shown(source)}"
    if not found:
        raise InputError(f"expected {expected}, found none")
    local = is_local(filesystem)
    addresses = [each if local else filesystem.unstrip_protocol(each) for each in sorted(found)]
    return [File(shown(each), each) for each in addresses]


def shards_of(files: Sequence[File], most: int) -> Iterator[tuple[File, ...]]:
    """Each recording by itself, images in a row together, at most ``most`` of them."""
    for images, group in groupby(files, key=lambda file: suffix_of(file.address) in SUFFIXES):
        members = tuple(group)
        size = most if images else 1
        yield from (members[at : at + size] for at in range(0, len(members), size))


def _matches(filesystem: object, path: str) -> Iterable[str]:
    return filesystem.glob(path) if any(sign in path for sign in "*?[") else ()  # type: ignore[attr-defined]


def _column(source: str, column: str) -> list[str]:
    """The texts of a column of a Parquet file."""
    with extras_named():
        import pyarrow as pa
        import pyarrow.parquet as pq
    with opened(source) as file:
        try:
            names = pq.read_schema(file).names
            if column not in names:
                raise InputError(
                    f"expected a column {column!r} of paths in {shown(source)}, found"
                    f" {', '.join(names)}: name it by --column"
                )
            values = pq.read_table(file, columns=[column]).column(0).to_pylist()
        except pa.ArrowException as error:
            raise InputError(f"cannot read {shown(source)} as Parquet: {error}") from error
    if not values or not all(isinstance(each, str) and each for each in values):
        raise InputError(f"expected a path in every row of {column!r} of {shown(source)}")
    return values
