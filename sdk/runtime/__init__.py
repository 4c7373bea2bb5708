"""Runtimes: what executes the networks of an engine. One module for each backend."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from sdk.engine.manifest import Manifest
from sdk.runtime.runtime import Runtime, Signature

__all__ = ["Runtime", "Signature", "open_runtime"]

_MODULES = {  # backend -> module with open_runtime()
    "onnxruntime": "sdk.runtime.onnxruntime",
    "onnxruntime-cuda": "sdk.runtime.onnxruntime_cuda",
    "tensorrt": "sdk.runtime.tensorrt",
    "tensorrt-rtx": "sdk.runtime.tensorrt_rtx",
}


def open_runtime(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[str, Signature],
    threads: int | None = None,
) -> Runtime:
    """Opens networks of an engine with the runtime that its manifest names.

    Args:
        folder: the engine.
        manifest: what it says.
        networks: by name what their inputs and outputs have to be.
        threads: CPU threads of one network, by default as many as ``sdk.cores.default_threads``
            says; GPUs do not care.

    Raises:
        MissingRuntimeError: the runtime is not installed.
        EngineError: it cannot load the networks, or they are not what was expected.
    """
    module = importlib.import_module(_MODULES[manifest.backend])
    return cast(Runtime, module.open_runtime(folder, manifest, networks, threads))
