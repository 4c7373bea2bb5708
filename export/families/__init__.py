"""Families in export: how their networks are compared. One module each, of the name that the
family has in ``sdk.families``."""

from __future__ import annotations

import importlib

from export.families.family import ExportFamily
from sdk.engine.manifest import Manifest
from sdk.errors import EngineError

__all__ = ["ExportFamily", "family"]


def family(manifest: Manifest) -> ExportFamily:
    """What the family of an engine says of its networks.

    Raises:
        EngineError: this version cannot certify such engines.
    """
    module = f"{__name__}.{manifest.family.replace('-', '_')}"
    try:
        found: ExportFamily = importlib.import_module(module).FAMILY
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise EngineError(
            f"the engine {manifest.name} is of the family {manifest.family!r}, whose engines this"
            " version cannot compare with anything"
        ) from error
    return found
