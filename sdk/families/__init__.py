"""Families: the ways in which engines answer. One module each."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from sdk.engine.manifest import FAMILIES, Manifest
from sdk.families.family import Family, Session
from sdk.runtime import open_runtime

__all__ = ["Family", "Session", "family", "names", "open_session"]


def names() -> tuple[str, ...]:
    """The families that there are."""
    return FAMILIES


def family(name: str) -> Family:
    """The family of that name, which is one of ``names()``."""
    module = importlib.import_module(f"sdk.families.{name.replace('-', '_')}")
    return cast(Family, module.FAMILY)


def open_session(folder: Path, manifest: Manifest, threads: int | None = None) -> Session:
    """Opens an engine's networks with the runtime that its manifest names.

    Args:
        folder: the engine.
        manifest: what it says.
        threads: CPU threads of one network; see ``sdk.runtime.open_runtime``.

    Raises:
        MissingRuntimeError: the runtime is not installed.
        EngineError: it cannot load the networks, or they are not what the family expects.
    """
    tenant = family(manifest.family)
    runtime = open_runtime(folder, manifest, tenant.networks(manifest), threads)
    return tenant.session(runtime, manifest)
