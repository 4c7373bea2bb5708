"""An image backbone that transformers has no class of, as one that it knows by name.

``MMGroundingDino`` makes its backbone from the ``model_type`` in its configuration, so a checkpoint
says all of it there, as it does of transformers' own.
"""

from __future__ import annotations

from typing import Any

from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import AutoBackbone, AutoConfig, PreTrainedConfig, PreTrainedModel
from transformers.backbone_utils import BackboneConfigMixin, BackboneMixin
from transformers.modeling_outputs import BackboneOutput

from sdk.errors import InputError
from train.models.backbones.efficientnet import LITE0, LITE0_STEM, EfficientNet

KIND = "piza-efficientnet"
# Strides 16 and 32, as those of piza-tiny's own backbone.
EFFICIENTNET_LITE0 = {
    "model_type": KIND,
    "stem": LITE0_STEM,
    "stages": [list(stage) for stage in LITE0],
    "lite": True,
    "out_indices": [3, 4],
}


@strict
class EfficientNetConfig(BackboneConfigMixin, PreTrainedConfig):
    """What ``EfficientNet`` takes; ``stages`` of transformers are its resolutions, finest first, so
    that the stride of number k is 2^(k + 1), as it is everywhere in transformers."""

    model_type = KIND

    stem: int = LITE0_STEM
    stages: list[list[int]] | None = None
    lite: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        self.stages = [list(stage) for stage in self.stages or LITE0]
        halved = sum(stage[4] > 1 for stage in self.stages)
        self.stage_names = [f"resolution{number}" for number in range(halved + 1)]
        self.set_output_features_output_indices(
            out_indices=kwargs.pop("out_indices", None),
            out_features=kwargs.pop("out_features", None),
        )
        super().__post_init__(**kwargs)


class EfficientNetBackbone(BackboneMixin, PreTrainedModel):
    """EfficientNet without norms: what pre-training has made of them is in the convolutions."""

    config_class = EfficientNetConfig
    main_input_name = "pixel_values"
    has_attentions = False

    def __init__(self, config: EfficientNetConfig) -> None:
        super().__init__(config)
        self.body = EfficientNet(config.stem, config.stages, config.lite, norms=False)
        self.num_features = [config.stages[end][1] for end in self.body.ends]
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """As PyTorch begins, until weights come."""

    def first(self, resolutions: int) -> list[nn.Module]:
        """The modules of the first so many resolutions; raises InputError for more than there
        are."""
        most = len(self.body.ends)
        if resolutions > most:
            raise InputError(f"expected at most {most} stages of the backbone, got {resolutions}")
        return self.body.until(resolutions)

    def forward(self, pixel_values: Tensor, **_: Any) -> BackboneOutput:
        """(B, 3, H, W) -> the maps of ``out_indices``, finest first."""
        maps = self.body.maps(pixel_values)
        return BackboneOutput(feature_maps=tuple(maps[index] for index in self.out_indices))


AutoConfig.register(KIND, EfficientNetConfig)
AutoBackbone.register(EfficientNetConfig, EfficientNetBackbone)
