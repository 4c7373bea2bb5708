"""What a checkpoint must know to be built again: one frozen record, two presets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from transformers import MMGroundingDinoConfig

from sdk.errors import CheckpointError, EngineError
from sdk.zoom.calibration import Calibration
from sdk.zoom.state import ZoomPolicy
from train.models.backbones import lite0
from train.models.grounding_dino.backbones import EFFICIENTNET_LITE0
from train.models.piza.methods import METHODS

# ImageNet statistics in RGB order and 0..255 units, as MM-Grounding-DINO was trained with.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)

UNCALIBRATED = {"threshold": 0.5}


@dataclass(frozen=True)
class PizaConfig:
    """Architecture, input and zoom policy of one model.

    base: keyword arguments of transformers' ``MMGroundingDinoConfig``.
    method: what is added to the base, a key of ``train.models.piza.methods.METHODS``.
    bottleneck: width of the Adapter+ bottleneck, in image and text layers.
    lora_rank: rank of the LoRA updates. context_tokens: learned tokens of CoOp.
    zoom_dim: width of the zoom embedding. max_steps: of methods that zoom.
    input_hw: network input in pixels, every window is letterboxed into it.
    place_features: image features carry their position into the fusion (published: False).
        Language says "left of": where something is must be something that text can attend to.
    scaled_similarity: features and tokens are compared by their dot product over the root of their
        width, as in MM-Grounding-DINO; without (Grounding DINO), by the dot product as it is.
    refine_eps: of the inverse sigmoid between decoder layers: mmdetection's, with which
        MM-Grounding-DINO was trained; transformers runs its classes with 1e-5.
    landmarks: the engine of a method that zooms also says what the words mean by themselves, which
        a model knows that was taught by ``train.losses.auxiliary.mention_loss``.
    max_tokens: prompt length, [CLS] and [SEP] included; prompts are padded to it.
    calibration: what scores mean, as ``train.evaluation.calibrate`` writes it and
        ``sdk.zoom.calibration`` reads it; with ``threshold`` alone scores are taken as they are.
    """

    name: str
    base: dict[str, Any]
    input_hw: tuple[int, int]
    max_tokens: int
    method: str = "piza-adapter+"
    bottleneck: int = 256
    lora_rank: int = 16
    context_tokens: int = 16
    zoom_dim: int = 256
    place_features: bool = False
    scaled_similarity: bool = True
    refine_eps: float = 1e-3
    landmarks: bool = False
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD
    max_steps: int = 3
    stop_threshold: float = 0.95
    progress_step: float = 0.05
    min_window_px: float = 32.0
    calibration: Mapping[str, Any] = field(default_factory=lambda: dict(UNCALIBRATED))

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise CheckpointError(
                f"expected a method out of {', '.join(METHODS)}, found {self.method!r}"
            )
        if self.landmarks and self.base.get("encoder_layers", 6) < 2:
            raise CheckpointError(
                "expected at least two encoder layers for landmarks, which the last but one knows,"
                f" found {self.base['encoder_layers']}"
            )
        try:
            Calibration.from_mapping(self.calibration)
        except EngineError as error:
            raise CheckpointError(str(error)) from error

    @property
    def threshold(self) -> float:
        """Score from which an object counts as found."""
        return float(self.calibration["threshold"])

    @property
    def zooms(self) -> bool:
        """Whether the search goes step by step; plain methods answer from the whole frame."""
        return METHODS[self.method].zooms

    def grounding_dino(self) -> MMGroundingDinoConfig:
        """The configuration of the transformers model underneath."""
        return MMGroundingDinoConfig(**self.base)

    def zoom_policy(self) -> ZoomPolicy:
        """How the search goes on and when it ends, for training and runtime alike."""
        return ZoomPolicy(
            self.max_steps if self.zooms else 1,
            self.stop_threshold,
            self.progress_step,
            self.min_window_px,
        )

    def save(self, path: Path) -> None:
        """Writes JSON, in one step."""
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=1) + "\n")
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> PizaConfig:
        """Reads what ``save`` wrote; raises CheckpointError when it cannot be read as such.

        A configuration without ``calibration`` may have a ``threshold`` of its own: older ones do.
        """
        try:
            record = json.loads(path.read_text())
            for key in ("input_hw", "mean", "std"):
                record[key] = tuple(record[key])
            if "threshold" in record:
                record["calibration"] = {"threshold": record.pop("threshold")}
            return cls(**record)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path} is not the configuration of a model: {error!r}"
            ) from error


def piza_tiny(vocab_size: int) -> PizaConfig:
    """2 million parameters: trained from scratch on rendered scenes, on two CPU cores.

    Strides 16 and 32 only: a stride-8 level would hold three quarters of all tokens, and the
    zoom makes it unnecessary. 640x352 leaves a 35 px object of a 1920x1080 frame 12 px wide
    at the first step.
    """
    resnet = {
        "model_type": "resnet",
        "layer_type": "basic",
        "embedding_size": 32,  # a multiple of 16: what ONNX Runtime would pad others to on CPUs
        "hidden_sizes": [32, 48, 96, 160],
        "depths": [1, 2, 2, 1],
        "out_indices": [3, 4],
    }
    bert = {
        "model_type": "bert",
        "vocab_size": vocab_size,
        "hidden_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 192,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    base = {
        "backbone_config": resnet,
        "text_config": bert,
        "d_model": 96,
        "encoder_layers": 3,
        "encoder_ffn_dim": 256,
        "encoder_attention_heads": 4,
        "decoder_layers": 2,
        "decoder_ffn_dim": 256,
        "decoder_attention_heads": 4,
        "num_queries": 64,
        "embedding_init_target": False,
        "num_feature_levels": 2,
        "encoder_n_points": 2,
        "max_text_len": 64,
        "dropout": 0.0,
        "fusion_droppath": 0.0,
    }
    return PizaConfig(
        name="piza-tiny",
        base=base,
        input_hw=(352, 640),
        max_tokens=64,
        bottleneck=32,
        zoom_dim=64,
        place_features=True,
        landmarks=True,
    )


def with_lite0(config: PizaConfig) -> PizaConfig:
    """``config`` with an image backbone that has seen photographs: EfficientNet-Lite0, whose
    weights ``train.models.backbones.lite0`` knows."""
    return replace(
        config,
        name="piza-lite0",
        base={**config.base, "backbone_config": EFFICIENTNET_LITE0},
        mean=lite0.MEAN,
        std=lite0.STD,
    )


def swin_t() -> PizaConfig:
    """The published size: MM-Grounding-DINO Swin-T (173 M parameters), Adapter+ of width 256.

    The heads of MM-Grounding-DINO's decoder layers are not shared, unlike Grounding DINO's.
    """
    swin = {
        "model_type": "swin",
        "embed_dim": 96,
        "depths": [2, 2, 6, 2],
        "num_heads": [3, 6, 12, 24],
        "window_size": 7,
        "out_indices": [2, 3, 4],
    }
    return PizaConfig(
        name="swin-t",
        base={
            "backbone_config": swin,
            "text_config": {"model_type": "bert"},
            "decoder_bbox_embed_share": False,
            "decoder_cls_embed_share": False,
        },
        input_hw=(800, 1344),
        max_tokens=256,
        max_steps=5,
    )
