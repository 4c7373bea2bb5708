"""Detectors in transformers' format answer here as they do there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from export.check.checking import check_model
from export.detectors.detector import DetectorOptions, open_detector
from export.detectors.public_model import KNOWN, sampling_by_gather
from export.detectors.timm_backbone import RESNETS
from sdk.errors import CheckpointError, EngineError, InputError
from sdk.regions.heads import Wanted

HW = (64, 96)
OPTIONS = DetectorOptions(input_hw=HW)
PUBLISHED = {True: DetrImageProcessorPil, False: RTDetrImageProcessorPil}  # by softmax


def pixels(hw=HW) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, (1, 3, *hw)).astype(np.float32)


@pytest.mark.parametrize("kind", KNOWN)
def test_network_and_boxes_are_those_of_the_class(public, kind) -> None:
    folder, model = public(kind)
    detector = open_detector(str(folder), OPTIONS)
    assert check_model(detector.model, "detector") == []
    session = onnxruntime.InferenceSession(detector.model.SerializeToString())
    names = [each.name for each in session.get_outputs()]
    found = dict(zip(names, session.run(None, {"pixels": pixels()}), strict=True))
    with torch.inference_mode():
        wanted = model(pixel_values=torch.from_numpy(pixels()))
    np.testing.assert_allclose(found["logits"], wanted.logits.numpy(), atol=1e-4)
    np.testing.assert_allclose(found["pred_boxes"], wanted.pred_boxes.numpy(), atol=1e-4)
    for name, value in detector.original(pixels()).items():
        np.testing.assert_allclose(value, getattr(wanted, name).numpy(), atol=1e-5)

    softmax = detector.head.to_mapping()["activation"] == "softmax"
    assert softmax == (kind in ("detr", "yolos"))
    [published] = PUBLISHED[softmax].post_process_object_detection(
        SimpleNamespace(), wanted, threshold=0.2, target_sizes=[(480, 720)]
    )
    decoded = detector.head.decode(found, Wanted(0.2, 100))
    order = published["scores"].argsort(descending=True, stable=True).numpy()
    assert len(order) > 0
    assert len(order) == len(decoded.scores) or len(order) == model.config.num_queries
    count = len(order)
    np.testing.assert_allclose(decoded.scores[:count], published["scores"][order], atol=1e-4)
    np.testing.assert_array_equal(decoded.labels[:count], published["labels"][order])
    boxes = decoded.unit[:count] * [720, 480, 720, 480]
    np.testing.assert_allclose(boxes, published["boxes"][order], atol=0.1)


@pytest.mark.parametrize("kind", ["rt_detr", "yolos", "rf_detr"])
def test_larger_inputs_are_clean_too(public, kind) -> None:
    """Where the centres of cells come close to the border, masks of infinity appear."""
    detector = open_detector(str(public(kind)[0]), DetectorOptions(input_hw=(64, 416)))
    assert check_model(detector.model, "detector") == []


def test_what_the_folder_says(public) -> None:
    folder, _ = public("yolos")
    detector = open_detector(str(folder), OPTIONS)
    assert detector.names == ("car", "person", "sign")
    assert detector.source["file"] == folder.name
    assert len(detector.source["sha256"]) == 64
    np.testing.assert_allclose(detector.image.mean, (123.675, 116.28, 103.53))


@pytest.fixture
def copy(public, tmp_path: Path):
    """``copy(kind, **config)``: a folder with other values in its configuration."""

    def make(kind: str = "yolos", **config: Any) -> Path:
        folder = tmp_path / "copy"
        shutil.copytree(public(kind)[0], folder)
        said = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(said | config))
        return folder

    return make


def test_pixels_as_its_processor_makes_them(copy) -> None:
    folder = copy()
    said = {"do_normalize": False, "rescale_factor": 1 / 255, "size": {"height": 64, "width": 96}}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    detector = open_detector(str(folder))
    assert detector.image.hw == HW
    np.testing.assert_allclose([*detector.image.mean, *detector.image.std], [0] * 3 + [255] * 3)
    said = {
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.2, 0.2],
        "size": {"longest_edge": 9},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    detector = open_detector(str(folder), OPTIONS)
    np.testing.assert_allclose(detector.image.mean, (127.5, 102, 76.5))
    np.testing.assert_allclose(detector.image.std, (51, 51, 51))
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5]}))
    with pytest.raises(CheckpointError, match=r"cannot read .*preprocessor_config.json"):
        open_detector(str(folder), OPTIONS)


def test_labels_of_ones_own(public, tmp_path: Path) -> None:
    folder, _ = public("yolos")
    labels = tmp_path / "labels.txt"
    labels.write_text("bus\ntram\ncone\n")
    own = DetectorOptions(input_hw=HW, labels=str(labels))
    assert open_detector(str(folder), own).names == ("bus", "tram", "cone")
    labels.write_text("bus\ntram\n")
    with pytest.raises(InputError, match=r"labels.txt has 2 names, the detector 3 classes"):
        open_detector(str(folder), own)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model_type": "vit"}, InputError, r"expected a detector \(detr, .*\) in .*, found 'vit'"),
        ({"model_type": None}, InputError, "found None"),
        ({"num_detection_tokens": "many"}, CheckpointError, "cannot load the detector"),
    ],
)
def test_folders_that_hold_something_else(copy, changes, error, message) -> None:
    with pytest.raises(error, match=message) as raised:
        open_detector(str(copy(**changes)), OPTIONS)
    assert "\n" not in str(raised.value)


def test_a_folder_that_is_incomplete(copy) -> None:
    folder = copy()
    weights = load_file(folder / "model.safetensors")
    for name in [name for name in weights if "encoder.layer.1" in name]:
        del weights[name]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"incomplete: \d+ tensors .* and \d+ more"):
        open_detector(str(folder), OPTIONS)
    (folder / "model.safetensors").write_bytes(b"junk" * 100)
    with pytest.raises(CheckpointError, match="cannot load the detector"):
        open_detector(str(folder), OPTIONS)


def test_nothing_there_and_no_way_to_the_hub(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sdk.hub.unreachable", lambda: "no network")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(EngineError, match=r"the hub cannot be reached \(no network\)") as raised:
        open_detector("somebody/nothing-of-the-kind")
    assert "\n" not in str(raised.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"expected a config.json with a model_type"):
        open_detector(str(tmp_path / "empty"))


def test_a_size_that_the_model_does_not_take(public) -> None:
    with pytest.raises(InputError, match=r"does not take an input of 60x90 .*--input-hw"):
        open_detector(str(public("rf_detr")[0]), DetectorOptions(input_hw=(60, 90)))


def timm_name(name: str) -> str:
    """What a ResNet's tensor in transformers' format is called by timm."""
    kinds = {"convolution": "conv", "normalization": "bn"}
    name = name.removeprefix("model.backbone.model.")
    parts = name.split(".")
    if parts[0] == "embedder":
        return f"{kinds[parts[2]]}1.{parts[3]}"
    start = f"layer{int(parts[2]) + 1}.{parts[4]}"
    if parts[5] == "shortcut":
        return f"{start}.downsample.{['convolution', 'normalization'].index(parts[6])}.{parts[7]}"
    return f"{start}.{kinds[parts[7]]}{int(parts[6]) + 1}.{parts[8]}"


@pytest.mark.parametrize("prefix", ["model.backbone.conv_encoder.model.", "model.backbone.model."])
def test_backbones_of_timm_without_timm(public, copy, prefix, monkeypatch) -> None:
    """DETR as it is published: the same tensors by timm's names."""
    _, model = public("detr")
    monkeypatch.setitem(RESNETS, "resnet18", ("basic", [1, 1, 1, 1], [8, 8, 16, 16]))
    said = {"use_timm_backbone": True, "backbone": "resnet18", "backbone_config": None}
    folder = copy("detr", **said)
    weights = {}
    for name, value in model.state_dict().items():
        inside = name.startswith("model.backbone.model.")
        weights[prefix + timm_name(name) if inside else name] = value.contiguous()
    assert f"{prefix}layer2.0.downsample.1.running_var" in weights
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    detector = open_detector(str(folder), OPTIONS)
    with torch.inference_mode():
        wanted = model(pixel_values=torch.from_numpy(pixels()))
    np.testing.assert_allclose(
        detector.original(pixels())["logits"], wanted.logits.numpy(), atol=1e-5
    )


def test_other_backbones_of_timm(copy) -> None:
    said = {"use_timm_backbone": True, "backbone": "convnext_tiny", "backbone_config": None}
    with pytest.raises(InputError, match=r"the backbone convnext_tiny .* is timm's"):
        open_detector(str(copy("detr", **said)), OPTIONS)


@pytest.mark.parametrize("shape", [(3, 5), (1, 7), (4, 1)])
def test_sampling_by_gather_is_grid_sample(shape) -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, *shape, generator=generator)
    grid = torch.rand(2, 6, 4, 2, generator=generator) * 3 - 1.5
    wanted = F.grid_sample(maps, grid, align_corners=False)
    before = F.grid_sample
    with sampling_by_gather():
        found = F.grid_sample(maps, grid, align_corners=False)
        with pytest.raises(EngineError, match="expected bilinear samples"):
            F.grid_sample(maps, grid, mode="nearest", align_corners=False)
    assert F.grid_sample is before
    torch.testing.assert_close(found, wanted)
