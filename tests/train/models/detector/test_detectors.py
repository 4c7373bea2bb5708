"""Small detectors: what they say is what their heads read, and what their folders keep."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForObjectDetection

from sdk.errors import CheckpointError, InputError
from sdk.regions.heads import Wanted
from train.models.detector.checkpoint import (
    CONFIG,
    WEIGHTS,
    load_detector,
    make_detector,
    save_detector,
)
from train.models.detector.config import KINDS, DetectorConfig, is_ours, read_config

HW = (64, 96)
OURS = ("ssd", "yolo")
PIXELS = torch.randn(2, 3, *HW, generator=torch.Generator().manual_seed(1))


def detector(kind: str, seed: int = 0, **changes) -> torch.nn.Module:
    torch.manual_seed(seed)
    config = DetectorConfig(kind, ("car", "sign", "bus"), HW, width=32)
    return make_detector(replace(config, **changes)).eval()


def said(model: torch.nn.Module, pixels: torch.Tensor = PIXELS) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        outputs = model.answer(pixels)
    return {name: each.numpy() for name, each in zip(model.head.outputs, outputs, strict=True)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_head_reads_the_boxes_that_are_trained(kind) -> None:
    model = detector(kind)
    outputs = {name: value[:1] for name, value in said(model).items()}
    found = model.head.decode(outputs, Wanted(0.0, 10_000))
    assert found.labels.max() < 3
    with torch.inference_mode():
        raw = model(PIXELS[:1])
    if kind == "ssd":  # a box that is moved nowhere is its anchor
        boxes = raw.anchors
        assert raw.offsets.shape == (1, *boxes.shape)
    else:
        boxes = raw.boxes[0] if kind == "yolo" else raw.boxes[-1, 0]
    centres = (found.unit[:, :2] + found.unit[:, 2:]) / 2
    apart = np.abs(centres[:, None] - boxes[None, :, :2].numpy()).max(axis=2).min(axis=1)
    assert apart.max() < (2e-3 if kind == "ssd" else 1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_a_batch_do_not_see_each_other(kind) -> None:
    model = detector(kind)
    for name, value in said(model).items():
        alone = said(model, PIXELS[1:])[name]
        np.testing.assert_allclose(value[1:], alone, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns(kind) -> None:
    model = detector(kind).train()
    found = model(PIXELS)
    if kind == "detr":
        total = found.logits.sum() + found.boxes.square().sum()
        total = total + found.dense.logits.sum() + found.dense.boxes.square().sum()
    else:
        boxes = found.offsets if kind == "ssd" else found.boxes
        total = found.logits.sum() + boxes.square().sum()
    total.backward()
    # Attention is uniform at first, and samples where it is told to: what decides both waits.
    still = [name for name, each in model.named_parameters() if each.grad is None]
    assert not still


@pytest.mark.parametrize("kind", OURS)
def test_a_folder_keeps_a_detector(kind, tmp_path: Path) -> None:
    model = detector(kind)
    save_detector(tmp_path, model)
    assert {path.name for path in tmp_path.iterdir()} == {CONFIG, WEIGHTS}
    again = load_detector(tmp_path)
    assert again.config == model.config == read_config(tmp_path / CONFIG)
    assert is_ours(tmp_path / CONFIG)
    for name, value in said(model).items():
        np.testing.assert_array_equal(said(again)[name], value)
    larger = load_detector(tmp_path, (96, 128))
    assert larger.head.input_hw == larger.config.input_hw == (96, 128)
    assert said(larger, torch.zeros(1, 3, 96, 128))
    with pytest.raises(InputError, match=r"multiples of 32 px, got 100x128"):
        load_detector(tmp_path, (100, 128))


def test_a_detr_is_one_of_transformers(tmp_path: Path) -> None:
    model = detector("detr")
    save_detector(tmp_path, model)
    assert not is_ours(tmp_path / CONFIG)
    again = AutoModelForObjectDetection.from_pretrained(tmp_path)
    assert again.config.id2label == {0: "car", 1: "sign", 2: "bus"}
    with torch.inference_mode():
        found = again(pixel_values=PIXELS)
    wanted = said(model)
    np.testing.assert_allclose(found.logits.numpy(), wanted["logits"], atol=1e-5)
    np.testing.assert_allclose(found.pred_boxes.numpy(), wanted["pred_boxes"], atol=1e-5)


def test_bfloat16_does_not_move_the_places_of_a_detr() -> None:
    model = detector("detr")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        rough = model(PIXELS)
    with torch.inference_mode():
        exact = model(PIXELS)
    assert rough.dense.boxes.dtype == torch.float32
    torch.testing.assert_close(rough.dense.boxes, exact.dense.boxes, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": []}, "'labels'"),
        ({"labels": "car"}, "'labels'"),
        ({"input_hw": [64, 100]}, "'input_hw' to be multiples of 32"),
        ({"input_hw": [64]}, "'input_hw'"),
        ({"width": 0}, "'width'"),
        ({"std": [1, 0, 1]}, "'std'"),
        ({"model_type": "piza-mask"}, "'model_type'"),
        ({"width": 64}, "do not fit"),
    ],
)
def test_folders_that_make_no_sense(tmp_path: Path, changes, message) -> None:
    save_detector(tmp_path, detector("yolo"))
    stored = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(stored | changes))
    with pytest.raises(CheckpointError, match=message) as raised:
        load_detector(tmp_path)
    assert "\n" not in str(raised.value)


def test_weights_that_are_incomplete_or_damaged(tmp_path: Path) -> None:
    save_detector(tmp_path, detector("ssd"))
    weights = load_file(tmp_path / WEIGHTS)
    del weights["logits.0.weight"]
    save_file(weights, tmp_path / WEIGHTS)
    with pytest.raises(CheckpointError, match="do not fit"):
        load_detector(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"junk" * 100)
    with pytest.raises(CheckpointError, match="cannot read"):
        load_detector(tmp_path)
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(CheckpointError, match="cannot read the detector's configuration"):
        load_detector(tmp_path)
    assert not is_ours(tmp_path / CONFIG)
    assert not is_ours(tmp_path / "nothing")
