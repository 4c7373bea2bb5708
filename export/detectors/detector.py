"""A detector of anybody's, ready to become a network of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import ImageInput
from sdk.regions.heads import Head

PIXELS = "pixels"  # the name of every detector's input here
Outputs = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class DetectorOptions:
    """What the source of a detector does not say itself.

    Attributes:
        head: the kind of its outputs, where shapes and names do not tell.
        labels: its classes: a file with a name a line, ``coco``, or the names themselves.
        input_hw: height and width of its input, where the source leaves them open.
        mean: of each channel, in RGB order and units of 0..255; ``std`` alike. None: what is usual
            for its head, or what stands beside it.
        std: see ``mean``.
        order: of its channels, ``rgb`` or ``bgr``; None as for ``mean``.
    """

    head: str | None = None
    labels: str | tuple[str, ...] | None = None
    input_hw: tuple[int, int] | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    order: str | None = None


@dataclass(frozen=True, eq=False)
class PreparedDetector:
    """One network and all that a runtime must know of it.

    Attributes:
        model: an ``onnx.ModelProto`` with one input, ``pixels`` ``(1, 3, H, W)`` float32 in RGB
            order, and static shapes.
        image: how windows of frames become that input.
        head: how its outputs become boxes.
        names: of its classes.
        source: where it came from, for the manifest: ``file`` or ``id``, ``sha256``, ``licence``
            where it is known.
        original: what the source itself says of ``pixels``, by the same names: what the network is
            compared with.
    """

    model: Any
    image: ImageInput
    head: Head
    names: tuple[str, ...]
    source: Mapping[str, str]
    original: Callable[[NDArray[np.float32]], Outputs]


def open_detector(source: str, options: DetectorOptions | None = None) -> PreparedDetector:
    """Makes a detector ready.

    Args:
        source: an ONNX file, a folder in transformers' format or the id of such a model on the
            hub, or a folder of ``piza train detector``.
        options: what it does not say itself.

    Raises:
        InputError: it is no detector, or its labels or sizes are missing or do not match.
        EngineError: a model cannot be read, fetched or exported.
    """
    chosen = options or DetectorOptions()
    path = Path(source)
    if path.is_file() or path.suffix == ".onnx":
        from export.detectors.onnx_file import read_onnx

        return read_onnx(path, chosen)
    if (path / "config.json").is_file():
        from train.models.detector.config import is_ours

        if is_ours(path / "config.json"):
            from export.detectors.trained import read_trained

            return read_trained(path, chosen)
    from export.detectors.public_model import read_public

    return read_public(source, chosen)
