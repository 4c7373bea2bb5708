"""Families: the ways in which engines answer. One module each, found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import cast

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.families.family import Answerer, Call, Family, Query
from sdk.runtime import Runtime, open_runtime

__all__ = ["Answerer", "Call", "Family", "Query", "family", "names", "open_networks"]


def names() -> tuple[str, ...]:
    """The families that there are: the modules of this package but for the seam itself."""
    found = {module.name for module in pkgutil.iter_modules(__path__)} - {"family"}
    return tuple(sorted(name.replace("_", "-") for name in found))


def family(manifest: Manifest) -> Family:
    """The family of an engine.

    Raises:
        EngineError: this version does not know it.
    """
    name = manifest.family
    if name not in names():
        raise EngineError(
            f"the engine {manifest.name} is of the family {name!r} (its block {name!r} says how it"
            f" answers), this version knows {', '.join(names())}: update piza-edge, or build the"
            " engine again with this version"
        )
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast(Family, module.FAMILY)


def open_networks(folder: Path, manifest: Manifest, threads: int | None = None) -> Runtime:
    """Opens an engine's networks with the runtime that its manifest names.

    Args:
        folder: the engine.
        manifest: what it says.
        threads: CPU threads of one network; see ``sdk.runtime.open_runtime``.

    Raises:
        MissingRuntimeError: the runtime is not installed.
        EngineError: it cannot load the networks, or they are not what the family expects.
    """
    return open_runtime(folder, manifest, family(manifest).networks(manifest), threads)
