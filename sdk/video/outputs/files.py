"""Output files of a stream: the checks that all of them share."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from sdk.errors import InputError


def claim(path: Path, suffixes: tuple[str, ...] = ()) -> None:
    """Makes sure that a file can be written before the work begins; an existing one is emptied.

    Raises InputError for another suffix than those wanted, a folder, a place without permission
    or room.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise InputError(f"expected a file ending in {' or '.join(suffixes)}, got {path}")
    try:
        path.open("wb").close()
    except OSError as error:
        raise unwritable(path, error) from error


def check_apart(source: str, targets: Sequence[Path]) -> None:
    """Raises InputError when a target is the source, or two of them are one file."""
    taken = [Path(source), *targets]
    for number, target in enumerate(targets, start=1):
        if any(_same(target, other) for other in taken[:number]):
            raise InputError(f"expected a file of its own for each output, got {target} twice")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them does not exist, or is no path at all
        return one == other


def unwritable(path: Path, error: OSError) -> InputError:
    """The error to raise for one of the operating system's."""
    return InputError(f"cannot write {path}: {error.strerror or error}")


def room_bytes(path: Path) -> int:
    """Bytes that an existing file may still grow: free space, and the limit of this process."""
    free = shutil.disk_usage(path.absolute().parent).free
    try:
        import resource
    except ImportError:  # not on Windows
        return free
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit == resource.RLIM_INFINITY:
        return free
    return min(free, limit - path.stat().st_size)
