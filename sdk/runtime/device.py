"""Networks on a GPU, over whatever executes them: one loop for all GPU runtimes.

The frame goes up once, through pinned memory. For each window four numbers go up, the crop kernel
writes the network's input, outputs stay where the next network reads them, and what the host wants
comes back in one record a run, the only thing that it waits for: once for all the runs of a
``fetch``, which follow each other in the stream.

Tensors are known by their names: two networks that name the same tensor share its memory. Outputs
are kept in memory of their own and copied back on the device where they are needed again (a window
that several expressions look at, the text of an expression), which for the 11 MB of a Swin-T step
is 0.1 ms on a Jetson Orin and 5 us on an H200 (bytes over bandwidth); in return every network has
fixed addresses, hence one CUDA graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import ImageInput
from sdk.errors import EngineError
from sdk.frame import ColorOrder
from sdk.kernel import import_kernel
from sdk.preprocess import KernelOrder, kernel_pixels
from sdk.runtime.cuda import Device, DeviceArray
from sdk.runtime.memory import Held, Pool, Staging, Tensor
from sdk.runtime.runtime import AT_ONCE, Array, Signature
from sdk.timing import StageTimer

_Many = TypeVar("_Many", Array, Sequence[Mapping[str, Any]])
ALIGNMENT = 256  # bytes, of every tensor: TensorRT asks for it


class Executor(Protocol):
    """One network on the GPU. The device's context is current whenever it is called."""

    @property
    def inputs(self) -> Mapping[str, Tensor]: ...

    @property
    def outputs(self) -> Mapping[str, Tensor]: ...

    def prepare(self, pointers: Mapping[str, int], device: Device) -> None:
        """Binds every input and output for good, and runs once, to have done what is slow."""

    def run(self, stream: int) -> None:
        """Puts one execution into the stream; returns before it is over."""

    def close(self) -> None:
        """Frees what the network holds on the device."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame on the device."""

    held: Held
    color: KernelOrder


@dataclass(frozen=True, eq=False)
class Output:
    """One output of a run, kept on the device: an array of ``held``, which is the whole run's."""

    held: Held
    name: str

    @property
    def array(self) -> DeviceArray:
        """Where it lies."""
        return self.held.arrays[self.name]


class DeviceRuntime:
    """A ``Runtime`` on the GPU.

    ``images`` are the inputs that windows of frames are made into, by name;
    ``open_executor(name, device)`` loads one network. The host only waits in ``fetch``, so that
    the clock's other stages are the host's part of them, and that of the network fetched has the
    rest. Raises EngineError when the networks do not fit each other or what is expected of them,
    when the GPU has no memory left, or when CUDA reports an error, here and later.
    """

    def __init__(
        self,
        networks: Mapping[str, Signature],
        images: Mapping[str, ImageInput],
        open_executor: Callable[[str, Device], Executor],
    ) -> None:
        self._crop, self._images = crop_kernel(), images
        self.clock = StageTimer(networks)
        self._device = Device()
        self._executors: dict[str, Executor] = {}
        self._arrays: dict[str, DeviceArray] = {}  # by tensor name
        self._present: dict[str, Output] = {}  # whose values lie in the arrays of these names
        self._records: dict[str, DeviceArray] = {}  # by network: all its outputs in one piece
        self._host_records: dict[str, NDArray[np.uint8]] = {}  # those that were fetched
        self._staging: dict[str, Staging] = {}
        self._rows: dict[str, DeviceArray] = {}  # inputs from the host, one for each run
        self._frames, self._given = Pool(self._device), Pool(self._device)
        self._pools = {name: Pool(self._device) for name in networks}
        try:
            with self._device.active():
                for name, signature in networks.items():
                    made = self._executors[name] = open_executor(name, self._device)
                    shapes = {key: tensor.shape for key, tensor in made.inputs.items()}
                    signature.check(f"the {name} network", shapes, list(made.outputs))
                self._allocate()
                for executor in self._executors.values():
                    named = (*executor.inputs, *executor.outputs)
                    pointers = {name: self._arrays[name].pointer for name in named}
                    executor.prepare(pointers, self._device)
                self._device.synchronize()
        except BaseException:
            self.close()
            raise

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> Frame:
        """Copies the frame (any strides) to the device; it may change when this returns."""
        pixels, order = kernel_pixels(frame, color)
        tensor = Tensor(pixels.shape, pixels.dtype)
        with self._device.active(), self.clock.stage("crop"):
            held = self._frames.take({"frame": tensor})
            self._stage("frame", tensor).send(pixels, held.arrays["frame"])
        return Frame(held, order)

    def put(self, values: Mapping[str, Array]) -> dict[str, Output]:
        """Copies the arrays to the device; they may change when this returns."""
        tensors = {name: Tensor(each.shape, each.dtype) for name, each in values.items()}
        with self._device.active():
            held = self._given.take(tensors)
            for name, each in values.items():
                self._stage(f"{name} given", tensors[name]).send(each, held.arrays[name])
        return {name: Output(held, name) for name in values}

    def look(
        self, network: str, frame: Frame, windows_xyxy: NDArray[np.float64]
    ) -> list[dict[str, Output]]:
        """Crops, resizes and normalises each window, runs the network; on the device."""
        found = []
        with self._device.active():
            for some in _chunks(windows_xyxy):
                for _ in self._each_window(network, frame, some):
                    found.append(self._keep(network))
        return found

    def see(
        self, network: str, frame: Frame, windows_xyxy: NDArray[np.float64]
    ) -> list[dict[str, Array]]:
        """As ``look``, and waits for the outputs, float32 arrays."""
        found: list[dict[str, Array]] = []
        with self._device.active():
            for some in _chunks(windows_xyxy):
                each = self._each_window(network, frame, some)
                found += self._downloaded(network, each, len(some))
        return found

    def run(self, network: str, feeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Output]]:
        """Runs the network on each of ``feeds``; the outputs stay on the device."""
        found = []
        with self._device.active():
            for some in _chunks(feeds):
                for _ in self._each(network, some):
                    found.append(self._keep(network))
        return found

    def fetch(self, network: str, feeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Array]]:
        """Runs the network on each of ``feeds`` and waits for the outputs, float32 arrays."""
        found: list[dict[str, Array]] = []
        with self._device.active():
            for some in _chunks(feeds):
                found += self._downloaded(network, self._each(network, some), len(some))
        return found

    def close(self) -> None:
        """Frees the networks and all memory, of handles that are still about too."""
        try:
            with self._device.active():
                self._device.synchronize()
                for executor in self._executors.values():
                    executor.close()
                self._executors.clear()
                self._staging.clear()  # their events want the context
        finally:
            self._device.close()

    def _each_window(self, network: str, frame: Frame, windows: Array) -> Iterator[int]:
        """Looks at each of ``windows``, which are ``AT_ONCE`` at most; yields which."""
        (name,) = self._executors[network].inputs
        rows = self._send("windows", Tensor((4,), np.dtype(np.float32)), list(windows))
        for k in range(len(windows)):
            with self.clock.stage("crop"):
                self._fill(name, frame, _row(rows, k))
            with self.clock.stage(network):
                self._execute(network)
            yield k

    def _downloaded(self, network: str, runs: Iterator[int], count: int) -> list[dict[str, Array]]:
        """What ``count`` runs gave, once the last of them is over."""
        record = self._records[network]
        if network not in self._host_records:
            self._host_records[network] = self._device.pinned((AT_ONCE, record.nbytes), np.uint8)
        hosts = self._host_records[network]
        for k in runs:
            self._device.download(record, hosts[k])
        with self.clock.stage(network, 0):
            self._device.synchronize()
            return [self._read(network, host) for host in hosts[:count]]

    def _each(self, network: str, feeds: Sequence[Mapping[str, Any]]) -> Iterator[int]:
        """Runs the network on each of ``feeds``, which are ``AT_ONCE`` at most; yields which."""
        inputs = self._executors[network].inputs
        with self.clock.stage(network, 0):
            rows = {
                name: self._send(name, tensor, [feed[name] for feed in feeds])
                for name, tensor in inputs.items()
                if not isinstance(feeds[0][name], Output)
            }
        for k, feed in enumerate(feeds):
            with self.clock.stage(network):
                for name in inputs:
                    if name in rows:
                        self._present.pop(name, None)
                        self._device.copy(_row(rows[name], k), self._arrays[name])
                    else:
                        self._recall(name, feed[name])
                self._execute(network)
            yield k

    def _execute(self, network: str) -> None:
        executor = self._executors[network]
        for name in executor.outputs:
            self._present.pop(name, None)
        executor.run(self._device.stream)

    def _keep(self, network: str) -> dict[str, Output]:
        """The outputs of the last run in memory of their own."""
        arrays = {name: self._arrays[name] for name in self._executors[network].outputs}
        tensors = {name: Tensor(a.shape, a.dtype) for name, a in arrays.items()}
        with self.clock.stage(network, 0):
            held = self._pools[network].take(tensors)
            for name, array in arrays.items():
                self._device.copy(array, held.arrays[name])
                self._present[name] = Output(held, name)
        return {name: self._present[name] for name in arrays}

    def _recall(self, name: str, wanted: Output) -> None:
        if self._present.get(name) is not wanted:
            self._device.copy(wanted.array, self._arrays[name])
            self._present[name] = wanted

    def _send(self, name: str, tensor: Tensor, values: Sequence[Array]) -> DeviceArray:
        """Arrays of the host, ``AT_ONCE`` at most, as rows on the device, in one copy."""
        size, count = max(int(np.prod(tensor.shape)), 1), 1 if len(values) == 1 else AT_ONCE
        array = self._rows.get(name)
        if array is None or array.shape[0] < count:
            if array is not None:
                self._device.synchronize()
                self._device.free(array)
            array = self._rows[name] = self._device.zeros((count, size), tensor.dtype)
        rows = np.zeros(array.shape, tensor.dtype)
        for row, value in zip(rows, values, strict=False):
            row[:] = np.asarray(value).reshape(-1)
        self._stage(f"{name} rows", Tensor(array.shape, array.dtype)).send(rows, array)
        return array

    def _stage(self, name: str, tensor: Tensor) -> Staging:
        """Pinned memory for ``name``; of another size than before, it takes its place."""
        staging = self._staging.get(name)
        if staging is None or staging.tensor != tensor:
            if staging is not None:
                staging.free()
            staging = self._staging[name] = Staging(self._device, tensor)
        return staging

    def _read(self, network: str, host: NDArray[np.uint8]) -> dict[str, Array]:
        """What the host's copy of a record says, as arrays of their own."""
        record, names = self._records[network], self._executors[network].outputs
        return {name: _view(host, record, self._arrays[name]).astype(np.float32) for name in names}

    def _allocate(self) -> None:
        """One place for each tensor; the outputs of a network lie in one piece."""
        known: dict[str, Tensor] = {}
        for name, executor in self._executors.items():
            for key, tensor in (*executor.inputs.items(), *executor.outputs.items()):
                if known.setdefault(key, tensor) != tensor:
                    raise EngineError(
                        f"the {name} network has {key} as {tensor}, another one as {known[key]}:"
                        " build the engine again"
                    )
        for name, executor in self._executors.items():
            sizes = [-(-t.nbytes // ALIGNMENT) * ALIGNMENT for t in executor.outputs.values()]
            record = self._records[name] = self._device.zeros((sum(sizes),), np.uint8)
            starts = np.cumsum([0, *sizes[:-1]]).tolist()
            for (key, tensor), start in zip(executor.outputs.items(), starts, strict=True):
                place = DeviceArray(record.pointer + start, tensor.shape, tensor.dtype)
                self._arrays[key] = place
        for key, tensor in known.items():
            if key not in self._arrays:
                self._arrays[key] = self._device.zeros(tensor.shape, tensor.dtype)

    def _fill(self, name: str, frame: Frame, window: DeviceArray) -> None:
        image = self._images[name]
        self._present.pop(name, None)
        try:
            self._crop(
                frame.held.arrays["frame"],
                window,
                image.hw,
                image.mean,
                image.std,
                frame.color,
                out=self._arrays[name],
                stream=self._device.stream,
            )
        except RuntimeError as error:
            raise EngineError(f"the CUDA crop kernel failed: {error}") from error


def _chunks(many: _Many) -> list[_Many]:
    """What is given, ``AT_ONCE`` at a time at most."""
    return [many[k : k + AT_ONCE] for k in range(0, len(many), AT_ONCE)]


def _row(array: DeviceArray, k: int) -> DeviceArray:
    """Row ``k`` of an array ``(n, m)``, as ``(1, m)``."""
    width = array.shape[1]
    return DeviceArray(array.pointer + k * width * array.dtype.itemsize, (1, width), array.dtype)


def _view(host: NDArray[np.uint8], record: DeviceArray, part: DeviceArray) -> NDArray[Any]:
    """The part of the host's copy of the record that ``part`` is on the device."""
    start = part.pointer - record.pointer
    return host[start : start + part.nbytes].view(part.dtype).reshape(part.shape)


def crop_kernel() -> Callable[..., Any]:
    """``cpp_ext.cuda.crop_resize``; raises EngineError when it cannot run on this machine."""
    kernel = import_kernel("cpp_ext.cuda")
    if not kernel.built():
        raise EngineError(
            "the CUDA crop kernel cannot run, for it is not built: install the CUDA toolkit"
            " (nvcc), then pip install --no-build-isolation -e . again"
        )
    if not kernel.available():
        raise EngineError(
            "the CUDA crop kernel cannot run: it is built, but not usable: there is no GPU, its"
            " driver is too old, or the kernel was built for other GPUs (pip install"
            " --no-build-isolation -e . builds it again)"
        )
    crop_resize: Callable[..., Any] = kernel.crop_resize
    return crop_resize
