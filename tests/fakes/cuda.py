"""A FAKE of pycuda.driver and of the CUDA crop kernel, over host memory. No evidence about CUDA.

It holds the code that uses them to the rules of a GPU: streams are lazy (nothing happens before
somebody waits), memory has bounds and ends, a context must be current. So a buffer that is written
too early, freed too soon or never, or too small, is noticed.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

GIB = 2**30


class Error(Exception):
    pass


class OutOfMemoryError(Error):
    pass


class FakeCuda:
    """One GPU. ``name``, ``capability``, ``version``, ``count`` and ``total`` may be set."""

    def __init__(self) -> None:
        self.name, self.capability, self.version = "Fake GPU", (9, 0), 13000
        self.count, self.total = 1, 8 * GIB
        self.live: dict[int, np.ndarray] = {}  # device memory by address
        self.pinned: list[np.ndarray] = []
        self.copies: list[tuple[str, int]] = []  # direction, bytes
        self.streams: dict[int, Stream] = {}
        self.allocations = 0
        self._stack = threading.local()
        self.driver = _driver(self)

    def current(self) -> None:
        assert getattr(self._stack, "depth", 0) > 0, "no context is current in this thread"

    def push(self) -> None:
        self._stack.depth = getattr(self._stack, "depth", 0) + 1

    def pop(self) -> None:
        self.current()
        self._stack.depth -= 1

    @property
    def depth(self) -> int:
        return getattr(self._stack, "depth", 0)

    def memory(self, pointer: int, size: int) -> np.ndarray:
        """The bytes at an address; they have to lie in one allocation that is alive."""
        for start, block in self.live.items():
            if start <= pointer and pointer + size <= start + len(block):
                return block[pointer - start : pointer - start + size]
        raise AssertionError(f"{size} bytes at {pointer:#x} are nobody's")

    def enqueue(self, stream: int, work: Callable[[], None]) -> None:
        self.current()
        self.streams[stream].queue.append(work)

    def crop_resize(self, frame, windows, size, mean, std, color="bgr", *, out, stream=0):
        """The CPU kernel over device memory, when the stream gets there."""
        from cpp_ext import crop_resize

        def array(of):
            spec = of.__cuda_array_interface__
            kind = np.dtype(spec["typestr"])
            count = int(np.prod(spec["shape"]))
            block = self.memory(spec["data"][0], count * kind.itemsize)
            return block.view(kind).reshape(spec["shape"])

        def work():
            window = array(windows).astype(np.float64)
            array(out)[...] = crop_resize(array(frame), window, size, mean, std, color)

        self.enqueue(int(stream), work)
        return out

    def install(self, patch: pytest.MonkeyPatch, kernel: bool = True) -> None:
        """Puts the fakes where the imports look."""
        package = ModuleType("pycuda")
        package.driver = self.driver
        patch.setitem(sys.modules, "pycuda", package)
        patch.setitem(sys.modules, "pycuda.driver", self.driver)
        module = SimpleNamespace(
            available=lambda: kernel, built=lambda: kernel, crop_resize=self.crop_resize
        )
        patch.setitem(sys.modules, "cpp_ext.cuda", module)


class Stream:
    def __init__(self, gpu: FakeCuda, flags: int = 0) -> None:
        gpu.current()
        assert flags == 1, "expected a stream that does not wait for the default stream"
        self._gpu, self.queue = gpu, []
        self.handle = 1000 + len(gpu.streams)
        gpu.streams[self.handle] = self

    def synchronize(self) -> None:
        self._gpu.current()
        while self.queue:
            self.queue.pop(0)()


class Event:
    def __init__(self, gpu: FakeCuda) -> None:
        gpu.current()
        self._gpu, self._stream, self._passed = gpu, None, True

    def record(self, stream: Stream) -> None:
        self._passed, self._stream = False, stream
        self._gpu.enqueue(stream.handle, self._pass)

    def synchronize(self) -> None:
        self._gpu.current()
        while not self._passed:
            self._stream.queue.pop(0)()

    def _pass(self) -> None:
        self._passed = True


class Allocation:
    def __init__(self, gpu: FakeCuda, size: int) -> None:
        gpu.current()
        if size + sum(map(len, gpu.live.values())) > gpu.total:
            raise OutOfMemoryError("cuMemAlloc failed: out of memory")
        raw = np.full(size + 256, 0xAB, np.uint8)
        shift = -raw.ctypes.data % 256
        self._gpu, self._block = gpu, raw[shift : shift + size]
        self._pointer = self._block.ctypes.data
        gpu.live[self._pointer] = self._block
        gpu.allocations += 1

    def __int__(self) -> int:
        return self._pointer

    def free(self) -> None:
        self._gpu.current()
        for stream in self._gpu.streams.values():  # cuMemFree waits
            stream.synchronize()
        del self._gpu.live[self._pointer]


class _Pinned(np.ndarray):
    """Pinned memory has a ``base`` that frees it, as pycuda's has."""

    @property
    def base(self):
        return SimpleNamespace(free=lambda: self._free())


def _driver(gpu: FakeCuda) -> ModuleType:
    def pagelocked_empty(shape, dtype):
        gpu.current()
        array = np.empty(shape, dtype).view(_Pinned)
        gpu.pinned.append(array)

        def free():
            gpu.current()
            gpu.pinned = [each for each in gpu.pinned if each is not array]
            array.view(np.uint8)[...] = 0xCD  # whoever reads it now reads rubbish

        array._free = free
        return array

    def htod(target, source, stream):
        size = source.nbytes
        pinned = any(np.shares_memory(source, each) for each in gpu.pinned)
        data = source if pinned else source.copy()  # CUDA stages what is not pinned
        gpu.copies.append(("up", size))

        def work():
            gpu.memory(int(target), size)[...] = np.frombuffer(data, np.uint8)

        gpu.enqueue(stream.handle, work)

    def dtoh(target, source, stream):
        gpu.copies.append(("down", target.nbytes))

        def work():
            values = gpu.memory(int(source), target.nbytes).view(target.dtype)
            target[...] = values.reshape(target.shape)

        gpu.enqueue(stream.handle, work)
        if not any(np.shares_memory(target, each) for each in gpu.pinned):
            stream.synchronize()

    def dtod(target, source, size, stream):
        gpu.copies.append(("device", size))

        def work():
            gpu.memory(int(target), size)[...] = gpu.memory(int(source), size)

        gpu.enqueue(stream.handle, work)

    def memset(pointer, value, size, stream):
        gpu.enqueue(stream.handle, lambda: gpu.memory(pointer, size).fill(value))

    context = SimpleNamespace(push=gpu.push, pop=gpu.pop, detach=lambda: None)

    class Device:
        def __init__(self, number):
            assert number == 0

        @staticmethod
        def count():
            return gpu.count

        name = staticmethod(lambda: gpu.name)
        compute_capability = staticmethod(lambda: gpu.capability)
        total_memory = staticmethod(lambda: gpu.total)
        retain_primary_context = staticmethod(lambda: context)

    module = ModuleType("pycuda.driver")
    module.Error, module.MemoryError = Error, OutOfMemoryError
    module.Device = Device
    module.init = lambda: None
    module.get_driver_version = lambda: gpu.version
    module.mem_get_info = lambda: (gpu.total // 2, gpu.total)
    module.mem_alloc = lambda size: Allocation(gpu, size)
    module.pagelocked_empty = pagelocked_empty
    module.memset_d8_async = memset
    module.memcpy_htod_async, module.memcpy_dtoh_async = htod, dtoh
    module.memcpy_dtod_async = dtod
    module.Stream = lambda flags=0: Stream(gpu, flags)
    module.Event = lambda flags=0: Event(gpu)
    module.event_flags = SimpleNamespace(DISABLE_TIMING=2)
    return module
