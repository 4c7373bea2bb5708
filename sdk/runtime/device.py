"""The search's networks on a GPU, over whatever executes them: one loop for all GPU runtimes.

The frame goes up once, through pinned memory. For each step four numbers of the window go up, the
crop kernel writes the image network's input, the features stay where the ground network reads
them, and one record of boxes and scores comes back, the only thing that the host waits for: once
for all the looks of a round, which follow each other in the stream.

Tensors are known by their names: two networks that name the same tensor share its memory. Features
that are needed again (a window that several expressions look at, the text of an expression) are
kept in memory of their own and copied back on the device, which for the 11 MB of a Swin-T step is
0.1 ms on a Jetson Orin and 5 us on an H200 (bytes over bandwidth); in return every network has
fixed addresses, hence one CUDA graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.errors import EngineError
from sdk.frame import ColorOrder
from sdk.kernel import import_kernel
from sdk.results.grounding import Candidates
from sdk.runtime.cuda import Device, DeviceArray
from sdk.runtime.memory import Held, Pool, Staging, Tensor
from sdk.text import Tokens
from sdk.timing import StageTimer
from sdk.zoom.search import MAX_LOOKS, GroundInput

NETWORKS = ("text", "image", "ground")
ALIGNMENT = 256  # bytes, of every tensor: TensorRT asks for it
_TEXT = ("text_features", "segment_ids", "position_ids")  # what is kept of an expression
_IMAGE = ("image_features",)  # ... and of a window


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
    color: ColorOrder


class DeviceSession:
    """A ``RuntimeSession`` on the GPU. One call at a time, from any thread.

    ``open_executor(name, device)`` loads one network. The host only waits in ``ground``, so that
    the clock's ``crop``, ``text`` and ``image`` are the host's part of it, and ``ground`` has the
    rest. Raises EngineError when the networks do not fit each other or the manifest, when the GPU
    has no memory left, or when CUDA reports an error, here and later.
    """

    def __init__(
        self, manifest: Manifest, open_executor: Callable[[str, Device], Executor]
    ) -> None:
        self._crop = crop_kernel()
        self.clock = StageTimer()
        self._device = Device()
        self._manifest = manifest
        self._executors: dict[str, Executor] = {}
        self._arrays: dict[str, DeviceArray] = {}  # by tensor name
        self._staging: dict[str, Staging] = {}
        self._frames, self._texts, self._images = (Pool(self._device) for _ in range(3))
        self._text: Held | None = None  # whose features lie where the ground network reads them
        self._image: Held | None = None
        try:
            with self._device.active():
                for name in NETWORKS:
                    self._executors[name] = open_executor(name, self._device)
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
        tensor = Tensor(frame.shape, frame.dtype)
        with self._device.active(), self.clock.stage("crop"):
            held = self._frames.take({"frame": tensor})
            staging = self._staging.get("frame")
            if staging is None or staging.tensor != tensor:
                if staging is not None:
                    staging.free()
                staging = self._staging["frame"] = Staging(self._device, tensor)
            staging.send(frame, held.arrays["frame"])
        return Frame(held, color)

    def encode_text(self, tokens: Tokens) -> Held:
        """Runs the text network; the features stay on the device."""
        with self._device.active(), self.clock.stage("text"):
            for name, row in tokens.prompt.items():
                self._staging[name].send(row, self._arrays[name])
            self._text = None
            self._executors["text"].run(self._device.stream)
            self._text = self._keep(self._texts, _TEXT)
            return self._text

    def encode_images(self, frame: Frame, windows_xyxy: NDArray[np.float64]) -> list[Held]:
        """Crops, resizes and normalises each window, runs the image network; on the device."""
        return [
            held
            for at in range(0, len(windows_xyxy), MAX_LOOKS)
            for held in self._encode(frame, windows_xyxy[at : at + MAX_LOOKS])
        ]

    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        """Runs the ground network on each look and waits for the answers."""
        return [
            offered
            for at in range(0, len(looks), MAX_LOOKS)
            for offered in self._ground(looks[at : at + MAX_LOOKS])
        ]

    def _encode(self, frame: Frame, windows: NDArray[np.float64]) -> list[Held]:
        found = []
        with self._device.active():
            rows = np.zeros(self._arrays["windows"].shape, np.float32)
            rows[: len(windows)] = windows
            self._staging["windows"].send(rows, self._arrays["windows"])
            for k in range(len(windows)):
                with self.clock.stage("crop"):
                    self._fill_pixels(frame, _row(self._arrays["windows"], k))
                with self.clock.stage("image"):
                    self._image = None
                    self._executors["image"].run(self._device.stream)
                    self._image = self._keep(self._images, _IMAGE)
                    found.append(self._image)
        return found

    def _ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        with self._device.active(), self.clock.stage("ground", len(looks)):
            rows = np.zeros(self._arrays["progresses"].shape, np.float32)
            rows[: len(looks), 0] = [look.progress for look in looks]
            self._staging["progresses"].send(rows, self._arrays["progresses"])
            for k, look in enumerate(looks):
                self._image = self._recall(look.image, self._image)
                self._text = self._recall(look.text, self._text)
                self._device.copy(_row(self._arrays["progresses"], k), self._arrays["progress"])
                self._executors["ground"].run(self._device.stream)
                self._device.download(self._record, self._host_records[k])
            self._device.synchronize()
            return [self._candidates(host) for host in self._host_records[: len(looks)]]

    def _candidates(self, host: NDArray[np.uint8]) -> Candidates:
        """What a record says, as arrays of their own."""
        boxes, scores = (
            _view(host, self._record, self._arrays[name])[0].astype(np.float32)
            for name in ("boxes", "scores")
        )
        return Candidates(boxes, scores)

    def run_network(self, name: str, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """One network by itself: for certificates."""
        executor = self._executors[name]
        with self._device.active():
            self._text = self._image = None
            for key in executor.inputs:
                array = self._arrays[key]
                self._device.upload(np.ascontiguousarray(feeds[key], array.dtype), array)
            executor.run(self._device.stream)
            found = {key: np.empty(t.shape, t.dtype) for key, t in executor.outputs.items()}
            for key, values in found.items():
                self._device.download(self._arrays[key], values)
            self._device.synchronize()
        return {key: values.astype(np.float32) for key, values in found.items()}

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

    def _allocate(self) -> None:
        """One place for each tensor; the ground network's answer lies in one piece."""
        known: dict[str, Tensor] = {}
        for name, executor in self._executors.items():
            for key, tensor in (*executor.inputs.items(), *executor.outputs.items()):
                if known.setdefault(key, tensor) != tensor:
                    raise EngineError(
                        f"the {name} network has {key} as {tensor}, another one as {known[key]}:"
                        " build the engine again"
                    )
        self._check(known)
        offsets, size = {}, 0
        for key in ("boxes", "scores"):
            offsets[key] = size
            size += -(-known[key].nbytes // ALIGNMENT) * ALIGNMENT
        self._record = self._device.zeros((size,), np.uint8)
        self._host_records = self._device.pinned((MAX_LOOKS, size), np.uint8)
        for key, tensor in known.items():
            if key in offsets:
                pointer = self._record.pointer + offsets[key]
                self._arrays[key] = DeviceArray(pointer, tensor.shape, tensor.dtype)
            else:
                self._arrays[key] = self._device.zeros(tensor.shape, tensor.dtype)
        self._arrays["windows"] = self._device.zeros((MAX_LOOKS, 4), np.float32)
        self._arrays["progresses"] = self._device.zeros((MAX_LOOKS, 1), np.float32)
        for key in ("input_ids", "segment_ids", "position_ids", "progresses", "windows"):
            array = self._arrays[key]
            self._staging[key] = Staging(self._device, Tensor(array.shape, array.dtype))

    def _check(self, known: Mapping[str, Tensor]) -> None:
        """The networks have to be what the manifest says."""
        (height, width), length = self._manifest.input_hw, self._manifest.max_tokens
        expected: dict[str, tuple[int, ...] | None] = {
            "input_ids": (1, length),
            "segment_ids": (1, length),
            "position_ids": (1, length),
            "pixels": (1, 3, height, width),
            "progress": (1,),
            **dict.fromkeys(("text_features", "image_features", "boxes", "scores")),
        }
        if set(known) != set(expected):
            raise EngineError(
                f"expected networks over {sorted(expected)}, found {sorted(known)}: build again"
            )
        for key, shape in expected.items():
            if shape is not None and known[key].shape != shape:
                raise EngineError(
                    f"the manifest says {key} is {shape}, the network {known[key].shape}"
                )

    def _fill_pixels(self, frame: Frame, window: DeviceArray) -> None:
        preprocess = self._manifest.preprocess
        try:
            self._crop(
                frame.held.arrays["frame"],
                window,
                self._manifest.input_hw,
                preprocess.mean,
                preprocess.std,
                frame.color,
                out=self._arrays["pixels"],
                stream=self._device.stream,
            )
        except RuntimeError as error:
            raise EngineError(f"the CUDA crop kernel failed: {error}") from error

    def _keep(self, pool: Pool, names: tuple[str, ...]) -> Held:
        arrays = {name: self._arrays[name] for name in names}
        held = pool.take({name: Tensor(a.shape, a.dtype) for name, a in arrays.items()})
        for name, array in arrays.items():
            self._device.copy(array, held.arrays[name])
        return held

    def _recall(self, wanted: Held, present: Held | None) -> Held:
        if wanted is not present:
            for name, array in wanted.arrays.items():
                self._device.copy(array, self._arrays[name])
        return wanted


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
