"""The manifest of an engine folder: what it says, and the checks that it says it properly."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sdk.errors import EngineError
from sdk.json_reader import JsonReader
from sdk.zoom.calibration import Calibration
from sdk.zoom.state import ZoomPolicy

FORMAT = 1
FAMILIES = ("piza",)
_ONNX_FILES = ("text.onnx", "image.onnx", "ground.onnx")
NETWORK_FILES = {  # by backend
    "onnxruntime": _ONNX_FILES,
    "onnxruntime-cuda": _ONNX_FILES,
    "tensorrt": ("text.plan", "image.plan", "ground.plan"),
}
PRECISIONS = ("fp32", "fp16", "int8")
COMMON_FILES = ("tokenizer.json", "history.npz")


@dataclass(frozen=True)
class Preprocess:
    """How pixels become the network's input: letterbox, then ``(value - mean) / std``.

    ``mean`` and ``std`` are in RGB order and in units of 0..255.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fit: str = "letterbox"


@dataclass(frozen=True)
class Arithmetic:
    """What eight-bit products were made with, as a certificate notes it.

    ``instructions``: the machine and its instruction set for them (``x86_64 avx512_vnni``).
    ``exact``: they are what they ought to be; elsewhere large ones saturate.
    """

    instructions: str
    exact: bool

    def __str__(self) -> str:
        products = "exact products" if self.exact else "products that saturate"
        return f"{products} ({self.instructions})"


@dataclass(frozen=True)
class Manifest:
    """Everything that a runtime must know of an engine; ``engine.json`` holds exactly this.

    ``input_hw`` is the network input (height, width), ``max_tokens`` the length of a prompt.
    ``calibration`` is what scores mean (see sdk.zoom.calibration); its ``threshold`` is the score
    from which an object counts as found, ``risk`` and ``by_size`` say what was measured.
    ``files`` maps each file of the folder to its SHA-256; ``sdk.engine.write_manifest`` does it.
    ``certificate`` is the evidence that the engine equals its checkpoint, None when there is none.
    ``precision_facts`` says of reduced precision how much stayed in float32, and what it weighs.
    ``target`` names the GPU and the TensorRT that plans were built for (see sdk.runtime.target).
    """

    name: str
    input_hw: tuple[int, int]
    max_tokens: int
    preprocess: Preprocess
    calibration: Mapping[str, Any]
    zoom: ZoomPolicy = field(default_factory=ZoomPolicy)
    family: str = "piza"
    backend: str = "onnxruntime"
    precision: str = "fp32"
    precision_facts: Mapping[str, Any] = field(default_factory=dict)
    certificate: Mapping[str, Any] | None = None
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def threshold(self) -> float:
        """Score from which an object counts as found."""
        return float(self.calibration["threshold"])

    @property
    def proven(self) -> bool:
        """Whether there is a certificate and it passed."""
        return self.certificate is not None and self.certificate["passed"] is True

    @property
    def arithmetic(self) -> Arithmetic | None:
        """What the certificate of int8 on the CPU was measured with; None where it does not say."""
        noted = (self.certificate or {}).get("arithmetic")
        return None if noted is None else Arithmetic(noted["instructions"], noted["exact"])

    @property
    def required_files(self) -> tuple[str, ...]:
        """The files that an engine of this backend cannot do without."""
        return NETWORK_FILES[self.backend] + COMMON_FILES

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits that change with anything that can change an answer."""
        said = self.to_dict()
        keys = ("files", "input_hw", "max_tokens", "preprocess", "zoom", "calibration")
        text = json.dumps({key: said[key] for key in keys}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values in the order in which ``engine.json`` shows them."""
        first = ("format", "name", "family", "backend", "precision", "input_hw", "max_tokens")
        values = asdict(self)
        return {key: values[key] for key in first} | values


def parse_manifest(data: Any, source: str) -> Manifest:
    """Checks ``data`` (parsed JSON) value by value; EngineErrors name ``source`` and the key."""
    reader = JsonReader(data, source)
    found = reader.number("format", low=1, whole=True)
    if found > FORMAT:
        raise EngineError(
            f"{source} has format {found:g}, this version reads up to format {FORMAT}:"
            " update piza-edge, or build the engine again with this version"
        )
    certificate = None if reader.raw("certificate") is None else reader.mapping("certificate")
    if certificate is not None:
        reader.boolean("certificate.passed")
        if "arithmetic" in certificate:
            reader.text("certificate.arithmetic.instructions")
            reader.boolean("certificate.arithmetic.exact")
    manifest = Manifest(
        format=int(found),
        name=reader.text("name"),
        family=reader.text("family", choices=FAMILIES),
        backend=reader.text("backend", choices=tuple(NETWORK_FILES)),
        precision=reader.text("precision", choices=PRECISIONS),
        precision_facts=reader.mapping("precision_facts", optional=True),
        input_hw=_size(reader, "input_hw"),
        max_tokens=int(reader.number("max_tokens", low=4, high=4096, whole=True)),
        preprocess=Preprocess(
            mean=_triple(reader, "preprocess.mean", low=0.0),
            std=_triple(reader, "preprocess.std", low=1e-3),
            fit=reader.text("preprocess.fit", choices=("letterbox",)),
        ),
        zoom=ZoomPolicy(
            max_steps=int(reader.number("zoom.max_steps", low=1, high=32, whole=True)),
            stop_threshold=reader.number("zoom.stop_threshold", low=0.0),
            progress_step=reader.number("zoom.progress_step", low=1e-3, high=1.0),
            min_window_px=reader.number("zoom.min_window_px", low=1.0),
        ),
        calibration=reader.mapping("calibration"),
        certificate=certificate,
        checkpoint=reader.mapping("checkpoint"),
        versions=reader.mapping("versions"),
        target=reader.mapping("target", optional=True),
        files=_file_hashes(reader),
    )
    try:
        Calibration.from_mapping(manifest.calibration)
    except EngineError as error:
        raise EngineError(f"{source}: {error}") from None
    missing = [name for name in manifest.required_files if name not in manifest.files]
    if missing:
        raise EngineError(f"{source}: 'files' does not list {', '.join(missing)}")
    return manifest


def _file_hashes(reader: JsonReader) -> dict[str, str]:
    files = reader.mapping("files")
    for name, digest in files.items():
        if name in ("", ".", "..") or "/" in name or "\\" in name:
            raise EngineError(f"{reader.source}: 'files' must hold plain file names, not {name!r}")
        hexadecimal = isinstance(digest, str) and len(digest) == 64
        if not hexadecimal or set(digest) - set("0123456789abcdef"):
            raise EngineError(f"{reader.source}: expected a SHA-256 for {name!r}, got {digest!r}")
    return files


def _triple(reader: JsonReader, key: str, low: float) -> tuple[float, float, float]:
    first, second, third = reader.numbers(key, 3, low, 255.0)
    return first, second, third


def _size(reader: JsonReader, key: str) -> tuple[int, int]:
    height, width = reader.numbers(key, 2, 1, 8192)
    if height != int(height) or width != int(width):
        raise reader.fault(key, "[height, width] in whole pixels", [height, width])
    return int(height), int(width)
