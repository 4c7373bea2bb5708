"""A detector in an ONNX file of anybody's: a YOLO export, NanoDet, an SSD, a DETR."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.detectors.detector import DetectorOptions, PreparedDetector
from export.detectors.labels import known_names, matching
from export.detectors.plain_graph import (
    channels_first,
    finish,
    fix_shapes,
    keep_outputs,
    simplified,
    take_rgb,
)
from export.detectors.recognition import Outputs, Pixels, recognise
from sdk.engine.folder import file_sha256
from sdk.engine.manifest import ImageInput
from sdk.errors import InputError

_FLOAT = 1  # onnx.TensorProto.FLOAT
_DETECT = ("", "detect")  # tasks of Ultralytics' metadata that mean boxes alone
SEED = 0  # of the picture that tells what the outputs are


def read_onnx(path: Path, options: DetectorOptions) -> PreparedDetector:
    """Makes the network of a file ready.

    Args:
        path: the file; a licence that its metadata name stays with it.
        options: see ``DetectorOptions``.

    Raises:
        InputError: it is no detector, or what is missing must be named.
        EngineError: its network is not valid.
    """
    model, metadata = _load(path)
    if metadata.get("task", "") not in _DETECT:
        raise InputError(
            f"expected a model that detects in {path}, found one for the task {metadata['task']!r}"
        )
    candidates = known_names(metadata, options.labels)
    last, hw = _input_size(model, path, metadata, options.input_hw)
    fix_shapes(model, hw, channels_last=last)
    run = _runner(model, path)
    picture = np.random.default_rng(SEED).uniform(0, 1, (1, 3, *hw)).astype(np.float32)
    outputs = run(picture.transpose(0, 2, 3, 1) if last else picture)
    counts = tuple(len(names) for names in candidates)
    found = recognise(outputs, hw, counts, options.head)
    head = found.head
    names = matching(candidates, head.classes, options.labels)
    pixels = _pixels(found.pixels, options)

    plain = simplified(model, str(path))
    if last:
        channels_first(plain)
    if pixels.order == "bgr":
        take_rgb(plain)
    keep_outputs(plain, head.outputs)
    plain = finish(plain, str(path))

    def original(values: NDArray[np.float32]) -> Outputs:
        given = values[:, ::-1] if pixels.order == "bgr" else values
        given = given.transpose(0, 2, 3, 1) if last else given
        said = run(np.ascontiguousarray(given))
        return {name: said[name] for name in head.outputs}

    source = {"file": path.name, "sha256": file_sha256(path)}
    if "license" in metadata:
        source["licence"] = metadata["license"]
    image = ImageInput(hw, pixels.mean, pixels.std)
    return PreparedDetector(plain, image, head, names, source, original)


def _load(path: Path) -> tuple[Any, dict[str, str]]:
    """The model, and its metadata by key."""
    import onnx

    try:
        model = onnx.load(path)
    except FileNotFoundError:
        raise InputError(f"expected a detector at {path}, found no file") from None
    except Exception as error:  # of protobuf, of onnx, of the file system
        raise InputError(f"cannot read {path} as an ONNX network: {error}") from error
    if not model.graph.node:
        raise InputError(f"expected an ONNX network in {path}, found no nodes")
    return model, {each.key: each.value for each in model.metadata_props}


def _input_size(
    model: Any, path: Path, metadata: Mapping[str, str], given: tuple[int, int] | None
) -> tuple[bool, tuple[int, int]]:
    """Whether channels come last, and the height and width of the only input.

    Raises:
        InputError: there are several inputs, it holds no pictures, or its size is open and was not
            named.
    """
    fixed = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in fixed]
    shapes = {value.name: _sizes(value) for value in inputs}
    listed = ", ".join(
        f"{name} {[each or '?' for each in shape]}" for name, shape in shapes.items()
    )
    if len(inputs) != 1 or len(shapes[inputs[0].name]) != 4:
        raise InputError(
            f"expected one input of pictures, (1, 3, H, W), in {path}, found {listed or 'none'}:"
            " export the network alone, without what comes before and after it"
        )
    if (kind := inputs[0].type.tensor_type.elem_type) != _FLOAT:
        import onnx

        raise InputError(
            f"expected an input of float32 in {path}, found {onnx.TensorProto.DataType.Name(kind)}:"
            " export it in float32, without its preprocessing"
        )
    batch, *rest = shapes[inputs[0].name]
    if batch not in (0, 1):
        raise InputError(
            f"expected a network for one picture in {path}, found one for {batch}: export it with a"
            " batch of 1"
        )
    last = rest[2] == 3 and rest[0] != 3
    if not last and rest[0] not in (0, 3):
        raise InputError(f"expected an input of 3 channels in {path}, found {listed}")
    height, width = rest[:2] if last else rest[1:]
    wanted = given or _size_of(metadata)
    if not (height and width) and wanted is None:
        raise InputError(f"{path} leaves the size of its input open ({listed}): name --input-hw")
    size = (height or wanted[0], width or wanted[1]) if wanted else (height, width)
    if given is not None and size != given:
        raise InputError(f"{path} has an input of {height}x{width}, --input-hw says {given}")
    return last, size


def _sizes(value: Any) -> tuple[int, ...]:
    """The shape of an input, 0 where it is open."""
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)


def _size_of(metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """Height and width as Ultralytics' metadata say them."""
    try:
        height, width = ast.literal_eval(metadata.get("imgsz", ""))
        return int(height), int(width)
    except (ValueError, SyntaxError, TypeError):
        return None


def _runner(model: Any, path: Path) -> Callable[[NDArray[np.float32]], Outputs]:
    """The file as it is, of one size, by ONNX Runtime.

    Raises:
        InputError: it does not run.
    """
    from sdk.runtime.onnx_network import import_onnxruntime

    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors only
    try:
        session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        raise InputError(f"ONNX Runtime cannot load {path}: {error}") from error
    names = [each.name for each in session.get_outputs()]

    def run(values: NDArray[np.float32]) -> Outputs:
        try:
            found = session.run(None, {session.get_inputs()[0].name: values})
        except Exception as error:
            raise InputError(
                f"{path} does not run for pictures {list(values.shape)}: {error}"
            ) from error
        return {name: np.asarray(each) for name, each in zip(names, found, strict=True)}

    return run


def _pixels(usual: Pixels, options: DetectorOptions) -> Pixels:
    """What was named, else what is usual."""
    named = {key: getattr(options, key) for key in ("mean", "std", "order")}
    return replace(usual, **{key: value for key, value in named.items() if value is not None})
