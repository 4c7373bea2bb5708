"""A checkpoint as the reference: it is run by PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch

from evaluation.host_runtime import RunNetwork
from export.portable import export_model
from export.references.reference import Answer
from sdk.engine.manifest import Manifest
from train.checkpoint import checkpoint_sha256
from train.evaluation.asking import open_grounder, torch_runner
from train.families import TrainedModel, load, name_of


class CheckpointReference:
    """The weights are read when they are needed, and once."""

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
        export_model(self._model, self.path, folder)

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
        return load(self.path)
