"""Image backbones as graphs: as PyTorch says in ONNX Runtime, and nothing that stops TensorRT."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch

from export.check.checking import check_path
from export.onnx.graphs import export_network
from train.families import TorchNetwork
from train.models.backbones.efficientnet import EfficientNet

STAGES = ((1, 8, 1, 3, 1), (6, 8, 2, 5, 2), (6, 16, 1, 3, 2))


def test_efficientnet_lite(tmp_path: Path) -> None:
    """Even and odd paddings, ReLU6."""
    torch.manual_seed(0)
    body = EfficientNet(8, STAGES, lite=True, norms=False).eval()
    pixels = torch.randn(1, 3, 35, 48)
    network = TorchNetwork("image", body, {"pixels": pixels}, ("map",))
    export_network(network, tmp_path / "image.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "image.onnx")
    [found] = session.run(None, {"pixels": pixels.numpy()})
    with torch.inference_mode():
        expected = body(pixels).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    assert check_path(tmp_path / "image.onnx") == {"image": []}
