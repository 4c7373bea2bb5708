"""The side that an engine is built from and must equal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.host_runtime import RunNetwork
from sdk.engine.manifest import Manifest
from sdk.results.grounding import Grounding
from sdk.runtime import Runtime

Answer = Callable[[NDArray[np.uint8], str], Grounding]  # frame (h, w, 3) BGR, expression


def one_run(runtime: Runtime) -> RunNetwork:
    """The networks of an opened engine, each by itself."""
    return lambda network, inputs: runtime.fetch(network, [inputs])[0]


class Reference(Protocol):
    """A folder that engines are built from.

    Attributes:
        kind: what such a folder is, in words.
        exact: it knows nothing of half precision, so that an engine of it must equal this side
            with all half values rounded too, as a GPU rounds them.
        path: the folder.
        name: of the model.
        precision: of its networks.
    """

    kind: str
    exact: bool
    path: Path
    name: str
    precision: str

    def checkpoint_sha256(self) -> str | None:
        """The checkpoint that all comes from."""

    def describe(self) -> str:
        """What answers here, for the certificate."""

    def write_engine(self, folder: Path) -> None:
        """Makes ``folder``, an ``onnxruntime`` engine of ``precision``; not proven yet."""

    def networks(self) -> AbstractContextManager[RunNetwork]:
        """Its networks, each to be run by itself."""

    def answers(self, engine: Manifest) -> AbstractContextManager[Answer]:
        """Whole searches, decided with the threshold of ``engine``."""
