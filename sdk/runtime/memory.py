"""Device memory that is used again and again, and pinned memory on the way to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdk.runtime.cuda import Device, DeviceArray


@dataclass(frozen=True)
class Tensor:
    """Shape and type of an input or output of a network."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class Held:
    """Device memory that goes back to its pool when nobody refers to it any more."""

    def __init__(self, arrays: dict[str, DeviceArray], pool: list[dict[str, DeviceArray]]) -> None:
        self.arrays, self._pool = arrays, pool

    def __del__(self) -> None:
        self._pool.append(self.arrays)  # atomic: the last reference may die in any thread


class Pool:
    """Device memory for values of a kind, used again and again."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._idle: list[dict[str, DeviceArray]] = []

    def take(self, wanted: Mapping[str, Tensor]) -> Held:
        """Memory for ``wanted``; idle memory for anything else (a former frame size) is freed."""
        while self._idle:
            arrays = self._idle.pop()
            if {name: Tensor(a.shape, a.dtype) for name, a in arrays.items()} == dict(wanted):
                return Held(arrays, self._idle)
            for array in arrays.values():
                self._device.free(array)
        made = {name: self._device.zeros(each.shape, each.dtype) for name, each in wanted.items()}
        return Held(made, self._idle)


class Staging:
    """Pinned host memory on its way to the device. It is not written while it is being read."""

    def __init__(self, device: Device, tensor: Tensor) -> None:
        self._device, self.tensor = device, tensor
        self.host = device.pinned(tensor.shape, tensor.dtype)
        self._read = device.event()

    def send(self, values: ArrayLike, target: DeviceArray) -> None:
        """Copies ``values`` and starts their way to ``target``; ``values`` may change then."""
        self._read.synchronize()
        self.host[...] = values
        self._device.upload(self.host, target)
        self._device.record(self._read)

    def free(self) -> None:
        """Frees the memory, once it has been read."""
        self._read.synchronize()
        self._device.free_pinned(self.host)
