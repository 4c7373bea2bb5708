"""Files that are there whole or not at all, on disks that may be full."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from sdk.errors import InputError

STATE = "state.pt"  # in the folder of a run, what it goes on from
MB = 1_000_000
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def room_for(path: Path, need_bytes: int = MB) -> Iterator[None]:
    """Inside it ``path`` is written, of about ``need_bytes``; its folder is there.

    Raises:
        InputError: it cannot be written. A full disk is found out before anything is.
    """
    try:
        if _free(path) < need_bytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        yield
    # torch hides what went wrong below it in a RuntimeError, safetensors in one of its own
    except (OSError, RuntimeError, SafetensorError) as error:
        if _is_full(error):
            raise _full(path, need_bytes) from error
        if isinstance(error, RuntimeError):
            raise
        reason = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"cannot write {path}: {reason or error}") from error


@contextmanager
def whole_file(path: Path, need_bytes: int = MB) -> Iterator[Path]:
    """A name to write to: the file becomes ``path`` when all goes well, and else is removed.

    Raises:
        InputError: as ``room_for`` does.
    """
    partial = path.with_name(f"{path.name}.partial")
    with room_for(path, need_bytes):
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def size_of(state: Any) -> int:
    """Bytes of the tensors in mappings and sequences within each other."""
    if isinstance(state, Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, Mapping):
        return sum(map(size_of, state.values()))
    return sum(map(size_of, state)) if isinstance(state, list | tuple) else 0


def _free(path: Path) -> int:
    return shutil.disk_usage(path.parent).free


def _is_full(error: BaseException | None) -> bool:
    """Also what raised the error, and what was raised while that was handled."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if "os error 28" in str(error):  # as safetensors says it
            return True
        error = error.__cause__ or error.__context__
    return False


def _full(path: Path, need_bytes: int) -> InputError:
    free = _free(path)
    return InputError(
        f"cannot write {path}: the disk is full; it needs {need_bytes / MB:.0f} MB and"
        f" {free / MB:.0f} MB are free. Make room, then the same command goes on"
    )
