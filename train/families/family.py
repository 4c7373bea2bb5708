"""What a trained model has to give so that it can be asked, and become an engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from sdk.engine.manifest import Manifest, Network, TensorInfo


@dataclass(frozen=True)
class TorchNetwork:
    """One network of an engine as a module.

    Attributes:
        name: of the network.
        module: takes the inputs in their order, gives a tensor or a tuple of them.
        inputs: examples by name; they fix the shapes.
        outputs: names.
    """

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]


def described(networks: Iterable[TorchNetwork]) -> dict[str, Network]:
    """Networks as a manifest has them; nobody notes the outputs' shapes before they are run."""
    return {
        each.name: Network(
            f"{each.name}.onnx",
            {
                name: TensorInfo(tuple(value.shape), str(value.dtype).removeprefix("torch."))
                for name, value in each.inputs.items()
            },
            {name: TensorInfo(None, "float32") for name in each.outputs},
        )
        for each in networks
    }


class TrainedModel(Protocol):
    """A checkpoint in memory, as the engine that it becomes."""

    def to(self, device: torch.device) -> None:
        """Moves the model there."""

    def networks(self) -> tuple[TorchNetwork, ...]:
        """Its networks as training runs them, in the order of their work."""

    def exportable(self) -> tuple[TorchNetwork, ...]:
        """The same as graphs take them: static, without operators that no runtime has."""

    def manifest(self) -> Manifest:
        """What the engine's manifest says, but for files, certificate and versions."""

    def write_files(self, folder: Path) -> tuple[str, ...]:
        """Writes what the family keeps beside its networks (the tokenizer, say).

        Returns:
            The files' names.
        """


class TrainFamily(Protocol):
    """``train.families.NAME`` has one as ``FAMILY``."""

    def load(self, folder: Path) -> TrainedModel:
        """Reads a checkpoint of the family.

        Raises:
            CheckpointError: it is missing, damaged, or not one of them.
        """
