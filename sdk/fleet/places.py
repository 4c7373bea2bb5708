"""Paths and addresses through fsspec, whose errors become ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from sdk.errors import InputError, MissingRuntimeError
from sdk.extras import extras_named
from sdk.video.addresses import public_address


def place(address: str) -> tuple[Any, str]:
    """The file system of a path or an address, and the path in it.

    Raises:
        InputError: fsspec knows no such kind of address.
        MissingRuntimeError: fsspec, or the package that this kind of address takes, is missing.
    """
    with extras_named():
        from fsspec.core import url_to_fs
    try:
        filesystem, path = url_to_fs(address)
    except ImportError as error:  # fsspec says which package to install
        raise MissingRuntimeError(f"cannot reach {shown(address)}: {error}") from error
    except ValueError as error:
        raise InputError(f"expected a path or an address, got {shown(address)}: {error}") from error
    return filesystem, str(path)


def is_local(filesystem: Any) -> bool:
    """True for the file system of this machine."""
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(filesystem, LocalFileSystem)


def shown(address: str) -> str:
    """An address as it may be printed and stored; of a path what is no text is spelled out."""
    text = address.encode("utf-8", "backslashreplace").decode()
    return public_address(text) if "://" in text else text


def suffix_of(address: str) -> str:
    """The suffix of a path or an address, in small letters; of a URL that before its query."""
    path = address.partition("?")[0] if "://" in address else address
    return PurePosixPath(path).suffix.lower()


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """A file for reading bytes; InputError when it cannot be read."""
    filesystem, path = place(address)
    try:
        with filesystem.open(path, "rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"cannot read {shown(address)}: {error.strerror or error}") from error


@contextmanager
def on_this_machine(address: str) -> Iterator[Path]:
    """A file as OpenCV can open it: where it lies, or a copy for as long as it is used."""
    filesystem, path = place(address)
    if is_local(filesystem):
        if not Path(path).is_file():
            raise InputError(f"expected a file at {path}, found none")
        yield Path(path)
        return
    with TemporaryDirectory(prefix="piza-batch-") as folder:
        copy = Path(folder) / f"copy{suffix_of(path)}"
        try:
            filesystem.get_file(path, str(copy))
        except OSError as error:
            raise InputError(f"cannot read {shown(address)}: {error.strerror or error}") from error
        yield copy
