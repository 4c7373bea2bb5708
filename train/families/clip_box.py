"""A head that makes boxes of CLIP's features, with the CLIP that it was trained over."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from sdk.engine.manifest import Manifest
from sdk.families.clip_box import HEAD, ClipBox
from sdk.regions.clip import CROPS, TOKENIZER_FILE
from sdk.regions.refiners import Actor, Teller
from sdk.regions.refiners.telling import PIXELS, SHARES
from sdk.regions.views import usual_view
from train.families.family import TorchNetwork, TrainFamily, described
from train.models.box_refiners.checkpoint import load_box
from train.models.box_refiners.config import DQN, PROJECTION, BoxConfig
from train.models.box_refiners.config import FAMILY as NAME
from train.models.box_refiners.heads import Head
from train.models.clip.networks import clip_networks, clip_of
from train.models.clip.public import TOKENIZER, PublicClip

_AT_ONCE = 1  # crops of a run: a look follows from the one before


class ClipBoxModel:
    """A ``TrainedModel`` of CLIP's two networks and a head.

    Args:
        head: of any method; it goes into eval mode.
        opened: its CLIP.
    """

    def __init__(self, head: Head, opened: PublicClip) -> None:
        self.head, self.opened = head.eval(), opened
        self.clip = clip_of(opened, _AT_ONCE)

    @property
    def refiner(self) -> Actor | Teller:
        """The vehicle's side of the head."""
        return refiner_of(self.head.config)

    def to(self, device: torch.device) -> None:
        """See ``TrainedModel.to``."""
        self.head.to(device)
        self.opened.model.to(device)

    def networks(self) -> tuple[TorchNetwork, ...]:
        """See ``TrainedModel.networks``."""
        refiner = self.refiner
        device = next(self.head.parameters()).device
        vector = (1, self.head.config.features)
        examples = {
            name: torch.zeros(shape or vector, device=device)
            for name, shape in refiner.signature.inputs.items()
        }
        head = TorchNetwork(HEAD, self.head, examples, refiner.signature.outputs)
        return (*clip_networks(self.opened, self.clip).values(), head)

    exportable = networks

    def manifest(self) -> Manifest:
        """See ``TrainedModel.manifest``."""
        config = self.head.config
        block = ClipBox(self.clip, self.refiner).to_mapping()
        return Manifest(
            name=config.name,
            family=NAME,
            networks=described(self.networks()),
            inputs={CROPS: self.clip.image},
            text=None,
            calibration=config.calibration,
            block=block,
        )

    def write_files(self, folder: Path) -> tuple[str, ...]:
        """CLIP's tokenizer."""
        shutil.copyfile(self.opened.folder.path / TOKENIZER, folder / TOKENIZER_FILE)
        return (TOKENIZER_FILE,)


def refiner_of(config: BoxConfig) -> Actor | Teller:
    """The vehicle's side of a head.

    Args:
        config: of the head.
    """
    view = usual_view(config.view)
    if config.method == DQN:
        return Actor(HEAD, config.most_steps, config.step, view)
    told = config.method.partition("-")[0]  # two projections differ in their unit
    return Teller(told, HEAD, PIXELS if config.method == PROJECTION else SHARES, view)


class _ClipBox:
    """See ``train.families.family.TrainFamily``."""

    def load(self, folder: Path) -> ClipBoxModel:
        """A checkpoint of any method."""
        return ClipBoxModel(*load_box(folder))


FAMILY: TrainFamily = _ClipBox()
