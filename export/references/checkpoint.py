"""A checkpoint as the reference: it is run by PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import torch

from export.onnx.networks import networks
from export.portable import export_model
from export.references.reference import Answer, Arrays, RunNetwork
from sdk.engine.manifest import Manifest
from sdk.text import Tokenizer
from train.checkpoint import CONFIG, checkpoint_sha256, load_checkpoint
from train.evaluation.locators import CheckpointLocator
from train.models.grounding_dino.config import PizaConfig
from train.models.grounding_dino.deformable import grid_sampler
from train.models.grounding_dino.grounder import PizaGrounder


class CheckpointReference:
    """The weights are read when they are needed, and once."""

    kind = "checkpoint"
    exact = True
    precision = "fp32"

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, PizaConfig.load(path / CONFIG).name

    def checkpoint_sha256(self) -> str:
        return checkpoint_sha256(self.path)

    def describe(self) -> str:
        return f"PyTorch {torch.__version__}"

    def write_engine(self, folder: Path) -> None:
        export_model(self._loaded[0], self.path, folder)

    @contextmanager
    def networks(self) -> Iterator[RunNetwork]:
        """They sample as in training, not as the graphs do."""
        known = {network.name: network for network in networks(self._loaded[0], grid_sampler)}

        @torch.inference_mode()
        def run(name: str, feeds: Arrays) -> Arrays:
            network = known[name]
            given = network.module(*(torch.from_numpy(feeds[key]) for key in network.inputs))
            outputs = given if isinstance(given, tuple) else (given,)
            return {key: t.numpy() for key, t in zip(network.outputs, outputs, strict=True)}

        yield run

    @contextmanager
    def answers(self, engine: Manifest) -> Iterator[Answer]:
        """PyTorch searches, the vehicle's rule decides."""
        locator = CheckpointLocator(*self._loaded, calibration=engine.calibration)
        yield lambda frame, ref: locator.locate(frame, [ref])[0]

    @cached_property
    def _loaded(self) -> tuple[PizaGrounder, Tokenizer]:
        return load_checkpoint(self.path)
