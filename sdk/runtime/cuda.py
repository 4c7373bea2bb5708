"""One GPU through pycuda: context, stream, memory, copies. No other module of ours knows pycuda.

The *primary* context is used, which TensorRT, ONNX Runtime and PyTorch share; it is pushed for the
length of a call and popped after it, so that any thread may call. It stays until the process ends,
as it does for CUDA's own runtime library.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sdk.errors import EngineError, MissingRuntimeError

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: the stream never waits for the legacy default stream
_CPU_INSTEAD = 'or use an engine of backend "onnxruntime", which runs on the CPU'


@dataclass(frozen=True)
class Gpu:
    """``compute_capability`` as ``"8.7"``; ``cuda``: the newest CUDA that the driver knows."""

    name: str
    compute_capability: str
    cuda: str
    total_bytes: int


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """Memory of the GPU as a C-contiguous array; whoever made it frees it."""

    pointer: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.pointer, False),
            "strides": None,
            "version": 3,
        }


def import_driver() -> Any:
    """``pycuda.driver``, initialised.

    Raises MissingRuntimeError without pycuda and EngineError without a driver or a GPU.
    """
    try:
        import pycuda.driver as driver
    except ImportError as error:
        if "libcuda" in str(error):
            raise EngineError(
                f"this engine needs an NVIDIA GPU, and its driver is not installed ({error}):"
                f" install the driver, {_CPU_INSTEAD}"
            ) from error
        raise MissingRuntimeError(
            f"this engine needs pycuda, which cannot be imported ({error}): pip install pycuda"
            " (it is compiled on this machine: the CUDA toolkit has to be installed)"
        ) from error
    try:
        driver.init()
        count = driver.Device.count()
    except driver.Error as error:
        raise EngineError(
            f"this engine needs an NVIDIA GPU, and the driver finds none it can use ({error}):"
            f" see what nvidia-smi says, update the driver, {_CPU_INSTEAD}"
        ) from error
    if count == 0:
        raise EngineError(
            "this engine needs an NVIDIA GPU, found none: see nvidia-smi and $CUDA_VISIBLE_DEVICES,"
            f" {_CPU_INSTEAD}"
        )
    return driver


def describe_gpu(driver: Any) -> Gpu:
    """The first GPU that this process may see (``$CUDA_VISIBLE_DEVICES`` chooses it)."""
    gpu, version = driver.Device(0), driver.get_driver_version()
    return Gpu(
        name=gpu.name(),
        compute_capability=".".join(map(str, gpu.compute_capability())),
        cuda=f"{version // 1000}.{version % 1000 // 10}",
        total_bytes=int(gpu.total_memory()),
    )


class Device:
    """The first GPU, with a stream of our own. All methods but ``close`` want ``active()``.

    Raises what ``import_driver`` raises, and EngineError when the GPU has no memory left.
    """

    def __init__(self) -> None:
        self._driver = import_driver()
        self.gpu = describe_gpu(self._driver)
        self._allocations: dict[int, Any] = {}  # by pointer
        self._pinned: list[NDArray[Any]] = []
        self._context = _primary_context(self._driver)
        with self.active():
            self._stream = self._driver.Stream(NON_BLOCKING)
            self.stream = int(self._stream.handle)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Makes the context current in this thread; CUDA's errors become EngineErrors."""
        self._context.push()
        try:
            yield
        except self._driver.MemoryError as error:
            raise EngineError(
                f"out of memory on {self.gpu.name} ({self.gpu.total_bytes / 2**30:.1f} GiB in"
                f" all): {error}; close other grounders or programs (nvidia-smi lists them), or"
                " build the engine with --precision fp16"
            ) from error
        except self._driver.Error as error:
            raise EngineError(f"CUDA failed on {self.gpu.name}: {error}") from error
        finally:
            self._context.pop()

    def free_bytes(self) -> int:
        """Memory of the GPU that nobody uses."""
        return int(self._driver.mem_get_info()[0])

    def zeros(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        """Allocates an array of zeros."""
        kind = np.dtype(dtype)
        size = max(int(np.prod(shape, dtype=np.int64)) * kind.itemsize, 1)
        allocation = self._driver.mem_alloc(size)
        array = DeviceArray(int(allocation), tuple(shape), kind)
        self._allocations[array.pointer] = allocation
        self._driver.memset_d8_async(array.pointer, 0, size, self._stream)
        return array

    def free(self, array: DeviceArray) -> None:
        """Frees what ``zeros`` gave."""
        self._allocations.pop(array.pointer).free()

    def pinned(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Host memory that the GPU reads and writes without a detour."""
        array: NDArray[Any] = self._driver.pagelocked_empty(shape, dtype)
        self._pinned.append(array)
        return array

    def free_pinned(self, array: NDArray[Any]) -> None:
        """Frees what ``pinned`` gave; nobody may touch the array afterwards."""
        self._pinned = [each for each in self._pinned if each is not array]
        array.base.free()  # type: ignore[union-attr]

    def event(self) -> Any:
        """An event without timing, to be recorded on ``stream``."""
        return self._driver.Event(self._driver.event_flags.DISABLE_TIMING)

    def record(self, event: Any) -> None:
        """Puts an event into the stream."""
        event.record(self._stream)

    def upload(self, source: NDArray[Any], target: DeviceArray) -> None:
        """Host to GPU, asynchronous for pinned memory."""
        self._driver.memcpy_htod_async(target.pointer, source, self._stream)

    def download(self, source: DeviceArray, target: NDArray[Any]) -> None:
        """GPU to host, asynchronous for pinned memory."""
        self._driver.memcpy_dtoh_async(target, source.pointer, self._stream)

    def copy(self, source: DeviceArray, target: DeviceArray) -> None:
        """From one place of the GPU's memory to another, asynchronous."""
        self._driver.memcpy_dtod_async(target.pointer, source.pointer, source.nbytes, self._stream)

    def synchronize(self) -> None:
        """Waits until the stream has run dry."""
        self._stream.synchronize()

    def close(self) -> None:
        """Frees every array and the stream."""
        with self.active():
            self.synchronize()
            for allocation in self._allocations.values():
                allocation.free()
            for array in self._pinned:
                array.base.free()  # type: ignore[union-attr]
            self._allocations, self._pinned = {}, []
            del self._stream


@cache
def _primary_context(driver: Any) -> Any:
    context = driver.Device(0).retain_primary_context()
    atexit.register(context.detach)  # pycuda's destructor would release it the wrong way
    return context
