"""A few-shot detector, and the CLIP that corrects its scores of taught classes, if there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import Tensor, nn

from sdk.engine.manifest import ImageInput, Manifest
from sdk.families.few_shot import JUDGE, PIXELS, PROPOSE, FewShot
from sdk.regions.class_bank import ClassBank, prompt
from sdk.regions.clip import CROPS, TOKENIZER_FILE
from sdk.regions.region_proposals import CLASSES, FEATURES, MOVES, OBJECTNESS, OFFSETS, PROPOSALS
from train.families.family import TorchNetwork, TrainFamily, described
from train.models.clip.networks import clip_networks, clip_of
from train.models.clip.public import TOKENIZER, PublicClip, open_public_clip
from train.models.few_shot.checkpoint import CLIP, load_few_shot
from train.models.few_shot.detector import FewShotDetector

_AT_ONCE = 8  # crops of a run of the image network (our choice)


class _Propose(nn.Module):
    """Pixels (1, 3, H, W) -> features, objectness (1, K), offsets (1, K, 4)."""

    def __init__(self, model: FewShotDetector) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        seen = self.model(pixels)
        return seen.features, seen.objectness, seen.offsets


class _Judge(nn.Module):
    """Features and proposals (1, R, 4) -> classes (1, R, C + 1), moves (1, R, 4)."""

    def __init__(self, model: FewShotDetector) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, proposals: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.judge(features, proposals)


class FewShotModel:
    """A ``TrainedModel`` of a detector's two stages, and of CLIP's two networks if there is one.

    Args:
        model: goes into eval mode.
        opened: its CLIP.
    """

    def __init__(self, model: FewShotDetector, opened: PublicClip | None = None) -> None:
        self.model, self.opened = model.eval(), opened
        self.clip = None if opened is None else clip_of(opened, _AT_ONCE)

    def to(self, device: torch.device) -> None:
        """See ``TrainedModel.to``."""
        self.model.to(device)
        if self.opened is not None:
            self.opened.model.to(device)

    def networks(self) -> tuple[TorchNetwork, ...]:
        """See ``TrainedModel.networks``."""
        config, device = self.model.config, self.model.anchors.device
        pixels = torch.zeros(1, 3, *config.input_hw, device=device)
        height, width = (side // config.stride for side in config.input_hw)
        channels = config.backbone["hidden_sizes"][config.cut - 1]
        features = torch.zeros(1, channels, height, width, device=device)
        places = torch.tensor([0.25, 0.25, 0.75, 0.75], device=device)
        proposals = places.expand(1, config.proposals, 4).contiguous()
        stages = (
            TorchNetwork(
                PROPOSE, _Propose(self.model), {PIXELS: pixels}, (FEATURES, OBJECTNESS, OFFSETS)
            ),
            TorchNetwork(
                JUDGE,
                _Judge(self.model),
                {FEATURES: features, PROPOSALS: proposals},
                (CLASSES, MOVES),
            ),
        )
        if self.opened is None or self.clip is None:
            return stages
        return (*stages, *clip_networks(self.opened, self.clip).values())

    exportable = networks

    def manifest(self) -> Manifest:
        """See ``TrainedModel.manifest``."""
        config, bank = self.model.config, None
        inputs = {PIXELS: ImageInput(config.input_hw, config.mean, config.std)}
        if self.clip is not None:
            inputs[CROPS] = self.clip.image
            bank = ClassBank({name: prompt(name) for name in config.taught})
        block = FewShot(config.labels, config.grid, config.proposals, clip=self.clip, bank=bank)
        return Manifest(
            name=config.name,
            family="few-shot",
            networks=described(self.networks()),
            inputs=inputs,
            text=None,
            calibration=config.calibration,
            block=block.to_mapping(),
        )

    def write_files(self, folder: Path) -> tuple[str, ...]:
        """CLIP's tokenizer."""
        if self.opened is None:
            return ()
        shutil.copyfile(self.opened.folder.path / TOKENIZER, folder / TOKENIZER_FILE)
        return (TOKENIZER_FILE,)


class _FewShot:
    """See ``train.families.family.TrainFamily``."""

    def load(self, folder: Path) -> FewShotModel:
        """A checkpoint of either stage."""
        model = load_few_shot(folder)
        opened = None if model.config.clip is None else open_public_clip(str(folder / CLIP))
        return FewShotModel(model, opened)


FAMILY: TrainFamily = _FewShot()
