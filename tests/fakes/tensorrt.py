"""A FAKE of TensorRT on a GPU, for control flow only: what is asked of a builder that measures on
it, errors, lifetimes, the device loop. No evidence that TensorRT runs anything; what builds without
a GPU is tested with the real one.

A "plan" is the ONNX file behind a magic word; ONNX Runtime executes it on the CPU, in the memory
and the lazy streams of tests/fakes/cuda.py. What is tested with it may only use names that
tests/export/tensorrt/test_names.py finds in the real bindings.
"""

from __future__ import annotations

import enum
import json
import sys
import threading
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

MAGIC = b"a fake plan: "
CACHE = b"a fake timing cache of "


class FakeTensorRt:
    """Set ``layers``, ``no_context``, ... to have it behave in other ways.

    ``name``: ``tensorrt``, or ``tensorrt_rtx`` for what that has besides; ``invalid`` are then the
    reasons (of ``EngineInvalidityDiagnostics``) why no plan runs here, ``capturable`` says whether
    a stream may record a plan, and ``kernels`` are what plans are compiled to.
    """

    def __init__(self, gpu, name: str = "tensorrt", version: str = "11.4.0.106") -> None:
        self.gpu, self.name, self.version = gpu, name, version
        self.layers: list[object] = []  # of plans, as the inspector says
        self.fails_to_start = self.fails_to_open = False
        self.no_context = self.refuses_cache = False
        self.configs: list[SimpleNamespace] = []
        self.caches: list[bytes] = []  # what each build was given
        self.invalid, self.capturable, self.kernels = 0, True, b"kernels"
        self.strategies: list[object] = []  # of each context
        self.module = self._module()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setitem(sys.modules, self.name, self.module)
        patch.setattr("sdk.runtime.tensorrt.CudaGraph", self.graph)

    def graph(self, enqueue, stream):
        """Instead of a CUDA graph: what ``enqueue`` puts into the stream, to be put there again."""
        queue = self.gpu.streams[stream].queue
        start = len(queue)
        enqueue()
        recorded = queue[start:]
        del queue[start:]
        return SimpleNamespace(
            launch=lambda stream: self.gpu.streams[stream].queue.extend(recorded),
            close=lambda: recorded.clear(),
        )

    def _module(self) -> ModuleType:
        fake, trt = self, ModuleType(self.name)
        trt.__version__ = self.version

        class ILogger:
            Severity = enum.Enum("Severity", "INTERNAL_ERROR ERROR WARNING INFO VERBOSE")

        class IProgressMonitor:
            pass

        class Builder:
            def __init__(self, logger) -> None:
                self.logger = logger

            def create_network(self, flags):
                assert flags == 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
                return SimpleNamespace(onnx=b"")

            def create_builder_config(self):
                config = SimpleNamespace(flags=set(), limits={}, cache=None)
                config.set_flag, config.clear_flag = config.flags.add, config.flags.discard
                config.flags.add(trt.BuilderFlag.TF32)  # TensorRT's default
                config.set_memory_pool_limit = config.limits.__setitem__
                config.create_timing_cache = fake._create_cache
                config.set_timing_cache = lambda cache, ignore: fake._set_cache(config, cache)
                fake.configs.append(config)
                return config

            def build_serialized_network(self, network, config):
                fake.gpu.current()
                monitor = config.progress_monitor

                def build():  # TensorRT calls the monitor from threads of its own
                    monitor.phase_start("Building", None, 1)
                    monitor.phase_start("Timing", "Building", 1)
                    monitor.phase_finish("Timing")
                    assert monitor.step_complete("Building", 0)
                    monitor.phase_finish("Building")

                thread = threading.Thread(target=build)
                thread.start()
                thread.join()
                return MAGIC + network.onnx

        class OnnxParser:
            def __init__(self, network, logger) -> None:
                self._network = network

            def parse(self, model):
                self._network.onnx = model
                return True

        class Runtime:
            def __init__(self, logger) -> None:
                if fake.fails_to_start:
                    logger.log(ILogger.Severity.ERROR, "CUDA initialization failure with error: 35")
                    raise TypeError("factory function returned nullptr")
                self._logger = logger
                self.engine_header_size = 64

            def get_engine_validity(self, header):
                assert len(header) == 64
                validity = trt.EngineValidity
                return (validity.INVALID if fake.invalid else validity.VALID), fake.invalid

            def deserialize_cuda_engine(self, plan):
                fake.gpu.current()
                if fake.fails_to_open or not plan.startswith(MAGIC):
                    self._logger.log(ILogger.Severity.ERROR, "magicTag matches failed")
                    return None
                return Engine(fake, plan[len(MAGIC) :])

        trt.ILogger, trt.IProgressMonitor = ILogger, IProgressMonitor
        trt.Builder, trt.OnnxParser, trt.Runtime = Builder, OnnxParser, Runtime
        trt.init_libnvinfer_plugins = lambda logger, namespace: True
        trt.nptype = lambda kind: kind
        trt.NetworkDefinitionCreationFlag = enum.IntEnum("Flag", {"STRONGLY_TYPED": 0})
        for name, members in {
            "BuilderFlag": "TF32 REFIT DISABLE_TIMING_CACHE",
            "MemoryPoolType": "WORKSPACE",
            "ProfilingVerbosity": "DETAILED",
            "HardwareCompatibilityLevel": "NONE AMPERE_PLUS SAME_COMPUTE_CAPABILITY",
            "LayerInformationFormat": "ONELINE JSON",
            "TensorIOMode": "NONE INPUT OUTPUT",
        }.items():
            setattr(trt, name, enum.Enum(name, members))
        if self.name == "tensorrt_rtx":
            trt.EngineValidity = enum.Enum("EngineValidity", "VALID INVALID")
            reasons = "VERSION_MISMATCH UNSUPPORTED_CC OLD_CUDA_DRIVER OLD_CUDA_RUNTIME"
            reasons += " INSUFFICIENT_GPU_MEMORY MALFORMED_ENGINE CUDA_ERROR"
            trt.EngineInvalidityDiagnostics = enum.IntFlag("Reasons", reasons)
            trt.CudaGraphStrategy = enum.Enum("CudaGraphStrategy", "DISABLED WHOLE_GRAPH_CAPTURE")
            trt.ExecutionContextAllocationStrategy = enum.Enum("Strategy", "STATIC USER_MANAGED")
        return trt

    def _create_cache(self, stored: bytes):
        if stored and not stored.startswith(CACHE):
            return None
        return SimpleNamespace(stored=stored, serialize=lambda: CACHE + self.version.encode())

    def _set_cache(self, config, cache) -> bool:
        if self.refuses_cache and cache.stored:
            return False
        config.cache = cache
        self.caches.append(cache.stored)
        return True


class Engine:
    def __init__(self, fake: FakeTensorRt, onnx_bytes: bytes) -> None:
        import onnxruntime

        self._fake = fake
        self._network = onnxruntime.InferenceSession(onnx_bytes, providers=["CPUExecutionProvider"])
        inputs, outputs = self._network.get_inputs(), self._network.get_outputs()
        self._tensors = {value.name: value for value in (*inputs, *outputs)}
        self._inputs = {value.name for value in inputs}
        self.num_io_tensors = len(self._tensors)
        self.device_memory_size_v2 = 2**20

    def get_tensor_name(self, index):
        return list(self._tensors)[index]

    def get_tensor_shape(self, name):
        return self._tensors[name].shape

    def get_tensor_dtype(self, name):
        kinds = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
        return kinds[self._tensors[name].type]

    def get_tensor_mode(self, name):
        mode = self._fake.module.TensorIOMode
        return mode.INPUT if name in self._inputs else mode.OUTPUT

    def create_engine_inspector(self):
        said = json.dumps({"Layers": self._fake.layers})
        return SimpleNamespace(get_engine_information=lambda format: said)

    def create_execution_context(self, config=None):
        if self._fake.no_context:
            return None
        self._fake.strategies.append(None if config is None else config.cuda_graph_strategy)
        return Context(self, owns_memory=config is None)

    def create_runtime_config(self):
        fake, config = self._fake, SimpleNamespace(cache=None)
        config.cuda_graph_strategy = fake.module.CudaGraphStrategy.DISABLED
        config.create_runtime_cache = lambda: SimpleNamespace(
            deserialize=lambda stored: stored == fake.kernels, serialize=lambda: fake.kernels
        )
        config.set_runtime_cache = lambda cache: setattr(config, "cache", cache)
        config.set_execution_context_allocation_strategy = lambda strategy: setattr(
            config, "allocation", strategy
        )
        return config


class Context:
    def __init__(self, engine: Engine, owns_memory: bool) -> None:
        self._engine, self._addresses, self._ready = engine, {}, owns_memory

    def set_device_memory(self, memory, size):
        assert size >= self._engine.device_memory_size_v2
        self._engine._fake.gpu.memory(memory, size)  # somebody's, and still alive
        self._ready = True

    def is_stream_capturable(self, stream):
        return self._engine._fake.capturable

    def set_tensor_address(self, name, memory):
        assert memory % 256 == 0, "TensorRT wants aligned addresses"
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle):
        engine, gpu = self._engine, self._engine._fake.gpu
        assert self._ready, "a context without memory of its own was given none"
        assert set(self._addresses) == set(engine._tensors)

        def array(name):
            kind = np.dtype(engine.get_tensor_dtype(name))
            shape = engine.get_tensor_shape(name)
            size = int(np.prod(shape)) * kind.itemsize
            return gpu.memory(self._addresses[name], size).view(kind).reshape(shape)

        def work():
            outputs = [name for name in engine._tensors if name not in engine._inputs]
            feeds = {name: array(name).copy() for name in engine._inputs}
            for name, values in zip(outputs, engine._network.run(outputs, feeds), strict=True):
                array(name)[...] = values

        gpu.enqueue(stream_handle, work)
        return True
