"""A Grounding DINO that answers from one look: the methods that do not zoom."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from sdk.engine.manifest import TOKENIZER_FILE, ImageInput, Manifest, TextInput
from sdk.families.grounding_dino import ZOOM
from sdk.text import Tokenizer
from train.checkpoint import TOKENIZER, load_checkpoint
from train.families.family import TorchNetwork, TrainFamily, described
from train.models.grounding_dino.deformable import gather_sampler, grid_sampler
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.networks import networks


class GroundingModel:
    """A ``TrainedModel`` of text, image and ground network.

    Args:
        model: any method's; it goes into eval mode.
        tokenizer_file: of the model.
        zoom: closer looks after the first; a model that was taught to zoom knows better.
    """

    def __init__(self, model: PizaGrounder, tokenizer_file: Path, zoom: int = 0) -> None:
        self.model, self._tokenizer_file, self._zoom = model.eval(), tokenizer_file, zoom

    def to(self, device: torch.device) -> None:
        """See ``TrainedModel.to``."""
        self.model.to(device)

    def networks(self) -> tuple[TorchNetwork, ...]:
        """See ``TrainedModel.networks``."""
        return networks(self.model, grid_sampler)

    def exportable(self) -> tuple[TorchNetwork, ...]:
        """See ``TrainedModel.exportable``: deformable attention reads by gather."""
        return networks(self.model, gather_sampler)

    def manifest(self) -> Manifest:
        """See ``TrainedModel.manifest``."""
        config = self.model.config
        return Manifest(
            name=config.name,
            family="grounding-dino",
            networks=described(self.networks()),
            inputs={"pixels": ImageInput(config.input_hw, config.mean, config.std)},
            text=TextInput(config.max_tokens),
            calibration=config.calibration,
            block={ZOOM: self._zoom} if self._zoom else {},
        )

    def tokenizer(self) -> Tokenizer:
        """The tokenizer, from its file."""
        return Tokenizer.from_file(self._tokenizer_file, self.model.config.max_tokens)

    def write_files(self, folder: Path) -> tuple[str, ...]:
        """The tokenizer."""
        shutil.copyfile(self._tokenizer_file, folder / TOKENIZER_FILE)
        return (TOKENIZER_FILE,)


class _GroundingDino:
    """See ``train.families.family.TrainFamily``."""

    def load(self, folder: Path) -> GroundingModel:
        """A checkpoint of a method that does not zoom."""
        return GroundingModel(load_checkpoint(folder)[0], folder / TOKENIZER)


FAMILY: TrainFamily = _GroundingDino()
