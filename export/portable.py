"""Checkpoint -> portable folder: ONNX networks and all that a runtime must know.

The portable folder is an engine for ONNX Runtime already, but for its certificate.
"""

from __future__ import annotations

import dataclasses
from importlib.metadata import version
from pathlib import Path

from export.onnx.description import described
from export.onnx.graphs import export_network
from sdk.engine.folder import Manifest, write_manifest
from train.checkpoint import checkpoint_sha256
from train.families import TrainedModel, load
from train.progress import Progress


def export_checkpoint(checkpoint: Path, folder: Path) -> Manifest:
    """Exports a checkpoint of any family.

    Args:
        checkpoint: its folder.
        folder: where the portable folder goes, made if need be.

    Returns:
        The manifest written.

    Raises:
        CheckpointError: there is no checkpoint, or it is damaged or of a family that is not known.
        EngineError: a network did not become what was promised, or the manifest cannot be written.
    """
    return export_model(load(checkpoint), checkpoint_sha256(checkpoint), folder)


def export_model(model: TrainedModel, sha256: str, folder: Path) -> Manifest:
    """Exports ``model``, which was read from what has that hash, as ``export_checkpoint`` does."""
    folder.mkdir(parents=True, exist_ok=True)
    exported = model.exportable()
    with Progress("exporting networks", len(exported)) as progress:
        for network in exported:
            export_network(network, folder / f"{network.name}.onnx")
            progress.step(network.name)
    files = dict.fromkeys(model.write_files(folder), "")
    manifest = dataclasses.replace(
        model.manifest(),
        networks={each.name: described(folder / f"{each.name}.onnx") for each in exported},
        checkpoint={"sha256": sha256},
        versions={name: version(name) for name in ("torch", "transformers", "onnx")},
        files=files,
    )
    return write_manifest(folder, manifest)
