"""What the methods change in the networks, against PyTorch; the other tests are of Adapter+."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from export.build import build, open_reference
from export.onnx.graphs import export_network
from export.options import BuildOptions
from sdk import Grounder, Start
from train.checkpoint import TOKENIZER, save_checkpoint
from train.families import TorchNetwork
from train.models.grounding_dino.deformable import grid_sampler
from train.models.grounding_dino.networks import networks

# The rest is made of the same parts: plain LoRA and Adapter+ of those of their twins, which zoom.
SEARCHES = 2
CHANGED = [
    ("coop", "text"),
    ("zero-shot", "ground"),
    ("piza-coop", "ground"),
    ("piza-lora", "ground"),
]


def feeds(network: TorchNetwork, seed: int) -> dict[str, np.ndarray]:
    """Two segments and padding, random features."""
    rng = np.random.default_rng(seed)
    length = network.inputs.get("segment_ids", torch.zeros(1, 1)).shape[1]
    row = np.minimum(np.arange(length, dtype=np.int32) // 5, 3)
    known = {
        "input_ids": rng.integers(8, 60, (1, length), dtype=np.int32),
        "segment_ids": np.where(row < 3, row + 1, 0)[None].astype(np.int32),
        "position_ids": (np.arange(length, dtype=np.int32) % 5)[None],
        "progress": np.array([0.35], np.float32),
    }
    return {
        name: known.get(name, rng.normal(size=tuple(example.shape)).astype(np.float32))
        for name, example in network.inputs.items()
    }


@pytest.mark.parametrize(("method", "name"), CHANGED)
def test_networks_equal_pytorch(make_model, tmp_path: Path, method: str, name: str) -> None:
    model = make_model(method)
    [network] = [part for part in networks(model) if part.name == name]
    export_network(network, tmp_path / "network.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    given = feeds(network, 0)
    assert [value.name for value in session.get_inputs()] == list(given)
    ours = session.run(list(network.outputs), given)
    [reference] = [part for part in networks(model, grid_sampler) if part.name == name]
    with torch.inference_mode():
        theirs = reference.module(*(torch.from_numpy(array) for array in given.values()))
    for a, b in zip(ours, theirs if isinstance(theirs, tuple) else (theirs,), strict=True):
        np.testing.assert_allclose(a, b.numpy(), atol=2e-5, rtol=1e-4)
    assert ("progress" in given) == (name == "ground" and model.config.zooms)
    if "progress" in given:
        given["progress"][:] = 0.8
        later = session.run(list(network.outputs), given)
        assert np.abs(later[1] - ours[1]).max() > 1e-5


@pytest.mark.parametrize("method", ["zero-shot", "full", "coop", "lora", "adapter+"])
def test_plain_methods_are_grounding_dinos(
    make_model, checkpoint: Path, tmp_path: Path, method: str
) -> None:
    """One look, no history; the same box as PyTorch, warm and cold."""
    folder = tmp_path / "checkpoint"
    save_checkpoint(folder, make_model(method), checkpoint / TOKENIZER)
    manifest = build(open_reference(folder), tmp_path / "e", BuildOptions(SEARCHES))
    assert (manifest.proven, manifest.family, manifest.block) == (True, "grounding-dino", {})
    assert set(manifest.files) == {"text.onnx", "image.onnx", "ground.onnx", TOKENIZER}
    assert "progress" not in manifest.networks["ground"].inputs
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    with Grounder(tmp_path / "e") as grounder:
        cold = grounder.locate(frame, "the red car", beam=2)
        warm = grounder.locate(frame, "the red car", start=Start((0, 0, 160, 240)))
        again = grounder.locate(
            frame, "the red car", start=Start((0, 0, 160, 240), restart_below=1.0)
        )
    assert len(cold.zooms) == len(warm.zooms) == len(again.zooms) == len(again.abandoned) == 1
    assert warm.zooms[0].window_xyxy.tolist() == [0, 0, 160, 240]
    assert again.xyxy.tolist() == cold.xyxy.tolist()
