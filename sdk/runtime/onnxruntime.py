"""ONNX Runtime on the CPU: the session behind ``backend: "onnxruntime"``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.clock import StageClock
from sdk.errors import EngineError, MissingRuntimeError
from sdk.frame import ColorOrder
from sdk.manifest import Manifest
from sdk.preprocess import network_input
from sdk.results import Candidates
from sdk.runtime import usable_cores
from sdk.text import Tokens


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
        ort = _import_onnxruntime()
        _check_kernel()
        self.clock = StageClock()
        self._wrap = ort.OrtValue.ortvalue_from_numpy  # shares the array's memory on the CPU
        self._input_hw = manifest.input_hw
        self._preprocess = manifest.preprocess
        self._threads = threads or usable_cores()
        options = _options(ort, self._threads)
        self._text, self._image, self._ground = (
            _load(ort, folder / f"{name}.onnx", options) for name in ("text", "image", "ground")
        )
        length, (height, width) = manifest.max_tokens, manifest.input_hw
        prompt = {"segment_ids": [1, length], "position_ids": [1, length]}
        _expect(self._text, "text", {"input_ids": [1, length], **prompt}, ["text_features"])
        _expect(self._image, "image", {"pixels": [1, 3, height, width]}, ["image_features"])
        features = {"image_features": None, "text_features": None}
        inputs = {**features, **prompt, "progress": [1]}
        _expect(self._ground, "ground", inputs, ["boxes", "scores"])
        self._pixels = np.zeros((1, 3, height, width), np.float32)
        self._progress = np.zeros(1, np.float32)
        self._pixels_value = self._wrap(self._pixels)
        self._progress_value = self._wrap(self._progress)

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
            (features,) = _run(self._text, "text", ["text_features"], feeds)
        return _Text(features, feeds["segment_ids"], feeds["position_ids"])

    def encode_image(self, frame: _Upload, window_xyxy: NDArray[np.float64]) -> Any:
        """Crops, resizes and normalises the window, then runs the image network."""
        with self.clock.stage("crop"):
            network_input(
                frame.frame,
                window_xyxy,
                self._input_hw,
                self._preprocess.mean,
                self._preprocess.std,
                frame.color,
                self._pixels,
                self._threads,
            )
        with self.clock.stage("image"):
            feeds = {"pixels": self._pixels_value}
            return _run(self._image, "image", ["image_features"], feeds)[0]

    def ground(self, image: Any, text: _Text, progress: float) -> Candidates:
        """Runs the ground network."""
        with self.clock.stage("ground"):
            self._progress[0] = progress
            feeds = {
                "image_features": image,
                "text_features": text.features,
                "segment_ids": text.segments,
                "position_ids": text.positions,
                "progress": self._progress_value,
            }
            boxes, scores = _run(self._ground, "ground", ["boxes", "scores"], feeds)
            return Candidates(boxes.numpy()[0], scores.numpy()[0])

    def run_network(self, name: str, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """One network by itself: for certificates."""
        network = {"text": self._text, "image": self._image, "ground": self._ground}[name]
        outputs = [value.name for value in network.get_outputs()]
        wrapped = {key: self._wrap(np.ascontiguousarray(each)) for key, each in feeds.items()}
        given = _run(network, name, outputs, wrapped)
        return {key: value.numpy() for key, value in zip(outputs, given, strict=True)}

    def close(self) -> None:
        """Frees the networks."""
        del self._text, self._image, self._ground


def open_session(folder: Path, manifest: Manifest, threads: int | None = None) -> OnnxSession:
    """See ``sdk.runtime.open_session``."""
    return OnnxSession(folder, manifest, threads)


def _import_onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingRuntimeError(
            "this engine needs ONNX Runtime, which cannot be imported"
            f" ({error}): pip install piza-edge, or pip install onnxruntime"
        ) from error
    return onnxruntime


def _check_kernel() -> None:
    try:
        import cpp_ext  # noqa: F401
    except ImportError as error:
        raise MissingRuntimeError(
            f"the compiled kernel cpp_ext cannot be imported ({error}): pip install piza-edge"
        ) from error


def _options(ort: Any, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # Idle threads that spin cost a core, and time when other programs want it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _load(ort: Any, path: Path, options: Any) -> Any:
    try:
        # That fusion's kernel takes longer than the two operators it stands for: a fifth of the
        # ground network's time on one core, by measurement.
        return ort.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["SkipLayerNormFusion"],
        )
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise EngineError(f"ONNX Runtime cannot load {path}: {error}") from error


def _expect(
    network: Any, name: str, inputs: dict[str, list[int] | None], outputs: list[str]
) -> None:
    """Checks the names and shapes of a network's inputs (None: any) and its outputs' names."""
    found = {value.name: list(value.shape) for value in network.get_inputs()}
    if set(found) != set(inputs):
        raise EngineError(f"{name}.onnx: expected inputs {sorted(inputs)}, found {sorted(found)}")
    for key, shape in inputs.items():
        if shape is not None and found[key] != shape:
            raise EngineError(
                f"{name}.onnx: the manifest says {key} is {shape}, the network {found[key]}"
            )
    given = [value.name for value in network.get_outputs()]
    if not set(outputs) <= set(given):
        raise EngineError(f"{name}.onnx: expected outputs {outputs}, found {given}")


def _run(network: Any, name: str, outputs: list[str], feeds: dict[str, Any]) -> list[Any]:
    try:
        return list(network.run_with_ort_values(outputs, feeds))
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise EngineError(f"the {name} network failed: {error}") from error
