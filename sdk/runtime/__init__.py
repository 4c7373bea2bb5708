"""Runtimes: what executes the networks of an engine. One module for each backend."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.frame import ColorOrder
from sdk.results.grounding import Candidates
from sdk.text import Tokens
from sdk.timing import StageTimer
from sdk.zoom.search import GroundInput

_MODULES = {  # backend -> module with open_session()
    "onnxruntime": "sdk.runtime.onnxruntime",
    "onnxruntime-cuda": "sdk.runtime.onnxruntime_cuda",
    "tensorrt": "sdk.runtime.tensorrt",
}


class RuntimeSession(Protocol):
    """An ``sdk.zoom.search.Session`` that keeps time, knows colour orders and can be closed.

    ``run_network`` runs one network by itself, from host memory to host memory: for certificates.
    """

    clock: StageTimer

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> Any: ...
    def encode_text(self, tokens: Tokens) -> Any: ...
    def encode_images(self, frame: Any, windows_xyxy: NDArray[np.float64]) -> list[Any]: ...
    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]: ...
    def run_network(
        self, name: str, feeds: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]: ...
    def close(self) -> None: ...


def open_session(folder: Path, manifest: Manifest, threads: int | None = None) -> RuntimeSession:
    """Opens the networks of an engine with the runtime that its manifest names.

    ``threads`` is the number of CPU threads of one network, by default as many as
    ``sdk.cores.default_threads`` says. Raises MissingRuntimeError when the runtime is not
    installed and EngineError when it cannot load the networks.
    """
    module = importlib.import_module(_MODULES[manifest.backend])
    return cast(RuntimeSession, module.open_session(folder, manifest, threads))
