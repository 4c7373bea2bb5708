"""An engine that nobody has proven to equal its source is not opened, unless one insists."""

from __future__ import annotations

from pathlib import Path

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError


def require_proof(folder: Path, manifest: Manifest) -> None:
    """Refuses an engine without a passing certificate.

    Args:
        folder: the engine.
        manifest: what it says.

    Raises:
        EngineError: it has none; the message says how to make one, and how to open it all the same.
    """
    if manifest.proven:
        return
    state = "has no certificate" if manifest.certificate is None else "failed its certificate"
    raise EngineError(
        f"the engine {folder} {state}, so nothing says that it finds what its checkpoint finds:"
        f" piza verify {folder} makes one; allow_unproven=True (--allow-unproven) opens"
        " it all the same"
    )
