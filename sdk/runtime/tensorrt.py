"""TensorRT: the session behind ``backend: "tensorrt"``. TensorRT 10.3 to 11.4.

Together with ``export/tensorrt.py`` all that knows TensorRT's names. Plans are programs: the
manifest's hashes are checked before one is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError, MissingRuntimeError
from sdk.runtime.cuda import Device, describe_gpu, import_driver
from sdk.runtime.cuda_graph import CudaGraph
from sdk.runtime.device import DeviceRuntime
from sdk.runtime.memory import Tensor
from sdk.runtime.runtime import Signature
from sdk.runtime.target import check_target


def import_tensorrt() -> Any:
    """The module ``tensorrt``; raises MissingRuntimeError when it cannot be imported."""
    try:
        import tensorrt as trt
    except ImportError as error:
        raise MissingRuntimeError(
            f"this engine needs TensorRT, which cannot be imported ({error}): JetPack and DRIVE OS"
            " bring it (python3-libnvinfer), elsewhere pip install 'piza-edge[tensorrt]'"
        ) from error
    return trt


def make_logger(trt: Any) -> Any:
    """A logger that keeps errors, as ``errors``, and has TensorRT's plugins registered."""

    class ErrorLog(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(msg)

    logger = ErrorLog()
    trt.init_libnvinfer_plugins(logger, "")
    return logger


def open_engine(trt: Any, logger: Any, plan: bytes, name: str) -> tuple[Any, Any]:
    """Runtime and engine of a plan (the first has to outlive the second); raises EngineError."""
    try:
        runtime = trt.Runtime(logger)
    except Exception as error:  # pybind11 has a TypeError for a runtime that came out as null
        raise EngineError(
            f"TensorRT {trt.__version__} cannot start ({_said(logger) or error}): the driver may"
            " be too old for it, see piza doctor"
        ) from error
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineError(
            f"TensorRT {trt.__version__} cannot open {name} ({_said(logger)}): when memory is"
            " short, close other programs; else build the engine again on this machine"
        )
    return runtime, engine


class PlanExecutor:
    """One network, as a plan: an ``sdk.runtime.device.Executor``."""

    def __init__(self, trt: Any, logger: Any, path: Path) -> None:
        self._path, self._logger = path, logger
        self._runtime, engine = open_engine(trt, logger, path.read_bytes(), path.name)
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        for index in range(engine.num_io_tensors):
            name = engine.get_tensor_name(index)
            shape = tuple(engine.get_tensor_shape(name))
            tensor = Tensor(shape, np.dtype(trt.nptype(engine.get_tensor_dtype(name))))
            given = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
            (self.inputs if given else self.outputs)[name] = tensor
        self._engine = engine
        self._context: Any = engine.create_execution_context()
        self._graph: CudaGraph | None = None
        if self._context is None:
            raise EngineError(
                f"TensorRT has no memory to run {path.name} in ({_said(logger)}): it wants"
                f" {engine.device_memory_size_v2 / 2**20:.0f} MiB on the GPU; close other programs"
            )

    def prepare(self, pointers: Mapping[str, int], device: Device) -> None:
        """Binds the tensors, runs once as the CUDA graph wants it, and records the graph."""
        context = self._context
        for name, pointer in pointers.items():
            if not context.set_tensor_address(name, pointer):
                raise EngineError(f"{self._path.name}: cannot bind {name} ({_said(self._logger)})")
        self._enqueue(device.stream)
        device.synchronize()
        self._graph = CudaGraph(lambda: self._enqueue(device.stream), device.stream)

    def run(self, stream: int) -> None:
        """Launches the graph."""
        if self._graph is None:
            raise EngineError(f"{self._path.name} was not prepared")
        self._graph.launch(stream)

    def close(self) -> None:
        """Frees graph, context, engine and runtime, in this order."""
        if self._graph is not None:
            self._graph.close()
        self._graph = self._context = self._engine = self._runtime = None

    def _enqueue(self, stream: int) -> None:
        context = self._context
        if not context.execute_async_v3(stream):
            raise EngineError(f"{self._path.name} failed: {_said(self._logger)}")


def open_runtime(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[str, Signature],
    threads: int | None = None,
) -> DeviceRuntime:
    """See ``sdk.runtime.open_runtime``; the host's threads play no part."""
    gpu = describe_gpu(import_driver())
    trt = import_tensorrt()
    check_target(manifest.target, trt.__version__, gpu, folder)
    logger = make_logger(trt)
    return DeviceRuntime(
        networks,
        manifest.inputs,
        lambda name, _: PlanExecutor(trt, logger, folder / manifest.networks[name].file),
    )


def _said(logger: Any) -> str:
    """The last that TensorRT had to say about it."""
    return "; ".join(logger.errors[-3:])
