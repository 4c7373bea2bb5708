"""An engine folder is made beside its place and moved there when it is whole and proven."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from sdk.engine import MANIFEST_FILE, Manifest
from sdk.errors import EngineError, InputError


class NotProvenError(EngineError):
    """An engine was made whose certificate does not pass; it lies in ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"the engine differs from its checkpoint, see 'certificate' in {folder}")
        self.folder = folder


def place_engine(folder: Path, make: Callable[[Path], Manifest]) -> Manifest:
    """``folder`` holds what ``make(partial folder)`` made, or what it held before.

    Raises InputError when ``folder`` holds something else than an engine, and NotProvenError when
    the certificate does not pass; the engine is then left beside ``folder``, with the suffix
    ``.failed``. Whatever ``make`` raises, KeyboardInterrupt included, leaves nothing behind.
    """
    folder = folder.resolve()
    _check_replaceable(folder)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        manifest = make(partial)
        target = folder if manifest.proven else folder.with_name(folder.name + ".failed")
        _replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if not manifest.proven:
        raise NotProvenError(target)
    return manifest


def check_searches(searches: int) -> None:
    """A certificate over nothing would say nothing."""
    if searches < 1:
        raise InputError(f"expected at least one search for the certificate, got {searches}")


def _check_replaceable(folder: Path) -> None:
    """An engine may be replaced, and an empty folder; anything else is somebody's work."""
    if folder.is_dir():
        strange = any(folder.iterdir()) and not (folder / MANIFEST_FILE).is_file()
    else:
        strange = folder.exists()
    if strange:
        raise InputError(f"{folder} is there already and is no engine: name another folder")


def _replace(source: Path, target: Path) -> None:
    """Moves a folder into the place of another, which is away for no longer than a renaming."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.replace(old)
    source.replace(target)
    shutil.rmtree(old, ignore_errors=True)
