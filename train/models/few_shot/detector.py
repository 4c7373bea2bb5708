"""A Faster R-CNN over transformers' ResNet whose two stages learn apart (RISF, DeFRCN).

All but the last stages of the backbone see the whole input; the last ones see what RoIAlign cuts
out of its features for each proposal. The box moves are the same for every class: a few labels
teach a class its name, hardly how long it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from transformers import ResNetConfig, ResNetModel

from sdk.regions.region_proposals import RegionHead, propose
from train.models.few_shot.config import Decoupling, FewShotConfig, of_backbone
from train.models.few_shot.decoupling import Decoupled
from train.models.few_shot.roi_align import roi_align
from train.public_folder import public_folder

NOVEL_DEVIATION = 0.01  # of the weights that name a class nobody has taught yet
_BELIEVED = 0.01  # at first, of every anchor that it is an object


@dataclass(frozen=True)
class Seen:
    """What the first stage says of B inputs.

    Attributes:
        features: (B, D, h, w).
        objectness: (B, K) logits of the anchors.
        offsets: (B, K, 4).
    """

    features: Tensor
    objectness: Tensor
    offsets: Tensor


class FewShotDetector(nn.Module):
    """Pixels (B, 3, H, W) -> ``Seen``; ``judge`` says which class proposals are.

    Args:
        config: what it is.
    """

    anchors: Tensor  # (K, 4) cxcywh in units of the input

    def __init__(self, config: FewShotConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ResNetModel(ResNetConfig(**config.backbone))
        sizes = config.backbone["hidden_sizes"]
        seen, judged, count = sizes[config.cut - 1], sizes[-1], config.grid.of_a_cell
        self.to_propose = Decoupled(seen, config.decoupling.propose)
        self.to_judge = Decoupled(seen, config.decoupling.judge)
        self.proposer = nn.Conv2d(seen, config.channels, 3, padding=1)
        self.objectness = nn.Conv2d(config.channels, count, 1)
        self.offsets = nn.Conv2d(config.channels, 4 * count, 1)
        self.classes = nn.Linear(judged, len(config.labels) + 1)
        self.moves = nn.Linear(judged, 4)
        for layer in (self.proposer, self.objectness, self.offsets, self.classes):
            nn.init.normal_(layer.weight, std=0.01)
        nn.init.normal_(self.moves.weight, std=0.001)
        for layer in (self.proposer, self.offsets, self.classes, self.moves):
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.objectness.bias, float(np.log(_BELIEVED / (1 - _BELIEVED))))
        boxes = torch.from_numpy(config.grid.boxes).float()
        self.register_buffer("anchors", boxes, persistent=False)

    def forward(self, pixels: Tensor) -> Seen:
        features = self.backbone.embedder(pixels)
        for stage in self.backbone.encoder.stages[: self.config.cut]:
            features = stage(features)
        inner = self.proposer(self.to_propose(features)).relu()
        objectness, offsets = self.objectness(inner), self.offsets(inner)
        return Seen(
            features,
            objectness.permute(0, 2, 3, 1).flatten(1),
            offsets.permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4)),
        )

    def judge(self, features: Tensor, proposals: Tensor) -> tuple[Tensor, Tensor]:
        """What proposals are, and how they are to be moved.

        Args:
            features: (B, D, h, w), of ``forward``.
            proposals: (B, R, 4) xyxy in units of the input.

        Returns:
            Logits (B, R, C + 1), background last, and moves (B, R, 4).
        """
        cells = proposals * proposals.new_tensor((*features.shape[:1:-1], *features.shape[:1:-1]))
        found = roi_align(self.to_judge(features), cells, self.config.pooled).flatten(0, 1)
        for stage in self.backbone.encoder.stages[self.config.cut :]:
            found = stage(found)
        found = found.mean((2, 3)).unflatten(0, proposals.shape[:2])
        return self.classes(found), self.moves(found)

    @torch.no_grad()
    def proposals(self, seen: Seen) -> Tensor:
        """(B, R, 4) xyxy in units of the input, made as on the vehicle."""
        logits, offsets = (
            each.detach().float().cpu().numpy() for each in (seen.objectness, seen.offsets)
        )
        grid, count = self.config.grid, self.config.proposals
        made = [propose(*each, grid, count) for each in zip(logits, offsets, strict=True)]
        return torch.from_numpy(np.stack(made)).to(seen.features.device)

    def learned(self) -> list[nn.Parameter]:
        """What training changes: all but those stages that no gradient reaches."""
        reached = self.config.decoupling != Decoupling(0.0, 0.0)
        front = [self.backbone.embedder, *self.backbone.encoder.stages[: self.config.cut]]
        still = {id(each) for part in front for each in part.parameters()}
        return [each for each in self.parameters() if reached or id(each) not in still]

    def answer(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The outputs of ``head``: proposals (B, R, 4), classes (B, R, C + 1), moves (B, R, 4)."""
        seen = self(pixels)
        proposals = self.proposals(seen)
        return proposals, *self.judge(seen.features, proposals)

    @property
    def head(self) -> RegionHead:
        """How outputs become boxes."""
        return RegionHead(len(self.config.labels))


def over_public_backbone(config: FewShotConfig, source: str) -> FewShotDetector:
    """A detector over a ResNet that somebody has trained, with its channels' statistics.

    Args:
        config: what it is, but for the backbone.
        source: a folder in transformers' format or a hub id.

    Raises:
        InputError: it is another model.
        CheckpointError: it can neither be found nor fetched or read.
    """
    folder = public_folder(source, "backbone")
    folder.model_type(("resnet",), "others have features of another kind")
    (mean, std), _ = folder.processing((config.mean, config.std))
    with folder.loading():
        backbone, found = ResNetModel.from_pretrained(folder.path, output_loading_info=True)
    folder.check_whole(found)
    kept = of_backbone(backbone.config)
    model = FewShotDetector(replace(config, backbone=kept, mean=mean, std=std))
    model.backbone.load_state_dict(backbone.state_dict())
    return model


@torch.no_grad()
def taught(base: FewShotDetector, config: FewShotConfig, seed: int) -> FewShotDetector:
    """A detector that knows what ``base`` knows, and is ready to be taught more.

    The weights that name a class are copied for known classes and background; those of novel ones
    are drawn small, so that at first no class is believed more than another.

    Args:
        base: of the base classes.
        config: ``base.config.teaching(...)``.
        seed: of what is drawn.
    """
    model = FewShotDetector(config)
    known = base.state_dict()
    classes = {name: known.pop(f"classes.{name}") for name in ("weight", "bias")}
    own = model.state_dict()
    generator = torch.Generator().manual_seed(seed)
    weight = NOVEL_DEVIATION * torch.randn(own["classes.weight"].shape, generator=generator)
    drawn = {"weight": weight, "bias": torch.zeros_like(own["classes.bias"])}
    rows = [config.labels.index(name) for name in base.config.labels] + [len(config.labels)]
    for name, value in drawn.items():
        value[rows] = classes[name]
        known[f"classes.{name}"] = value
    model.load_state_dict(known)
    return model
