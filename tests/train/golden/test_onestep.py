"""One forward pass against that of the published implementation, on its weights and its pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.testing import assert_close

from sdk.text import Tokenizer, Tokens
from train.evaluation import published
from train.models.grounding_dino.config import MEAN, STD
from train.models.grounding_dino.grounder import PizaGrounder, Prediction
from train.models.grounding_dino.networks import ranked

CASES = ("A_d64", "A_d256", "B_d64", "C_d64")
FEATURES = {"atol": 5e-5, "rtol": 1e-5}
LOGITS = {"atol": 1e-4, "rtol": 0.0}
Arrays = dict[str, NDArray]


@dataclass
class Step:
    """What is expected, and what our model gives for the same input; hooks see the insides."""

    expected: Arrays
    about: dict
    model: PizaGrounder
    tokens: Tokens
    pixels: Tensor
    maps: tuple[Tensor, ...]
    text: Tensor
    image: Tensor
    prediction: Prediction
    seen: dict[str, list[Tensor]]

    def assert_close(self, found: Tensor, name: str, **tolerance: float) -> None:
        expected = torch.from_numpy(self.expected[name])
        assert_close(found.reshape(expected.shape), expected, **tolerance)


def arrays(golden: Path, case: str) -> Arrays:
    """A case's arrays; those that it shares with A are stored there alone."""
    own = dict(np.load(golden / f"onestep_{case}.npz"))
    shared = np.load(golden / "onestep_A_d64.npz")
    return {name: shared[name] for name in ("input", "input_rgb_u8")} | own


@torch.inference_mode()
def run(model: PizaGrounder, tokenizer: Tokenizer, expected: Arrays, about: dict) -> Step:
    tokens = tokenizer.encode_prompt(published.prompt(about["text"]))
    count = len(expected["input_ids"])
    assert (tokens.segments > 0).sum() == count
    ids, segments, positions = (
        torch.from_numpy(row[None, :count].astype(np.int64))
        for row in (tokens.ids, tokens.segments, tokens.positions)
    )
    pixels = torch.from_numpy(expected["input"])
    layers, decoder = model.base.model.encoder.layers, model.base.model.decoder
    watched = {
        "memory": [layer.deformable_layer.final_layer_norm for layer in layers],
        "memory_text": [layer.text_enhancer_layer.layer_norm_after for layer in layers],
        "hidden": [decoder.layer_norm],
    }
    seen: dict[str, list[Tensor]] = {name: [] for name in watched}
    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: seen[name].append(out))
        for name, modules in watched.items()
        for module in modules
    ]
    maps = model.base.model.backbone.conv_encoder.model(pixels).feature_maps
    text = model.encode_text(ids, segments, positions)
    image = model.encode_image(pixels)
    progress = torch.from_numpy(expected["zoom"])
    size = tuple(pixels.shape[-2:])
    prediction = model.ground(image, text, segments, positions, progress, size)
    for hook in hooks:
        hook.remove()
    return Step(expected, about, model, tokens, pixels, maps, text, image, prediction, seen)


@pytest.fixture(scope="module", params=CASES)
def step(request: pytest.FixtureRequest, golden: Path, golden_checkpoint: Callable) -> Step:
    about = json.loads((golden / "onestep.json").read_text())[f"onestep_{request.param}"]
    model, tokenizer = golden_checkpoint(int(request.param.split("_d")[1]))
    return run(model, tokenizer, arrays(golden, request.param), about)


def test_golden_prompt(step: Step) -> None:
    """The rule of the prompt, its words, and who attends whom: [CLS] and [SEP] themselves alone."""
    expected, tokens = step.expected, step.tokens
    count = len(expected["input_ids"])
    assert published.prompt(step.about["text"]) == step.about["prompt"]
    assert np.array_equal(tokens.ids[:count], expected["input_ids"])
    assert np.array_equal(tokens.positions[:count], expected["text_position_ids"])
    attends = tokens.attention[:count, :count]
    assert np.array_equal(attends, expected["text_block_mask"])
    assert attends[0].sum() == attends[-1].sum() == 1


def test_golden_pixels(step: Step) -> None:
    normalised = (step.expected["input_rgb_u8"] - np.float32(MEAN)) / np.float32(STD)
    step.assert_close(torch.from_numpy(normalised).permute(2, 0, 1), "input", atol=1e-6, rtol=0)


def test_golden_backbone_and_neck(step: Step) -> None:
    """Swin with windows that do not divide the maps; odd sizes, rounded up at every level."""
    shapes = step.model.constants(torch.device("cpu"), tuple(step.pixels.shape[-2:])).shapes
    assert np.array_equal(shapes, step.expected["spatial_shapes"])
    sizes = [h * w for h, w in shapes]
    assert np.array_equal(np.cumsum([0, *sizes[:-1]]), step.expected["level_start_index"])
    for index, found in enumerate(step.maps):
        if f"backbone_out_{index}" in step.expected:
            step.assert_close(found, f"backbone_out_{index}", **FEATURES)
    levels = step.image.split(sizes, dim=1)
    for index in (2, 3):
        if f"neck_out_{index}" in step.expected:
            found = levels[index].transpose(1, 2)
            step.assert_close(found, f"neck_out_{index}", **FEATURES)


def test_golden_text(step: Step) -> None:
    step.assert_close(step.text, "text_embedded", **FEATURES)


@torch.inference_mode()
def test_golden_positions(step: Step) -> None:
    if "pos_embed_every8" not in step.expected:
        pytest.skip("stored with another case")
    constants = step.model.constants(torch.device("cpu"), tuple(step.pixels.shape[-2:]))
    found = constants.position + step.model.base.model.level_embed[constants.level]
    step.assert_close(found[::8], "pos_embed_every8", atol=1e-5, rtol=0)


def test_golden_encoder(step: Step) -> None:
    """Image and text features of the first layer and of the last."""
    first, last = step.seen["memory"]
    if "enc_layer0_memory_every8" in step.expected:
        step.assert_close(first[:, ::8], "enc_layer0_memory_every8", **FEATURES)
    if "memory" in step.expected:
        step.assert_close(last, "memory", **FEATURES)
    else:
        step.assert_close(last[:, ::8], "memory_every8", **FEATURES)
    first, last = step.seen["memory_text"]
    step.assert_close(first, "enc_layer0_memory_text", **FEATURES)
    step.assert_close(last, "memory_text", **FEATURES)


def test_golden_proposals(step: Step) -> None:
    """The locations that queries start from, in the order that pairs them with embeddings."""
    best = step.prediction.location_logits.amax(-1)
    step.assert_close(best, "enc_cls_max", **LOGITS)
    order = best.topk(step.model.config.base["num_queries"], dim=1).indices
    assert np.array_equal(order, step.expected["topk_indices"])
    start = torch.from_numpy(step.expected["references"][0])
    boxes = torch.gather(step.prediction.location_boxes, 1, order[..., None].expand(-1, -1, 4))
    assert_close(boxes, start, atol=1e-5, rtol=0)


def test_golden_decoder(step: Step) -> None:
    step.assert_close(torch.stack(step.seen["hidden"]), "dec_hidden", **FEATURES)
    logits, boxes = step.prediction.query_logits, step.prediction.query_boxes
    step.assert_close(logits[0], "cls_logits_layer0", **LOGITS)
    step.assert_close(logits[-1], "cls_logits", **LOGITS)
    step.assert_close(boxes[0], "boxes_cxcywh_layer0", atol=1e-5, rtol=0)
    step.assert_close(boxes[-1], "boxes_cxcywh", atol=1e-5, rtol=0)


def test_golden_detections(step: Step) -> None:
    """Scores over all tokens, [CLS] and [SEP] too, best first; boxes in pixels of the input."""
    height, width = step.pixels.shape[-2:]
    boxes, scores = (part[0].numpy() for part in ranked(step.prediction))
    found = published.in_frame(boxes, (width, height), (0, 0, width, height))
    step.assert_close(torch.from_numpy(scores), "det_scores", atol=1e-5, rtol=0)
    step.assert_close(torch.from_numpy(found), "det_boxes_xyxy", atol=0.01, rtol=0)
    assert found[0] == pytest.approx(step.about["top1_box_xyxy_px"], abs=0.01)


@torch.inference_mode()
def test_golden_history(step: Step) -> None:
    history = torch.from_numpy(step.expected["box_history"])[None]
    stop, progress = step.model.history(history, torch.ones(history.shape[:2], dtype=torch.bool))
    step.assert_close(stop.sigmoid(), "eos_prob", atol=1e-5, rtol=0)
    step.assert_close(progress, "zoom_raw", atol=1e-5, rtol=0)
    embedding = step.model.zoom_embedding(torch.from_numpy(step.expected["zoom"]))
    step.assert_close(embedding, "zoom_emb", atol=1e-5, rtol=0)
