"""``engine.json`` as a value: read back from JSON with every value checked.

Format 2. What an engine of any family must say stands in fields of its own; what only one family
understands stands in a block that is named after it, and this module does not look into.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sdk.engine.format1 import upgraded
from sdk.errors import EngineError
from sdk.json_reader import JsonReader
from sdk.zoom.calibration import Calibration

FORMAT = 2
BACKENDS = {  # what executes the networks -> the suffix of their files
    "onnxruntime": ".onnx",
    "onnxruntime-cuda": ".onnx",
    "tensorrt": ".plan",
    "tensorrt-rtx": ".plan",
}
PRECISIONS = ("fp32", "fp16", "int8")
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a network: its shape, None where nobody noted it, and NumPy's name of
    its type."""

    shape: tuple[int, ...] | None
    type: str


@dataclass(frozen=True)
class Network:
    """One network: its file in the folder, and its inputs and outputs by name."""

    file: str
    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]


@dataclass(frozen=True)
class ImageInput:
    """How windows of frames become an input of a network: fitted, then ``(value - mean) / std``.

    Attributes:
        hw: height and width of the input, ``(1, 3, H, W)``.
        mean: of each channel, in RGB order and units of 0..255; ``std`` alike.
        order: of the input's channels.
        fit: by which rule a window is fitted.
    """

    hw: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    order: str = "rgb"
    fit: str = "letterbox"


@dataclass(frozen=True)
class TextInput:
    """How expressions become tokens: by the folder's ``tokenizer.json``, padded to
    ``max_tokens``."""

    max_tokens: int


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

    ``networks`` are in the order of their work. ``inputs`` are the inputs of networks that windows
    of frames are made into, by name; ``text`` is None for a family that reads sentences without a
    tokenizer. ``block`` is what only ``family`` understands: ``engine.json`` has it under the
    family's name. ``calibration`` is what scores mean (see sdk.zoom.calibration); its ``threshold``
    is the score from which an object counts as found, ``risk`` and ``by_size`` say what was
    measured. ``files`` maps each file of the folder to its SHA-256; ``sdk.engine.write_manifest``
    does it. ``certificate`` is the evidence that the engine equals its checkpoint, None when there
    is none. ``precision_facts`` says of reduced precision how much stayed in float32, and what it
    weighs. ``target`` names what plans were built for (see sdk.runtime.target).
    """

    name: str
    family: str
    networks: Mapping[str, Network]
    inputs: Mapping[str, ImageInput]
    text: TextInput | None
    calibration: Mapping[str, Any]
    block: Mapping[str, Any] = field(default_factory=dict)
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
    def input_hw(self) -> tuple[int, int]:
        """Height and width of what a window of the frame is made into (the first of several)."""
        return next(iter(self.inputs.values())).hw

    @property
    def max_tokens(self) -> int:
        """Length of a prompt, 0 where there is no tokenizer."""
        return 0 if self.text is None else self.text.max_tokens

    @property
    def required_files(self) -> tuple[str, ...]:
        """The files that no engine of these networks can do without; a family may have more."""
        tokenizer = () if self.text is None else (TOKENIZER_FILE,)
        return (*(network.file for network in self.networks.values()), *tokenizer)

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits that change with anything that can change an answer."""
        said = self.to_dict()
        keys = ("files", "networks", "inputs", "text", self.family, "calibration")
        text = json.dumps({key: said[key] for key in keys}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """``name@fingerprint``, as answers say which engine gave them."""
        return f"{self.name}@{self.fingerprint}"

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values in the order in which ``engine.json`` shows them."""
        values = asdict(self)
        first = ("format", "name", "family", "backend", "precision")
        shown = {key: values.pop(key) for key in first}
        shown["networks"] = {
            name: {
                "file": network.file,
                "inputs": _described(network.inputs),
                "outputs": _described(network.outputs),
            }
            for name, network in self.networks.items()
        }
        shown["inputs"] = {
            name: {"size": list(each.hw)} | {k: v for k, v in asdict(each).items() if k != "hw"}
            for name, each in self.inputs.items()
        }
        shown["text"] = values["text"]
        shown[self.family] = values["block"]
        rest = {k: v for k, v in values.items() if k not in ("networks", "inputs", "text", "block")}
        return shown | rest


def parse_manifest(data: Any, source: str) -> Manifest:
    """Checks ``data`` (parsed JSON) value by value; EngineErrors name ``source`` and the key.

    Format 1, which knew one family, is read as what it would be in format 2.
    """
    reader = JsonReader(data, source)
    found = reader.number("format", low=1, whole=True)
    if found > FORMAT:
        raise EngineError(
            f"{source} has format {found:g}, this version reads up to format {FORMAT}:"
            " update piza-edge, or build the engine again with this version"
        )
    if found == 1:
        reader = JsonReader(upgraded(reader), source)
    certificate = None if reader.raw("certificate") is None else reader.mapping("certificate")
    if certificate is not None:
        reader.boolean("certificate.passed")
        if "arithmetic" in certificate:
            reader.text("certificate.arithmetic.instructions")
            reader.boolean("certificate.arithmetic.exact")
    family = reader.text("family")
    manifest = Manifest(
        name=reader.text("name"),
        family=family,
        backend=reader.text("backend", choices=tuple(BACKENDS)),
        precision=reader.text("precision", choices=PRECISIONS),
        precision_facts=reader.mapping("precision_facts", optional=True),
        networks=_networks(reader),
        inputs={name: _image(each) for name, each in reader.parts("inputs").items()},
        text=_text(reader),
        block=reader.mapping(family),
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


def _networks(reader: JsonReader) -> dict[str, Network]:
    networks = {
        name: Network(each.text("file"), _tensors(each, "inputs"), _tensors(each, "outputs"))
        for name, each in reader.parts("networks").items()
    }
    if not networks:
        raise reader.fault("networks", "an object of networks", networks)
    suffix = BACKENDS[reader.text("backend")]
    for name, network in networks.items():
        if not network.file.endswith(suffix):
            raise reader.fault(f"networks.{name}.file", f"a file *{suffix}", network.file)
    return networks


def _tensors(reader: JsonReader, key: str) -> dict[str, TensorInfo]:
    tensors = {}
    for name, value in reader.mapping(key).items():
        fits = isinstance(value, list) and len(value) == 2 and isinstance(value[1], str)
        if not fits or not _is_shape(value[0]):
            raise reader.fault(f"{key}.{name}", "[shape, type]", value)
        tensors[name] = TensorInfo(None if value[0] is None else tuple(value[0]), value[1])
    return tensors


def _is_shape(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(type(side) is int and side >= 0 for side in value)
    )


def _described(tensors: Mapping[str, TensorInfo]) -> dict[str, list[Any]]:
    return {
        name: [None if each.shape is None else list(each.shape), each.type]
        for name, each in tensors.items()
    }


def _image(reader: JsonReader) -> ImageInput:
    return ImageInput(
        hw=_size(reader),
        mean=_triple(reader, "mean", low=0.0),
        std=_triple(reader, "std", low=1e-3),
        order=reader.text("order", choices=("rgb",)),
        fit=reader.text("fit", choices=("letterbox",)),
    )


def _text(reader: JsonReader) -> TextInput | None:
    if reader.raw("text") is None:
        return None
    return TextInput(int(reader.number("text.max_tokens", low=4, high=4096, whole=True)))


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


def _size(reader: JsonReader) -> tuple[int, int]:
    height, width = reader.numbers("size", 2, 1, 8192)
    if height != int(height) or width != int(width):
        raise reader.fault("size", "[height, width] in whole pixels", [height, width])
    return int(height), int(width)
