"""The engine folder: its manifest, and the checks that it is what it says."""

from __future__ import annotations

from sdk.engine.folder import (
    BUNDLED,
    MANIFEST_FILE,
    default_engine,
    file_sha256,
    read_manifest,
    verify_files,
    write_manifest,
)
from sdk.engine.manifest import Manifest

__all__ = [
    "BUNDLED",
    "MANIFEST_FILE",
    "Manifest",
    "default_engine",
    "file_sha256",
    "read_manifest",
    "verify_files",
    "write_manifest",
]
