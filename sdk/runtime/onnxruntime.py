"""ONNX Runtime on the CPU: ``backend: "onnxruntime"``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.cores import default_threads
from sdk.engine.manifest import Manifest
from sdk.frame import ColorOrder
from sdk.kernel import import_kernel
from sdk.preprocess import network_input
from sdk.runtime.arithmetic import eight_bits
from sdk.runtime.onnx_network import OnnxNetwork, import_onnxruntime
from sdk.runtime.runtime import Array, Signature
from sdk.timing import StageTimer


@dataclass(frozen=True)
class _Upload:
    """On the CPU a frame stays where it is."""

    frame: NDArray[np.uint8]
    color: ColorOrder


class OnnxRuntime:
    """ONNX networks and the crop kernel; a ``Runtime``. Buffers are reused from call to call."""

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        networks: Mapping[str, Signature],
        threads: int | None = None,
    ) -> None:
        ort = import_onnxruntime()
        import_kernel()
        self.clock = StageTimer(networks)
        self._wrap = ort.OrtValue.ortvalue_from_numpy  # shares the array's memory on the CPU
        self._threads = threads or default_threads()
        entries = eight_bits().session_entries if manifest.precision == "int8" else {}
        self._networks = {
            name: OnnxNetwork(folder / manifest.networks[name].file, self._threads, entries)
            for name in networks
        }
        for name, signature in networks.items():
            network = self._networks[name]
            signature.check(manifest.networks[name].file, network.inputs, network.outputs)
        self._images = manifest.inputs
        self._outputs = {name: list(each.outputs) for name, each in networks.items()}
        self._pool = ThreadPoolExecutor(self._threads, "piza-network")
        self._pixels: dict[tuple[int, int], tuple[NDArray[np.float32], list[Any]]] = {}

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> _Upload:
        """Takes a reference; the frame must not change until the search is over."""
        return _Upload(frame, color)

    def put(self, values: Mapping[str, Array]) -> dict[str, Any]:
        """The arrays as OrtValues, which share their memory."""
        return {name: self._value(each) for name, each in values.items()}

    def look(
        self, network: str, frame: _Upload, windows_xyxy: NDArray[np.float64]
    ) -> list[dict[str, Any]]:
        """Crops, resizes and normalises the windows, then runs the network on each."""
        found: list[dict[str, Any]] = []
        (name,) = self._networks[network].inputs
        image = self._images[name]
        pixels, values = self._buffer(image.hw)
        for at in range(0, len(windows_xyxy), self._threads):
            some = windows_xyxy[at : at + self._threads]
            with self.clock.stage("crop", len(some)):
                network_input(
                    frame.frame,
                    some,
                    image.hw,
                    image.mean,
                    image.std,
                    frame.color,
                    pixels[: len(some)],
                    self._threads,
                )
            found += self.run(network, [{name: value} for value in values[: len(some)]])
        return found

    def run(self, network: str, feeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Runs the network on each of ``feeds``, side by side; outputs are OrtValues."""
        names = self._outputs[network]
        with self.clock.stage(network, len(feeds)):
            given = [{key: self._value(each) for key, each in feed.items()} for feed in feeds]
            found = self._networks[network].run_each(names, given, self._pool)
        return [dict(zip(names, each, strict=True)) for each in found]

    def see(
        self, network: str, frame: _Upload, windows_xyxy: NDArray[np.float64]
    ) -> list[dict[str, Array]]:
        """As ``look``, as arrays."""
        return _arrays(self.look(network, frame, windows_xyxy))

    def fetch(self, network: str, feeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Array]]:
        """As ``run``, as arrays."""
        return _arrays(self.run(network, feeds))

    def close(self) -> None:
        """Frees the networks."""
        self._pool.shutdown()
        self._networks.clear()

    def _value(self, value: Any) -> Any:
        wrapped = isinstance(value, np.ndarray)
        return self._wrap(np.ascontiguousarray(value)) if wrapped else value

    def _buffer(self, hw: tuple[int, int]) -> tuple[NDArray[np.float32], list[Any]]:
        """Room for as many crops as there are threads, and each place as an OrtValue."""
        if hw not in self._pixels:
            pixels = np.zeros((self._threads, 3, *hw), np.float32)
            values = [self._wrap(pixels[k : k + 1]) for k in range(self._threads)]
            self._pixels[hw] = pixels, values
        return self._pixels[hw]


def _arrays(found: list[dict[str, Any]]) -> list[dict[str, Array]]:
    return [{key: value.numpy() for key, value in each.items()} for each in found]


def open_runtime(
    folder: Path,
    manifest: Manifest,
    networks: Mapping[str, Signature],
    threads: int | None = None,
) -> OnnxRuntime:
    """See ``sdk.runtime.open_runtime``."""
    return OnnxRuntime(folder, manifest, networks, threads)
