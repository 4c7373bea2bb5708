"""The seam between runtimes, which know networks, and families, which know what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.frame import ColorOrder
from sdk.runtime.runtime import Runtime, Signature
from sdk.zoom import search


class Session(search.Session, Protocol):
    """An engine's networks as the zoom search asks them, over the runtime that runs them."""

    @property
    def runtime(self) -> Runtime: ...

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> Any: ...
    def close(self) -> None: ...


class Family(Protocol):
    """What a family gives: its networks, and what they mean over a runtime that runs them."""

    def networks(self, manifest: Manifest) -> Mapping[str, Signature]:
        """Every network by name, in the order of their work, and what it has to be."""

    def session(self, runtime: Runtime, manifest: Manifest) -> Session:
        """The networks that ``runtime`` has opened, as they are asked."""
