"""An engine folder is made beside its place and moved there when it is whole and proven.

What belongs to a build lies in one folder beside the engine, with the suffix ``.partial``: a file
that the build holds locked, the engine that is being made, and for the moment of the exchange the
one that it replaces. A lock ends with its process, however that ends, so that what a killed build
left is known by its lock being free: the next build puts it right.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sdk.engine.folder import MANIFEST_FILE, Manifest, read_manifest, verify_files, write_manifest
from sdk.errors import EngineError, InputError

if sys.platform != "win32":
    import fcntl

_NEW, _OLD, _LOCK = "new", "old", "lock"  # in the folder of a build
_BUSY = (errno.EACCES, errno.EAGAIN)


class NotProvenError(EngineError):
    """An engine was made whose certificate does not pass; it lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"the engine differs from its checkpoint, see 'certificate' in {folder}")
        self.folder = folder


def place_engine(folder: Path, make: Callable[[Path], Manifest]) -> Manifest:
    """``folder`` holds what ``make(new folder)`` made, or what it held before.

    Raises what ``place_networks`` raises, and NotProvenError when the certificate does not pass;
    the engine is then left beside ``folder``, with the suffix ``.failed``.
    """
    failed = folder.resolve().with_name(f"{folder.resolve().name}.failed")
    manifest = place_networks(folder, make, failed)
    if not manifest.proven:
        raise NotProvenError(failed)
    return manifest


def place_networks(
    folder: Path, make: Callable[[Path], Manifest], failed: Path | None = None
) -> Manifest:
    """``folder`` holds what ``make(new folder)`` made, or what it held before; what is not proven
    goes to ``failed`` instead, if there is such a place.

    Raises InputError when ``folder`` holds something else than an engine, or when another build is
    making it. Whatever ``make`` raises, KeyboardInterrupt included, leaves nothing behind.
    """
    _check_replaceable(folder.resolve())
    with _claimed(folder.resolve()) as partial:
        manifest = make(partial / _NEW)
        target = folder if manifest.proven or failed is None else failed
        _replace(partial / _NEW, target.resolve(), partial / _OLD)
    return manifest


def store_certificate(folder: Path, measured: Manifest, certificate: dict[str, Any]) -> Manifest:
    """Writes the certificate of an engine whose manifest was ``measured`` when it was begun.

    Raises EngineError when another command has changed the engine meanwhile.
    """
    found = read_manifest(folder)
    if dataclasses.replace(found, certificate=measured.certificate) != measured:
        raise EngineError(
            f"{folder} was changed while it was measured, so that the certificate is of another"
            " engine: verify it again when no other command is at work on it"
        )
    verify_files(folder, found)
    return write_manifest(folder, dataclasses.replace(found, certificate=certificate))


@contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """The folder of the build of ``folder``, for this process alone; gone afterwards."""
    partial = folder.with_name(f"{folder.name}.partial")
    lock = _lock(folder, partial)
    try:
        _put_right(partial)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)


def _lock(folder: Path, partial: Path) -> int:
    """Makes the folder of a build if need be and locks it; returns the lock's file descriptor."""
    while True:
        partial.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # a build that ends removes it meanwhile
            lock = os.open(partial / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock_file(lock, folder)
                if os.path.samestat(os.fstat(lock), os.stat(partial / _LOCK)):
                    os.ftruncate(lock, 0)
                    os.write(lock, f"process {os.getpid()} on {platform.node()}".encode())
                    return lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)


def _lock_file(lock: int, folder: Path) -> None:
    if sys.platform == "win32":  # where a file that is open can be locked in other ways only
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            holder = os.pread(lock, 200, 0).decode(errors="replace") or "just begun"
            raise InputError(
                f"another build is at work on {folder} ({holder}): wait for it, or name another"
                " folder with -o"
            ) from None
        raise InputError(
            f"cannot lock {folder}.partial ({error.strerror or error}), so that another build could"
            " write there too: build on another disk"
        ) from error


def _put_right(partial: Path) -> None:
    """Clears what a killed build left; an engine that it was just exchanging is put back."""
    for old in (partial / _OLD).iterdir() if (partial / _OLD).is_dir() else ():
        if not (partial.parent / old.name).exists():
            old.replace(partial.parent / old.name)
    for rest in partial.iterdir():
        if rest.is_dir():
            shutil.rmtree(rest)
        elif rest.name != _LOCK:
            rest.unlink()


def _check_replaceable(folder: Path) -> None:
    """An engine may be replaced, and an empty folder; anything else is somebody's work."""
    if folder.is_dir():
        strange = any(folder.iterdir()) and not (folder / MANIFEST_FILE).is_file()
    else:
        strange = folder.exists()
    if strange:
        raise InputError(f"{folder} is there already and is no engine: name another folder")


def _replace(new: Path, target: Path, old: Path) -> None:
    """Moves a folder into the place of another, which is away for no longer than a renaming."""
    if target.exists():
        old.mkdir()
        target.replace(old / target.name)
    new.replace(target)
