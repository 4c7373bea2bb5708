"""Adapters, the zoom that conditions them, and the tokenizer of models from scratch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from sdk.text import Tokenizer
from train.data.vocabulary import SPECIAL, write_tokenizer
from train.models.grounding_dino.grounder import PizaGrounder
from train.models.grounding_dino.layers import logit
from train.models.piza.adapters import AdapterPlus, ZoomEmbedding, sinusoid


def test_sinusoid_tells_all_progress_values_apart() -> None:
    """The 21 values that a search rounds to."""
    codes = sinusoid(torch.arange(21) / 20, 64)
    assert codes.shape == (21, 64)
    assert_close(codes[0], torch.tensor([0.0] * 32 + [1.0] * 32))
    distances = torch.cdist(codes, codes) + torch.eye(21)
    assert distances.min() > 0.01


def test_a_fresh_adapter_changes_little_and_ignores_the_zoom() -> None:
    torch.manual_seed(0)
    adapter = AdapterPlus(32, 8, 16)
    x, zoom = torch.randn(2, 5, 32), torch.randn(2, 1, 16)
    assert (adapter(x) - x).abs().max() < 0.05
    assert_close(adapter(x, zoom), adapter(x))
    assert torch.equal(adapter.scaling, torch.ones(32))


def test_an_adapter_is_its_formula() -> None:
    torch.manual_seed(0)
    adapter = AdapterPlus(32, 8, 16)
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter)
    x, zoom = torch.randn(2, 5, 32), torch.randn(2, 1, 16)
    hidden = x @ adapter.linear_down.weight.T + adapter.linear_down.bias
    hidden = 0.5 * hidden * (1 + torch.erf(hidden / 2**0.5))
    up = hidden @ adapter.linear_up.weight.T + adapter.linear_up.bias
    told = (zoom * zoom.sigmoid()) @ adapter.emb_proj.weight.T + adapter.emb_proj.bias
    expected = x + adapter.scaling * up + told
    assert_close(adapter(x, zoom), expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_progress_reaches_the_image_and_not_the_text(make_model, make_batch, config) -> None:
    model: PizaGrounder = make_model()
    batch = make_batch(config)
    text = model.encode_text(batch.ids, batch.segments, batch.positions)
    image = model.encode_image(batch.pixels)
    outputs = [
        model.ground(image, text, batch.segments, batch.positions, torch.full((2,), progress))
        for progress in (0.0, 0.0, 0.5)
    ]
    assert torch.equal(outputs[0].query_logits, outputs[1].query_logits)
    assert (outputs[0].location_logits - outputs[2].location_logits).abs().max() > 1e-3
    assert all(pair.adapter1.emb_proj is None for pair in model.text_adapters)
    assert all(pair.adapter2.emb_proj is not None for pair in model.adapters)


def test_zoom_embedding_has_the_authors_names() -> None:
    names = set(ZoomEmbedding(16).state_dict())
    assert names == {f"temb.dense.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")}


def test_logit_stays_away_from_both_ends() -> None:
    unit = torch.tensor([0.0, 1e-9, 0.25, 0.5, 1.0])
    expected = torch.log(torch.tensor([1e-3, 1e-3, 1 / 3, 1.0, 1e3]))
    assert_close(logit(unit, 1e-3), expected, atol=1e-4, rtol=1e-4)


def test_tokenizer_knows_whole_words_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "tokenizer.json"
    write_tokenizer(["car", "red", "car", "."], path)
    tokenizer = Tokenizer.from_file(path, 12)
    assert tokenizer.vocabulary_size == len(SPECIAL) + 2
    tokens = tokenizer.encode("Red  CAR, redcar")
    assert tokens.ref == "red car, redcar ."
    assert tokens.unknown == ("redcar",)
    first = path.read_bytes()
    write_tokenizer(["red", "car"], path)
    assert path.read_bytes() == first


@pytest.mark.parametrize("levels", [2, 3])
def test_image_features_have_the_shapes_that_the_constants_have(
    make_config, make_model, levels: int
) -> None:
    model = make_model(make_config({"num_feature_levels": levels}))
    for height, width in ((64, 96), (65, 97), (33, 130), (352, 640)):
        constants = model.constants(torch.device("cpu"), (height, width))
        count = sum(h * w for h, w in constants.shapes)
        with torch.inference_mode():
            features = model.encode_image(torch.zeros(1, 3, height, width))
        assert features.shape[1] == count
        assert constants.position.shape == (count, 32)
        assert constants.centres.shape == (count, 2)
        assert constants.proposals.shape == (count, 4)
        assert torch.isfinite(constants.proposals).all()
