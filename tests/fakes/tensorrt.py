"""A FAKE of TensorRT, for control flow only: errors, Ctrl-C, caching, lifetimes. No evidence that
TensorRT builds or runs anything.

A "plan" is the ONNX file behind a magic word; ONNX Runtime executes it on the CPU, in the memory
and the lazy streams of tests/fakes/cuda.py. What is tested with it may only use names that
tests/export/test_tensorrt_names.py finds in the real bindings.
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
    """Set ``parser_errors``, ``layers``, ``steps``, ... to have it behave in other ways."""

    def __init__(self, gpu, version: str = "11.4.0.106") -> None:
        self.gpu, self.version = gpu, version
        self.parser_errors: list[SimpleNamespace] = []
        self.layers = [{"Name": "a", "Inputs": [{"Name": "x", "Format/Datatype": "Float"}]}]
        self.fails_to_build = self.fails_to_start = self.fails_to_open = False
        self.no_context = self.refuses_cache = False
        self.steps, self.on_step = 3, lambda step: None
        self.configs: list[SimpleNamespace] = []
        self.caches: list[bytes] = []  # what each build was given
        self.cancelled = False
        self.module = self._module()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setitem(sys.modules, "tensorrt", self.module)
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
        fake, trt = self, ModuleType("tensorrt")
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
                monitor, told = config.progress_monitor, []

                def build():  # TensorRT calls the monitor from threads of its own
                    monitor.phase_start("Building", None, fake.steps)
                    monitor.phase_start("Timing", "Building", 1)
                    for step in range(fake.steps):
                        fake.on_step(step)
                        told.append(monitor.step_complete("Building", step))
                        if not told[-1]:
                            break
                    monitor.phase_finish("Timing")
                    monitor.phase_finish("Building")

                thread = threading.Thread(target=build)
                thread.start()
                thread.join()
                fake.cancelled = not all(told)
                if fake.cancelled or fake.fails_to_build:
                    self.logger.log(ILogger.Severity.ERROR, "no implementation for MatMul")
                    return None
                return MAGIC + network.onnx

        class OnnxParser:
            def __init__(self, network, logger) -> None:
                self._network = network
                self.num_errors = len(fake.parser_errors)

            def parse(self, model):
                self._network.onnx = model
                return not fake.parser_errors

            def get_error(self, index):
                return fake.parser_errors[index]

        class Runtime:
            def __init__(self, logger) -> None:
                if fake.fails_to_start:
                    logger.log(ILogger.Severity.ERROR, "CUDA initialization failure with error: 35")
                    raise TypeError("factory function returned nullptr")
                self._logger = logger

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

    def create_execution_context(self):
        return None if self._fake.no_context else Context(self)


class Context:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._addresses = engine, {}

    def set_tensor_address(self, name, memory):
        assert memory % 256 == 0, "TensorRT wants aligned addresses"
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle):
        engine, gpu = self._engine, self._engine._fake.gpu
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
