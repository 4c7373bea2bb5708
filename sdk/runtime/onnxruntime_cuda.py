"""ONNX Runtime's CUDA provider over the device loop: ``backend: "onnxruntime-cuda"``.

Inputs and outputs are bound to fixed memory of the GPU, and the kernels go into the loop's own
stream, so that nothing is copied to the host between the networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError, MissingRuntimeError
from sdk.runtime.cuda import Device, import_driver
from sdk.runtime.device import DeviceRuntime
from sdk.runtime.memory import Tensor
from sdk.runtime.runtime import Signature

PROVIDER = "CUDAExecutionProvider"
_TYPES: dict[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(int32)": np.dtype(np.int32),
}


class BoundExecutor:
    """One ONNX network on one device: an ``sdk.runtime.device.Executor``.

    ``provider`` and its ``options`` say where it runs, ``kind`` what ONNX Runtime calls that
    device's memory ("cuda").
    """

    def __init__(
        self, ort: Any, path: Path, provider: str, options: Mapping[str, str], kind: str
    ) -> None:
        self._path, self._kind = path, kind
        settings = ort.SessionOptions()
        settings.log_severity_level = 3  # errors only
        try:
            self._network = ort.InferenceSession(
                str(path), settings, providers=[(provider, dict(options))]
            )
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise EngineError(f"ONNX Runtime cannot load {path}: {error}") from error
        found = self._network.get_providers()[0]
        if found != provider:
            raise EngineError(
                f"ONNX Runtime runs {path.name} on {found}, expected {provider}: its CUDA and"
                " cuDNN libraries cannot be loaded; install those that its version asks for"
            )
        self.inputs = {value.name: self._tensor(value) for value in self._network.get_inputs()}
        self.outputs = {value.name: self._tensor(value) for value in self._network.get_outputs()}
        self._binding = self._network.io_binding()
        self._options = ort.RunOptions()
        # The loop waits for the stream where it has to; ONNX Runtime would after every network.
        self._options.add_run_config_entry("disable_synchronize_execution_providers", "1")

    def prepare(self, pointers: Mapping[str, int], device: Device) -> None:
        """Binds the tensors and runs once: memory is allocated and algorithms are chosen then."""
        for tensors, bind in (
            (self.inputs, self._binding.bind_input),
            (self.outputs, self._binding.bind_output),
        ):
            for name, tensor in tensors.items():
                bind(name, self._kind, 0, tensor.dtype.type, list(tensor.shape), pointers[name])
        self.run(device.stream)

    def run(self, stream: int) -> None:
        """Runs in the stream that the session was made for, which is ``stream``."""
        try:
            self._network.run_with_iobinding(self._binding, self._options)
        except Exception as error:  # onnxruntime's exceptions share no base of their own
            raise EngineError(f"the network {self._path.name} failed: {error}") from error

    def close(self) -> None:
        """Frees the network."""
        del self._binding, self._network

    def _tensor(self, value: Any) -> Tensor:
        if value.type not in _TYPES or not all(isinstance(size, int) for size in value.shape):
            raise EngineError(
                f"{self._path.name}: expected {value.name} to be of fixed shape and one of"
                f" {', '.join(_TYPES)}, found {value.type} {value.shape}"
            )
        return Tensor(tuple(value.shape), _TYPES[value.type])


def open_runtime(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[str, Signature],
    threads: int | None = None,
) -> DeviceRuntime:
    """See ``sdk.runtime.open_runtime``; the host's threads play no part."""
    import_driver()
    ort = import_onnxruntime()

    def open_executor(name: str, device: Device) -> BoundExecutor:
        options = {
            "device_id": "0",
            "user_compute_stream": str(device.stream),
            "use_tf32": "0",  # fp32 is to mean fp32, as in the certificate's reference
        }
        return BoundExecutor(ort, folder / manifest.networks[name].file, PROVIDER, options, "cuda")

    return DeviceRuntime(networks, manifest.inputs, open_executor)


def import_onnxruntime() -> Any:
    """The module with the CUDA provider; raises MissingRuntimeError where it is not there."""
    advice = "pip uninstall onnxruntime, then pip install onnxruntime-gpu (for CUDA)"
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingRuntimeError(
            f"this engine needs ONNX Runtime, which cannot be imported ({error}): {advice}"
        ) from error
    found = onnxruntime.get_available_providers()
    if PROVIDER not in found:
        raise MissingRuntimeError(
            f"this engine needs ONNX Runtime with {PROVIDER}, found {', '.join(found)}: {advice}"
        )
    return onnxruntime
