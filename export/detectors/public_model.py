"""A detector in transformers' format: DETR, YOLOS, RT-DETR (v1, v2), D-FINE, RF-DETR."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from export.detectors.detector import PIXELS, DetectorOptions, PreparedDetector
from export.detectors.labels import by_number, known_names, matching
from export.detectors.plain_graph import finish, finite_masks
from export.detectors.recognition import IMAGENET, Outputs
from export.detectors.timm_backbone import is_timm, key_mapping, resnet_config
from export.onnx.graphs import check_clean, exported
from sdk.engine.manifest import ImageInput
from sdk.errors import EngineError, InputError, first_line
from sdk.regions.heads.detr import Detr
from sdk.regions.heads.head import Scoring
from train.families import TorchNetwork
from train.models.grounding_dino.deformable import gather_sampler
from train.public_folder import CONFIG, PublicFolder, public_folder

LOGITS, BOXES = "logits", "pred_boxes"  # transformers' names
# Model types whose networks equal transformers' own by test.
KNOWN = ("detr", "yolos", "rt_detr", "rt_detr_v2", "d_fine", "rf_detr")
_USUAL_HW = (640, 640)  # where neither the model nor anybody says
_NO_CHECKS = "TRANSFORMERS_DISABLE_TORCH_CHECK"  # of values, which no graph can hold


class _Network(nn.Module):
    """Pixels (1, 3, H, W) -> logits (1, N, C) and boxes (1, N, 4) cxcywh in units of the input."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model(pixel_values=pixels)
        return found.logits, found.pred_boxes


def read_public(source: str, options: DetectorOptions) -> PreparedDetector:
    """Makes a model in transformers' format ready.

    Args:
        source: a folder, or an id of the hub.
        options: see ``DetectorOptions``; head and order are the format's.

    Raises:
        InputError: it is no detector that is known, or its labels do not match.
        EngineError: it can neither be found nor fetched, read, or exported.
    """
    folder = public_folder(source, "detector", otherwise="an ONNX file, ")
    config = _config(folder)
    model = _load(folder, config)
    (mean, std), own_hw = folder.processing((IMAGENET.mean, IMAGENET.std))
    hw = options.input_hw or own_hw or _USUAL_HW
    network = _Network(model)

    def original(values: NDArray[np.float32]) -> Outputs:
        with torch.inference_mode():
            outputs = network(torch.from_numpy(np.ascontiguousarray(values)))
        return {name: each.numpy() for name, each in zip((LOGITS, BOXES), outputs, strict=True)}

    noise = np.random.default_rng(0).normal(0, 1, (1, 3, *hw)).astype(np.float32)
    head = _head(_answer(original, noise, folder.path, hw)[LOGITS].shape[2], config)
    candidates = known_names({}, options.labels) or _own_names(config)
    names = matching(candidates, head.classes, options.labels)
    graph = _exported(network, noise, folder)
    image = ImageInput(hw, options.mean or mean, options.std or std)
    return PreparedDetector(graph, image, head, names, folder.provenance(), original)


def _config(folder: PublicFolder) -> Any:
    """transformers' configuration of a detector that is known."""
    from transformers import AutoConfig

    folder.model_type(KNOWN, "others can come as an ONNX file")
    with folder.loading():
        config = AutoConfig.from_pretrained(folder.path)
    backbone = getattr(config, "backbone_config", None)
    if getattr(backbone, "model_type", "") == "timm_backbone":
        config.backbone_config = resnet_config(folder.path, backbone)
    return config


def _load(folder: PublicFolder, config: Any) -> Any:
    """The model, whole."""
    from transformers import AutoModelForObjectDetection

    with folder.loading():
        model, found = AutoModelForObjectDetection.from_pretrained(
            folder.path,
            config=config,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            attn_implementation="eager",
            key_mapping=key_mapping() if is_timm(folder.said(CONFIG)) else None,
        )
    folder.check_whole(found)
    return model.eval()


def _answer(
    original: Callable[[NDArray[np.float32]], Outputs],
    pixels: NDArray[np.float32],
    folder: Path,
    hw: tuple[int, int],
) -> Outputs:
    """What the model says of pixels; an input size that it does not take is told."""
    try:
        return original(pixels)
    except Exception as error:  # of torch, from anywhere inside of the model
        raise InputError(
            f"the detector {folder} does not take an input of {hw[0]}x{hw[1]}"
            f" ({first_line(error):.200}): name"
            " another --input-hw"
        ) from error


def _head(columns: int, config: Any) -> Detr:
    """By softmax where there is a column for no object, else by sigmoid."""
    if columns == config.num_labels + 1:
        scoring = Scoring("softmax", "last")
    else:
        scoring = Scoring("sigmoid")
    return Detr(LOGITS, BOXES, scoring.classes_of(columns), scoring)


def _own_names(config: Any) -> tuple[tuple[str, ...], ...]:
    names = by_number(config.id2label)
    return (names,) if names else ()


def _exported(network: nn.Module, pixels: NDArray[np.float32], folder: PublicFolder) -> Any:
    """The network as a graph."""
    example = {PIXELS: torch.from_numpy(pixels)}
    with sampling_by_gather(), _without_checks():
        graph = exported(
            TorchNetwork("detector", network, example, (LOGITS, BOXES)),
            f"the detector {folder.path}",
        )
    finite_masks(graph.graph)
    graph = finish(graph, str(folder.path))
    check_clean(graph, "detector")
    return graph


@contextmanager
def sampling_by_gather() -> Iterator[None]:
    """Within it ``grid_sample`` is made of plain operators: TensorRT miscompiles GridSample
    (https://github.com/NVIDIA/TensorRT/issues/4813)."""
    before = F.grid_sample
    F.grid_sample = _grid_sample
    try:
        yield
    finally:
        F.grid_sample = before


def _grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """``torch.nn.functional.grid_sample`` of maps (B, D, h, w) at places (B, Q, P, 2)."""
    if (mode, padding_mode, bool(align_corners)) != ("bilinear", "zeros", False):
        raise EngineError(f"expected bilinear samples, zero outside, found {mode}, {padding_mode}")
    height, width = input.shape[-2:]
    cells = ((grid + 1) * grid.new_tensor([width, height]) - 1) / 2
    places = cells.flatten(1, 2).transpose(1, 2)[:, None, None, None]  # (B, 1, 1, 1, 2, Q*P)
    value = input.flatten(2).transpose(1, 2)[:, :, None]  # (B, h*w, 1, D)
    weights = torch.ones_like(places[..., 0, :])
    samples = gather_sampler(value, ((height, width),), places, weights)  # (B, Q*P, 1, D)
    return samples[:, :, 0].transpose(1, 2).unflatten(-1, grid.shape[1:3])


@contextmanager
def _without_checks() -> Iterator[None]:
    """Within it transformers' models do not look at the values of their tensors."""
    before = os.environ.get(_NO_CHECKS)
    os.environ[_NO_CHECKS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_CHECKS]
        else:
            os.environ[_NO_CHECKS] = before
