"""A detector that this project has trained, of a kind that no other library knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.detectors.detector import PIXELS, DetectorOptions, PreparedDetector
from export.detectors.labels import known_names, matching
from export.detectors.plain_graph import finish
from export.detectors.recognition import Outputs
from export.onnx.graphs import check_clean, exported
from sdk.engine.manifest import ImageInput
from train.families import TorchNetwork
from train.models.detector.checkpoint import load_detector
from train.models.detector.ssd import SmallSsd
from train.models.detector.yolo import SmallYolo
from train.public_folder import PublicFolder


class _Network(nn.Module):
    """Pixels (1, 3, H, W) -> the outputs of the detector's head."""

    def __init__(self, model: SmallSsd | SmallYolo) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        return self.model.answer(pixels)


def read_trained(folder: Path, options: DetectorOptions) -> PreparedDetector:
    """Makes a folder that ``piza train detector`` wrote ready.

    Args:
        folder: of the kind ``ssd`` or ``yolo``; a ``detr`` is in transformers' format.
        options: see ``DetectorOptions``; head, order, mean and deviation are the folder's.

    Raises:
        InputError: labels do not match, or the input's size is none that fits.
        EngineError: it cannot be read or exported.
    """
    model = load_detector(folder, options.input_hw)
    config, head = model.config, model.head
    names = matching(
        known_names({}, options.labels) or (config.labels,), head.classes, options.labels
    )
    network = _Network(model)
    example = torch.zeros(1, 3, *config.input_hw)
    graph = exported(
        TorchNetwork("detector", network, {PIXELS: example}, head.outputs),
        f"the detector {folder}",
    )
    graph = finish(graph, str(folder))
    check_clean(graph, "detector")

    def original(values: NDArray[np.float32]) -> Outputs:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(np.ascontiguousarray(values)))
        return {name: each.numpy() for name, each in zip(head.outputs, outputs, strict=True)}

    image = ImageInput(config.input_hw, config.mean, config.std)
    source = PublicFolder(folder, str(folder), "detector").provenance()
    return PreparedDetector(graph, image, head, names, source, original)
