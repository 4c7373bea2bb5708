"""PIZA: a Grounding DINO that is told how far its search is, and the box-history encoder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdk.engine.manifest import Manifest
from sdk.families.piza import HISTORY_FILE, block
from train.checkpoint import TOKENIZER, load_checkpoint
from train.families.family import TrainFamily
from train.families.grounding_dino import GroundingModel
from train.models.grounding_dino.grounder import PizaGrounder


class PizaModel(GroundingModel):
    """A ``TrainedModel`` that zooms."""

    def manifest(self) -> Manifest:
        """See ``TrainedModel.manifest``."""
        config = self.model.config
        told = block(config.zoom_policy(), self.model.levels)
        return dataclasses.replace(super().manifest(), family="piza", block=told)

    def write_files(self, folder: Path) -> tuple[str, ...]:
        """The tokenizer and the box-history encoder."""
        weights = history_weights(self.model)
        np.savez(folder / HISTORY_FILE, **weights)  # type: ignore[arg-type]
        return (*super().write_files(folder), HISTORY_FILE)


def history_weights(model: PizaGrounder) -> dict[str, NDArray[np.float32]]:
    """The box-history encoder's weights by their published names, for ``sdk.zoom.history``."""
    return {
        name: t.detach().cpu().float().numpy() for name, t in model.history.state_dict().items()
    }


def in_memory(model: PizaGrounder, tokenizer_file: Path) -> GroundingModel:
    """A model that was not read from a checkpoint, in the family of its method.

    Args:
        model: any method's; it goes into eval mode.
        tokenizer_file: of the model.
    """
    kind = PizaModel if model.config.zooms else GroundingModel
    return kind(model, tokenizer_file)


class _Piza:
    """See ``train.families.family.TrainFamily``."""

    def load(self, folder: Path) -> PizaModel:
        """A checkpoint of a method that zooms."""
        return PizaModel(load_checkpoint(folder)[0], folder / TOKENIZER)


FAMILY: TrainFamily = _Piza()
