"""CLIP, SigLIP and SigLIP 2 of transformers say here what they say there."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from transformers.models.siglip2.image_processing_pil_siglip2 import convert_image_to_patches

from export.check.checking import check_model
from export.clip import open_clip
from sdk.errors import CheckpointError, EngineError, InputError
from sdk.regions.clip import TOKENIZER_FILE, Texts
from train.models.clip.networks import IMAGE, TEXT
from train.models.clip.public import KNOWN, TOKENIZER

SIDE, PATCH, TOKENS = 24, 8, 12  # as tests/fakes/public_clip.py has them
BATCH = 3
SENTENCES = ("the red car", "a van", "the white van left of the bus, behind the red car's van")


def image_features(kind: str, model: Any, crops: np.ndarray) -> Any:
    """What transformers says of normalised crops."""
    with torch.inference_mode():
        if kind != "siglip2":
            return model.get_image_features(torch.from_numpy(crops)).pooler_output.numpy()
        rows = np.stack([convert_image_to_patches(crop, PATCH) for crop in crops])
        shapes = torch.tensor([[SIDE // PATCH] * 2] * len(crops))
        return model.get_image_features(
            torch.from_numpy(rows), torch.ones(rows.shape[:2], dtype=torch.int64), shapes
        ).pooler_output.numpy()


@pytest.mark.parametrize("kind", KNOWN)
def test_networks_and_tokens_are_those_of_the_class(public_clip, kind, tmp_path) -> None:
    folder, model, tokenizer = public_clip(kind)
    found = open_clip(str(folder), BATCH)
    networks, sessions = found.networks([TEXT, IMAGE]), {}
    assert set(networks) == set(found.clip.signatures) == {IMAGE, TEXT}
    for name, graph in networks.items():
        assert check_model(graph, name) == []
        sessions[name] = onnxruntime.InferenceSession(graph.SerializeToString())
        shapes = {each.name: tuple(each.shape) for each in sessions[name].get_inputs()}
        found.clip.signatures[name].check(
            name, shapes, [each.name for each in sessions[name].get_outputs()]
        )

    crops = np.random.default_rng(0).normal(0, 1, (BATCH, 3, SIDE, SIDE)).astype(np.float32)
    [features] = sessions[IMAGE].run(None, {"crops": crops})
    np.testing.assert_allclose(features, image_features(kind, model, crops), atol=1e-4)
    np.testing.assert_allclose(
        found.original(IMAGE, {"crops": crops})["crop_features"], features, atol=1e-4
    )
    assert np.abs(features[0] - features[1]).max() > 0.01

    shutil.copy(found.tokenizer, tmp_path / TOKENIZER_FILE)
    texts = Texts(found.clip, tmp_path)
    for sentence in SENTENCES:
        theirs = tokenizer(
            sentence, padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt"
        )["input_ids"]
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            ids = texts.tokens(sentence)
        assert len(said) == (sentence == SENTENCES[2])
        np.testing.assert_array_equal(ids, theirs[0].numpy())
        [features] = sessions[TEXT].run(None, {"clip_tokens": ids[None]})
        with torch.inference_mode():
            wanted = model.get_text_features(theirs).pooler_output
        np.testing.assert_allclose(features, wanted.numpy(), atol=1e-4)


def test_what_the_cosines_mean(public_clip) -> None:
    """CLIP's softmax, SigLIP's sigmoid: the probabilities that transformers makes of its logits."""
    cosines = np.array([0.3, 0.1, -0.2])
    for kind in ("clip", "siglip"):
        folder, model, _ = public_clip(kind)
        clip = open_clip(str(folder), BATCH).clip
        scale = float(model.logit_scale.detach().exp())
        if kind == "clip":
            wanted = torch.softmax(scale * torch.from_numpy(cosines), 0).numpy()
        else:
            bias = float(model.logit_bias.detach())
            wanted = torch.sigmoid(scale * torch.from_numpy(cosines) + bias).numpy()
        np.testing.assert_allclose(clip.likelihood(cosines), wanted, rtol=1e-5)


@pytest.fixture
def copy(public_clip, tmp_path: Path) -> Callable[..., Path]:
    """``copy(kind)``: a folder of one's own."""

    def make(kind: str = "clip") -> Path:
        folder = tmp_path / "copy"
        shutil.copytree(public_clip(kind)[0], folder)
        return folder

    return make


def test_pixels_as_its_processor_makes_them(public_clip, copy) -> None:
    assert open_clip(str(public_clip("siglip")[0])).clip.image.mean == (127.5,) * 3
    folder = copy()
    assert open_clip(str(folder)).clip.image.hw == (SIDE, SIDE)
    said = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2] * 3, "size": {"shortest_edge": 9}}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    image = open_clip(str(folder)).clip.image
    np.testing.assert_allclose([*image.mean, *image.std], (127.5, 102, 76.5, 51, 51, 51))


def test_the_hash_knows_the_tokenizer(copy) -> None:
    folder = copy()
    before = open_clip(str(folder)).source
    (folder / TOKENIZER).write_text((folder / TOKENIZER).read_text() + "\n")
    assert open_clip(str(folder)).source["sha256"] != before["sha256"]
    assert before["file"] == "copy"


def test_without_a_tokenizer(copy) -> None:
    folder = copy()
    (folder / TOKENIZER).unlink()
    with pytest.raises(CheckpointError, match=r"has no tokenizer.json, without which"):
        open_clip(str(folder))
    (folder / TOKENIZER).write_text("{}")
    with pytest.raises(EngineError, match="cannot read the tokenizer"):
        open_clip(str(folder))


def test_the_tokenizer_of_another_model(public_clip, copy) -> None:
    folder = copy("clip")
    shutil.copy(public_clip("siglip2")[0] / TOKENIZER, folder / TOKENIZER)
    with pytest.raises(CheckpointError, match=r"is another model's: its tokens are 0 to"):
        open_clip(str(folder))


def test_padding_from_the_left_and_by_the_configuration(copy) -> None:
    folder = copy("siglip")
    said = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(said | {"padding_side": "left"}))
    clip = open_clip(str(folder)).clip
    assert (clip.pad_id, clip.pad_left) == (0, True)
    (folder / "tokenizer_config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="cannot read"):
        open_clip(str(folder))
    (folder / "tokenizer_config.json").unlink()
    assert (open_clip(str(folder)).clip.pad_id, clip.max_tokens) == (0, TOKENS)


def test_folders_that_hold_something_else(copy) -> None:
    folder = copy()
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(said | {"model_type": "detr"}))
    with pytest.raises(InputError, match=r"expected a CLIP \(clip, siglip, siglip2\).*'detr'"):
        open_clip(str(folder))
    (folder / "config.json").write_text("[")
    with pytest.raises(CheckpointError, match=r"expected a config.json with a model_type"):
        open_clip(str(folder))


def test_networks_that_no_file_holds(public_clip, monkeypatch) -> None:
    monkeypatch.setattr("export.clip._LARGEST", 10_000)
    with pytest.raises(EngineError, match=r"GiB of weights, an ONNX file takes 2 GiB"):
        open_clip(str(public_clip("clip")[0]))
