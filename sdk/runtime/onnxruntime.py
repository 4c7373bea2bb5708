"""ONNX Runtime on the CPU: the session behind ``backend: "onnxruntime"``."""

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
from sdk.results.grounding import Candidates
from sdk.runtime.arithmetic import eight_bits
from sdk.runtime.onnx_network import OnnxNetwork, import_onnxruntime
from sdk.text import Tokens
from sdk.timing import StageTimer
from sdk.zoom.search import GroundInput


@dataclass(frozen=True)
class _Text:
    """An encoded prompt: what the ground network wants to know of it, as OrtValues."""

    features: Any
    segments: Any
    positions: Any


@dataclass(frozen=True)
class _Upload:
    """On the CPU a frame stays where it is."""

    frame: NDArray[np.uint8]
    color: ColorOrder


class OnnxSession:
    """Three ONNX networks and the crop kernel. One call at a time: buffers are reused."""

    def __init__(self, folder: Path, manifest: Manifest, threads: int | None = None) -> None:
        ort = import_onnxruntime()
        import_kernel()
        self.clock = StageTimer()
        self._wrap = ort.OrtValue.ortvalue_from_numpy  # shares the array's memory on the CPU
        self._input_hw = manifest.input_hw
        self._preprocess = manifest.preprocess
        self._threads = threads or default_threads()
        entries = eight_bits().session_entries if manifest.precision == "int8" else {}
        self._networks = {
            name: OnnxNetwork(folder / f"{name}.onnx", self._threads, entries)
            for name in ("text", "image", "ground")
        }
        self._pool = ThreadPoolExecutor(self._threads, "piza-network")
        length, (height, width) = manifest.max_tokens, manifest.input_hw
        prompt = {"segment_ids": [1, length], "position_ids": [1, length]}
        self._networks["text"].expect({"input_ids": [1, length], **prompt}, ["text_features"])
        self._networks["image"].expect({"pixels": [1, 3, height, width]}, ["image_features"])
        features = {"image_features": None, "text_features": None}
        self._networks["ground"].expect(
            {**features, **prompt, "progress": [1]}, ["boxes", "scores"]
        )
        self._pixels = np.zeros((self._threads, 3, height, width), np.float32)
        self._pixel_values = [self._wrap(self._pixels[k : k + 1]) for k in range(self._threads)]

    def upload(self, frame: NDArray[np.uint8], color: ColorOrder = "bgr") -> _Upload:
        """Takes a reference; the frame must not change until the search is over."""
        return _Upload(frame, color)

    def encode_text(self, tokens: Tokens) -> _Text:
        """Runs the text network."""
        with self.clock.stage("text"):
            feeds = {
                name: self._wrap(np.ascontiguousarray(row, dtype=np.int32))
                for name, row in tokens.prompt.items()
            }
            (features,) = self._networks["text"].run(["text_features"], feeds)
        return _Text(features, feeds["segment_ids"], feeds["position_ids"])

    def encode_images(self, frame: _Upload, windows_xyxy: NDArray[np.float64]) -> list[Any]:
        """Crops, resizes and normalises the windows, then runs the image network on each."""
        images: list[Any] = []
        for at in range(0, len(windows_xyxy), self._threads):
            some = windows_xyxy[at : at + self._threads]
            with self.clock.stage("crop", len(some)):
                network_input(
                    frame.frame,
                    some,
                    self._input_hw,
                    self._preprocess.mean,
                    self._preprocess.std,
                    frame.color,
                    self._pixels[: len(some)],
                    self._threads,
                )
            with self.clock.stage("image", len(some)):
                feeds = [{"pixels": value} for value in self._pixel_values[: len(some)]]
                found = self._networks["image"].run_each(["image_features"], feeds, self._pool)
                images += [features for (features,) in found]
        return images

    def ground(self, looks: Sequence[GroundInput]) -> list[Candidates]:
        """Runs the ground network on each look."""
        with self.clock.stage("ground", len(looks)):
            feeds = [
                {
                    "image_features": look.image,
                    "text_features": look.text.features,
                    "segment_ids": look.text.segments,
                    "position_ids": look.text.positions,
                    "progress": self._wrap(np.array([look.progress], np.float32)),
                }
                for look in looks
            ]
            found = self._networks["ground"].run_each(["boxes", "scores"], feeds, self._pool)
            return [Candidates(boxes.numpy()[0], scores.numpy()[0]) for boxes, scores in found]

    def run_network(self, name: str, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """One network by itself: for certificates."""
        network = self._networks[name]
        wrapped = {key: self._wrap(np.ascontiguousarray(each)) for key, each in feeds.items()}
        given = network.run(network.outputs, wrapped)
        return {key: value.numpy() for key, value in zip(network.outputs, given, strict=True)}

    def close(self) -> None:
        """Frees the networks."""
        self._pool.shutdown()
        self._networks.clear()


def open_session(folder: Path, manifest: Manifest, threads: int | None = None) -> OnnxSession:
    """See ``sdk.runtime.open_session``."""
    return OnnxSession(folder, manifest, threads)
