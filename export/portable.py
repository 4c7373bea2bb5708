"""Checkpoint -> portable folder: three ONNX networks and all that a runtime must know.

The portable folder is an engine for ONNX Runtime already, but for its certificate.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np

from export.onnx.graphs import export_network
from export.onnx.networks import networks
from sdk.engine.folder import Manifest, Preprocess, write_manifest
from train.checkpoint import TOKENIZER, checkpoint_sha256, load_checkpoint
from train.evaluation.searcher import history_weights
from train.models.grounding_dino.grounder import PizaGrounder
from train.progress import Progress


def export_checkpoint(checkpoint: Path, folder: Path) -> Manifest:
    """Exports ``checkpoint`` into ``folder`` (made if need be); returns the manifest written."""
    return export_model(load_checkpoint(checkpoint)[0], checkpoint, folder)


def export_model(model: PizaGrounder, checkpoint: Path, folder: Path) -> Manifest:
    """Exports ``model``, which was read from ``checkpoint``, as ``export_checkpoint`` does."""
    folder.mkdir(parents=True, exist_ok=True)
    exported = networks(model)
    with Progress("exporting networks", len(exported)) as progress:
        for network in exported:
            export_network(network, folder / f"{network.name}.onnx")
            progress.step(network.name)
    shutil.copyfile(checkpoint / TOKENIZER, folder / "tokenizer.json")
    np.savez(folder / "history.npz", **history_weights(model))  # type: ignore[arg-type]
    config = model.config
    return write_manifest(
        folder,
        Manifest(
            name=config.name,
            input_hw=config.input_hw,
            max_tokens=config.max_tokens,
            preprocess=Preprocess(config.mean, config.std),
            calibration=config.calibration,
            zoom=config.zoom_policy(),
            checkpoint={"sha256": checkpoint_sha256(checkpoint)},
            versions={name: version(name) for name in ("torch", "transformers", "onnx")},
        ),
    )
