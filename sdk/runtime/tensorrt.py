"""TensorRT 10.3 to 11.4, the runtime behind ``backend: "tensorrt"``, and what TensorRT for RTX has
in common with it: the two are modules with the same names, but for a few.

With ``sdk.runtime.tensorrt_rtx`` and ``export.tensorrt.one_plan`` all that knows these names. Plans
are programs: the manifest's hashes are checked before one is opened.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError, MissingRuntimeError
from sdk.runtime.cuda import Device, Gpu, describe_gpu, import_driver
from sdk.runtime.cuda_graph import CudaGraph
from sdk.runtime.device import DeviceRuntime, Executor
from sdk.runtime.memory import Tensor
from sdk.runtime.runtime import Signature
from sdk.runtime.target import built_for, check_target

RTX = "tensorrt-rtx"
MODULES = {"tensorrt": "tensorrt", RTX: "tensorrt_rtx"}  # by backend
_TITLES = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT for RTX"}
_SOURCES = {
    "tensorrt": "JetPack and DRIVE OS bring it (python3-libnvinfer), elsewhere pip install"
    " 'piza-edge[tensorrt]'",
    RTX: "pip install 'piza-edge[tensorrt-rtx]'",
}


def import_tensorrt(backend: str = "tensorrt") -> Any:
    """The module of a backend, a key of ``MODULES``: both have the same names, but for a few.

    Raises MissingRuntimeError when it cannot be imported.
    """
    module = MODULES[backend]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingRuntimeError(
            f"this engine needs {_TITLES[module]}, which cannot be imported ({error}):"
            f" {_SOURCES[backend]}"
        ) from error


def titled(trt: Any) -> str:
    """A module's name and version, for people."""
    return f"{_TITLES[trt.__name__]} {trt.__version__}"


def make_logger(trt: Any, listen: Callable[[str, str], None] = lambda severity, text: None) -> Any:
    """A logger that keeps errors, as ``errors``, and has TensorRT's plugins registered.

    Args:
        trt: TensorRT's module.
        listen: is called with everything that is said: how severe it is (``VERBOSE``, ...), and
            the words.
    """

    class ErrorLog(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(msg)
            listen(severity.name, msg)

    logger = ErrorLog()
    trt.init_libnvinfer_plugins(logger, "")
    return logger


def start_runtime(trt: Any, logger: Any) -> Any:
    """What opens plans; it has to outlive the engines that it opens.

    Args:
        trt: TensorRT's module.
        logger: what ``make_logger`` gave.

    Raises:
        EngineError: the driver is too old, or absent.
    """
    try:
        return trt.Runtime(logger)
    except Exception as error:  # pybind11 has a TypeError for a runtime that came out as null
        raise EngineError(
            f"{titled(trt)} cannot start ({said(logger) or error}): the driver may be too old for"
            " it, see piza doctor"
        ) from error


def open_engine(trt: Any, runtime: Any, logger: Any, plan: bytes, name: str) -> Any:
    """The engine of a plan.

    Args:
        trt: TensorRT's module.
        runtime: what ``start_runtime`` gave.
        logger: what ``make_logger`` gave.
        plan: the file's bytes.
        name: of the plan, for messages.

    Raises:
        EngineError: it cannot be opened here.
    """
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineError(
            f"{titled(trt)} cannot open {name} ({said(logger)}): when memory is short, close other"
            " programs; else build the engine again on this machine"
        )
    return engine


class PlanExecutor:
    """One network, as a plan: an ``sdk.runtime.device.Executor``."""

    def __init__(self, trt: Any, logger: Any, path: Path) -> None:
        self._trt, self._path, self._logger = trt, path, logger
        self._runtime = start_runtime(trt, logger)
        self._check(self._runtime)
        engine = open_engine(trt, self._runtime, logger, path.read_bytes(), path.name)
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        for index in range(engine.num_io_tensors):
            name = engine.get_tensor_name(index)
            shape = tuple(engine.get_tensor_shape(name))
            tensor = Tensor(shape, np.dtype(trt.nptype(engine.get_tensor_dtype(name))))
            given = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
            (self.inputs if given else self.outputs)[name] = tensor
        self._engine = engine
        self._context = self._opened()
        self._graph: CudaGraph | None = None

    def prepare(self, pointers: Mapping[str, int], device: Device) -> None:
        """Binds the tensors, runs once as the CUDA graph wants it, and records the graph."""
        self._bind(pointers)
        self._run_once(device)
        self._record(device)

    def run(self, stream: int) -> None:
        """Launches the graph."""
        if self._graph is None:
            raise EngineError(f"{self._path.name} was not prepared")
        self._graph.launch(stream)

    def close(self) -> None:
        """Frees graph, context, engine and runtime, in this order."""
        if self._graph is not None:
            self._graph.close()
        self._graph = self._context = None
        self._release()
        self._engine = self._runtime = None

    def _check(self, runtime: Any) -> None:
        """Raises EngineError where the plan can be told not to run before it is read."""

    def _release(self) -> None:
        """Frees what is between context and engine."""

    def _opened(self) -> Any:
        """A context that the plan can be run in."""
        engine = self._engine
        return self._given(engine.create_execution_context())

    def _given(self, context: Any) -> Any:
        """The context, if there is one."""
        engine = self._engine
        if context is None:
            raise EngineError(
                f"{titled(self._trt)} has no memory to run {self._path.name} in"
                f" ({said(self._logger)}): it wants {engine.device_memory_size_v2 / 2**20:.0f} MiB"
                " on the GPU; close other programs"
            )
        return context

    def _bind(self, pointers: Mapping[str, int]) -> None:
        context = self._context
        for name, pointer in pointers.items():
            if not context.set_tensor_address(name, pointer):
                raise EngineError(f"{self._path.name}: cannot bind {name} ({said(self._logger)})")

    def _run_once(self, device: Device) -> None:
        self._enqueue(device.stream)
        device.synchronize()

    def _record(self, device: Device) -> None:
        self._graph = CudaGraph(lambda: self._enqueue(device.stream), device.stream)

    def _enqueue(self, stream: int) -> None:
        context = self._context
        if not context.execute_async_v3(stream):
            raise EngineError(f"{self._path.name} failed: {said(self._logger)}")


def open_runtime(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[str, Signature],
    threads: int | None = None,
) -> DeviceRuntime:
    """See ``sdk.runtime.open_runtime``; the host's threads play no part."""
    return open_plans(folder, manifest, networks, PlanExecutor, check_target)


def open_plans(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[str, Signature],
    executor: Callable[[Any, Any, Path], Executor],
    check: Callable[[Mapping[str, Any], str, Gpu, object], None],
) -> DeviceRuntime:
    """Plans of either TensorRT on this machine's GPU.

    Args:
        folder: the engine.
        manifest: what it says.
        networks: see ``sdk.runtime.open_runtime``.
        executor: runs one plan, given TensorRT's module, a logger and the file.
        check: see ``sdk.runtime.target``.

    Raises:
        MissingRuntimeError: a package is not installed.
        EngineError: there is no GPU, or the plans are for another, or cannot be run.
    """
    try:
        gpu = describe_gpu(import_driver())
        trt = import_tensorrt(manifest.backend)
    except EngineError as error:
        built = built_for(manifest.target)
        raise type(error)(f"the plans of {folder} were built for {built}: {error}") from error
    check(manifest.target, trt.__version__, gpu, folder)
    logger = make_logger(trt)
    return DeviceRuntime(
        networks,
        manifest.inputs,
        lambda name, _: executor(trt, logger, folder / manifest.networks[name].file),
    )


def said(logger: Any) -> str:
    """The last that TensorRT had to say about it."""
    return "; ".join(logger.errors[-3:])
