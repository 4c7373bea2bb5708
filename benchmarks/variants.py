"""Engines for a comparison: one that there is, but for what its family's block says."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdk.engine.folder import read_manifest, write_manifest


def variant(engine: Path, folder: Path, changes: Mapping[str, Any]) -> Path:
    """Makes an engine that shares its files with another; nobody has proven it.

    Args:
        engine: the folder of the other one.
        folder: made here; its parent exists.
        changes: to the family's block, value by key.

    Returns:
        ``folder``.

    Raises:
        EngineError: there is no such engine, or its manifest cannot be read.
    """
    manifest = read_manifest(engine)
    folder.mkdir()
    for name in manifest.files:
        os.symlink((engine / name).resolve(), folder / name)
    block = {**manifest.block, **changes}
    write_manifest(folder, dataclasses.replace(manifest, block=block, certificate=None))
    return folder
