"""timm's ResNets as transformers' own: DETR's public weights have timm's.

Both are the same network (He et al. 2016, strides in the 3x3 convolutions), by other names; timm is
no dependency of this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdk.errors import InputError

# Kind of layer, layers and channels of the four stages.
_WIDE = [256, 512, 1024, 2048]
RESNETS: dict[str, tuple[str, list[int], list[int]]] = {
    "resnet18": ("basic", [2, 2, 2, 2], [64, 128, 256, 512]),
    "resnet34": ("basic", [3, 4, 6, 3], [64, 128, 256, 512]),
    "resnet50": ("bottleneck", [3, 4, 6, 3], _WIDE),
    "resnet101": ("bottleneck", [3, 4, 23, 3], _WIDE),
    "resnet152": ("bottleneck", [3, 8, 36, 3], _WIDE),
}
_STAGES, _CONVOLUTIONS = 4, 3


def is_timm(stored: Mapping[str, Any]) -> bool:
    """Whether a ``config.json`` names a backbone of timm's, as old versions do it or new ones."""
    backbone = stored.get("backbone_config") or {}
    named = backbone.get("model_type") == "timm_backbone"
    return named or (not backbone and bool(stored.get("use_timm_backbone", False)))


def resnet_config(folder: Path, backbone: Any) -> Any:
    """transformers' configuration of the backbone that timm's describes.

    Raises:
        InputError: it is no ResNet, or dilated.
    """
    from transformers import ResNetConfig

    shape = RESNETS.get(backbone.backbone)
    if shape is None or getattr(backbone, "output_stride", None) not in (None, 32):
        raise InputError(
            f"the backbone {backbone.backbone} of {folder} is timm's, which is not used here:"
            f" expected one of {', '.join(RESNETS)} without dilation, or a backbone of"
            " transformers"
        )
    layer_type, depths, sizes = shape
    return ResNetConfig(
        layer_type=layer_type, depths=depths, hidden_sizes=sizes, out_features=["stage4"]
    )


def key_mapping() -> dict[str, str]:
    """Patterns of names in a file -> names of ``DetrForObjectDetection`` over transformers' ResNet.

    As ``from_pretrained(key_mapping=...)`` takes them. Files of older versions have the backbone
    under ``conv_encoder``.
    """
    theirs, ours = r"backbone\.(?:conv_encoder\.)?model\.", "backbone.model."
    stem = f"{ours}embedder.embedder."
    mapping = {
        rf"{theirs}conv1\.": f"{stem}convolution.",
        rf"{theirs}bn1\.": f"{stem}normalization.",
    }
    for stage in range(_STAGES):
        start = rf"{theirs}layer{stage + 1}\.(\d+)\."
        place = rf"{ours}encoder.stages.{stage}.layers.\1."
        for index in range(_CONVOLUTIONS):
            inside = f"{place}layer.{index}."
            mapping[rf"{start}conv{index + 1}\."] = f"{inside}convolution."
            mapping[rf"{start}bn{index + 1}\."] = f"{inside}normalization."
        mapping[rf"{start}downsample\.0\."] = f"{place}shortcut.convolution."
        mapping[rf"{start}downsample\.1\."] = f"{place}shortcut.normalization."
    return mapping
