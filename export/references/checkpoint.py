"""A trained model as the reference: it is run by PyTorch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch

from evaluation.host_runtime import RunNetwork
from export.portable import export_model
from export.references.reference import Answer
from sdk.engine.folder import file_sha256, read_manifest, write_manifest
from sdk.engine.manifest import Manifest
from train.base import base_folder, open_base
from train.checkpoint import checkpoint_sha256
from train.evaluation.asking import open_grounder, torch_runner
from train.families import TrainedModel, load, name_of
from train.families.grounding_dino import GroundingModel


class CheckpointReference:
    """A checkpoint. The weights are read when they are needed, and once."""

    kind = "checkpoint"
    exact = True
    precision = "fp32"

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, name_of(path)

    def checkpoint_sha256(self) -> str:
        return checkpoint_sha256(self.path)

    def describe(self) -> str:
        return f"PyTorch {torch.__version__}"

    def write_engine(self, folder: Path) -> None:
        export_model(self._model, self.checkpoint_sha256(), folder)

    @contextmanager
    def networks(self) -> Iterator[RunNetwork]:
        """They sample as in training, not as the graphs do."""
        yield torch_runner(self._model.networks())

    @contextmanager
    def answers(self, engine: Manifest) -> Iterator[Answer]:
        """PyTorch runs the networks, the vehicle's code does the rest."""
        with open_grounder(self._model, engine.calibration) as grounder:
            yield grounder.locate

    @cached_property
    def _model(self) -> TrainedModel:
        return self._load()

    def _load(self) -> TrainedModel:
        return load(self.path)


class BaseReference(CheckpointReference):
    """Public weights of a Grounding DINO in transformers' format, as they are.

    Args:
        source: a folder, or the id of a model on the hub.
        input_hw: height and width of the network input in pixels; by default the published one, or
            that of a checkpoint of ours.
        zoom: closer looks after the first.

    Raises:
        CheckpointError: there is no such folder, and the hub has no such model or is not there.
    """

    kind = "base"

    def __init__(self, source: str, input_hw: tuple[int, int] | None = None, zoom: int = 0) -> None:
        self.path, self._input_hw, self._zoom = base_folder(source), input_hw, zoom
        self.name = Path(source).name
        self._from = {"file": self.name} if Path(source).is_dir() else {"id": source}

    def checkpoint_sha256(self) -> str:
        """One hash over its files, and the input size, which the networks are made for."""
        files = sorted(
            each for each in self.path.iterdir() if each.suffix in (".json", ".safetensors")
        )
        said = [f"{each.name} {file_sha256(each)}" for each in files]
        input_hw = self._model.manifest().input_hw
        return hashlib.sha256(f"{said} {input_hw}".encode()).hexdigest()

    def write_engine(self, folder: Path) -> None:
        super().write_engine(folder)
        manifest = read_manifest(folder)
        checkpoint = {**manifest.checkpoint, "base": self._from}
        write_manifest(folder, dataclasses.replace(manifest, checkpoint=checkpoint))

    def _load(self) -> TrainedModel:
        base = open_base(str(self.path), "zero-shot", self._input_hw)
        return GroundingModel(base.model, base.tokenizer_file, self._zoom)
