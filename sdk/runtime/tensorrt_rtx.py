"""TensorRT for RTX: the runtime behind ``backend: "tensorrt-rtx"``.

Its plans are for several GPUs and hold no machine code: kernels are compiled where they run, when a
plan is run first. What was compiled is kept beside the plan (``NAME.kernels``) where that can be
written, for the next start; TensorRT takes it only where GPU, driver and versions are the same.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.runtime.cuda import Device, DeviceArray
from sdk.runtime.device import DeviceRuntime
from sdk.runtime.runtime import Signature
from sdk.runtime.target import check_rtx_target
from sdk.runtime.tensorrt import PlanExecutor, open_plans, titled

KERNELS = ".kernels"
# TensorRT's reasons, in words that say what to do.
_REASONS = {
    "VERSION_MISMATCH": "another version of TensorRT for RTX built it: install that, or build the"
    " engine again",
    "UNSUPPORTED_CC": "it is not for this GPU: build the engine again, with its target",
    "OLD_CUDA_DRIVER": "the driver is too old: update it",
    "OLD_CUDA_RUNTIME": "CUDA is too old: update it",
    "INSUFFICIENT_GPU_MEMORY": "the GPU has too little memory: close other programs",
    "MALFORMED_ENGINE": "it is no plan of TensorRT for RTX: copy the engine again, or build it",
    "CUDA_ERROR": "CUDA is not installed as it should be: see piza doctor",
}


class RtxExecutor(PlanExecutor):
    """One network, as a plan for RTX; see ``sdk.runtime.tensorrt.PlanExecutor``."""

    _config: Any  # of the context, which it outlives
    _kernels: Any

    def prepare(self, pointers: Mapping[str, int], device: Device) -> None:
        """Gives the plan memory, binds the tensors, has kernels compiled, and records a CUDA graph.

        A plan that a stream cannot record (it allocates memory while it runs) has TensorRT record
        what it can.
        """
        engine, context, config, trt = self._engine, self._context, self._config, self._trt
        scratch = device.zeros((max(int(engine.device_memory_size_v2), 1),), np.uint8)
        self._start(scratch, pointers, device)
        self._kernels.keep()
        if context.is_stream_capturable(device.stream):
            self._record(device)
            return
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self._context = self._given(engine.create_execution_context(config))
        self._start(scratch, pointers, device)

    def run(self, stream: int) -> None:
        """Launches the graph, or has TensorRT launch its own."""
        if self._graph is None:
            self._enqueue(stream)
        else:
            self._graph.launch(stream)

    def _check(self, runtime: Any) -> None:
        check_header(self._trt, runtime, self._path)

    def _release(self) -> None:
        self._kernels = self._config = None

    def _opened(self) -> Any:
        engine, trt = self._engine, self._trt
        config = engine.create_runtime_config()
        strategy = trt.ExecutionContextAllocationStrategy.USER_MANAGED
        config.set_execution_context_allocation_strategy(strategy)
        self._kernels = Kernels(config, self._path.with_suffix(KERNELS))
        self._config = config
        return self._given(engine.create_execution_context(config))

    def _start(self, scratch: DeviceArray, pointers: Mapping[str, int], device: Device) -> None:
        context = self._context
        context.set_device_memory(scratch.pointer, scratch.nbytes)
        self._bind(pointers)
        self._run_once(device)


class Kernels:
    """The kernels that a plan was compiled to, in a file beside it where that can be written."""

    def __init__(self, config: Any, path: Path) -> None:
        self._path = path
        self._cache = cache = config.create_runtime_cache()
        self._stored = path.read_bytes() if path.is_file() else b""
        if self._stored and not cache.deserialize(self._stored):  # of another machine, or version
            self._stored = b""
        config.set_runtime_cache(cache)

    def keep(self) -> None:
        """Writes what was compiled, if it is more than was read."""
        cache = self._cache
        found = bytes(cache.serialize())
        if found == self._stored:
            return
        partial = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with contextlib.suppress(OSError):  # a folder that cannot be written: compiled every time
            try:
                partial.write_bytes(found)
                partial.replace(self._path)
            finally:
                partial.unlink(missing_ok=True)


def check_header(trt: Any, runtime: Any, path: Path) -> None:
    """Asks TensorRT whether a plan runs here, by its first bytes alone.

    Raises:
        EngineError: it does not; the message has TensorRT's reasons.
    """
    with path.open("rb") as stream:
        header = stream.read(runtime.engine_header_size)
    validity, reasons = runtime.get_engine_validity(header)
    if validity != trt.EngineValidity.INVALID:
        return
    flags = trt.EngineInvalidityDiagnostics
    named = [name for name in _REASONS if int(reasons) & int(getattr(flags, name))]
    words = [_REASONS[name] for name in named] or ["it gives no reason; see piza doctor"]
    raise EngineError(f"{titled(trt)} says that {path.name} does not run here: {'; '.join(words)}")


def open_runtime(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[str, Signature],
    threads: int | None = None,
) -> DeviceRuntime:
    """See ``sdk.runtime.open_runtime``; the host's threads play no part."""
    return open_plans(folder, manifest, networks, RtxExecutor, check_rtx_target)
