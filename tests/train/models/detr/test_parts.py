"""Backbones, places, layers: what MDETR and TransVG are made of."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from sdk.errors import CheckpointError
from sdk.letterbox import Letterbox
from train.models.backbones.efficientnet import EfficientNet, SameConv2d
from train.models.backbones.resnet import ResNet
from train.models.detr import places
from train.models.detr.config import EFFICIENTNET_B3, RESNET50, make_backbone
from train.models.detr.layers import Attention, DecoderLayer, EncoderLayer
from train.models.detr.text import TextEncoder
from train.models.grounding_dino.layers import padding_bias
from train.models.mdetr.config import MdetrConfig, mdetr_tiny
from train.models.transvg.config import TransvgConfig, transvg_tiny

STAGES = ((1, 8, 1, 3, 1), (6, 8, 2, 3, 2), (6, 16, 1, 5, 2))


@given(height=st.integers(33, 90), width=st.integers(33, 90))
def test_maps_round_up(height: int, width: int) -> None:
    pixels = torch.zeros(1, 3, height, width)
    for body in (ResNet(4, (4, 4, 4), (1, 1, 1)), EfficientNet(8, STAGES)):
        with torch.inference_mode():
            found = body.eval()(pixels)
        stride = body.stride
        assert found.shape == (1, body.channels, -(-height // stride), -(-width // stride))


def test_padding_as_tensorflow_has_it() -> None:
    """Where one more is needed than there are sides, it is at the right and at the bottom."""
    conv = SameConv2d(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(conv.weight)
    found = conv(torch.arange(16.0).reshape(1, 1, 4, 4))
    assert found.flatten().tolist() == [45.0, 39.0, 66.0, 50.0]


def test_published_backbones() -> None:
    with torch.device("meta"):
        resnet, efficientnet = make_backbone(RESNET50), make_backbone(EFFICIENTNET_B3)
    assert (resnet.channels, resnet.stride) == (2048, 32)
    assert (efficientnet.channels, efficientnet.stride) == (384, 32)


@pytest.mark.parametrize(
    "said", [{}, {"kind": "vgg"}, {"kind": "resnet"}, {"kind": "resnet", "stem": 8, "planes": [8]}]
)
def test_a_backbone_that_is_none(said) -> None:
    with pytest.raises(CheckpointError, match="no image backbone"):
        make_backbone(said)


@given(width=st.integers(20, 400), height=st.integers(20, 400))
def test_padding_is_known_from_the_pixels(width: int, height: int) -> None:
    """Of a letterboxed frame the cells whose corner lies in the content are shown."""
    fitted = Letterbox((0, 0, width, height), (64, 96))
    (content_w, content_h), (left, top) = fitted.content_wh, fitted.offset_xy
    pixels = torch.zeros(1, 3, 64, 96)
    pixels[:, :, top : top + content_h, left : left + content_w] = -0.02
    shown = places.shown(pixels, (4, 6))[0]
    for row in range(4):
        for column in range(6):
            inside = top <= 16 * row < top + content_h and left <= 16 * column < left + content_w
            assert shown[row, column] == inside


def test_places_count_what_is_shown() -> None:
    """The same content has the same places wherever it lies in the canvas; they end in a turn."""
    small = torch.ones(1, 3, 4)
    whole = places.codes(small, 16).reshape(3, 4, 16)
    canvas = torch.zeros(1, 5, 8)
    canvas[:, 1:4, 2:6] = 1
    shifted = places.codes(canvas, 16).reshape(5, 8, 16)[1:4, 2:6]
    assert_close(shifted, whole)
    assert_close(whole[-1, :, 0], torch.full((4,), 2 * torch.pi).sin(), atol=1e-5, rtol=0)


@torch.no_grad()
def test_attention_is_the_same_in_training() -> None:
    torch.manual_seed(0)
    attention = Attention(16, 4)
    query, key, bias = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.zeros(2, 1, 1, 7)
    bias[1, ..., 4:] = -1e4
    trained = attention.train()(query, key, key, bias)
    assert_close(attention.eval()(query, key, key, bias), trained, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_layers_do_not_hear_what_is_masked() -> None:
    torch.manual_seed(0)
    encoder, decoder = EncoderLayer(16, 4, 24).eval(), DecoderLayer(16, 4, 24).eval()
    x, placed = torch.randn(1, 6, 16), torch.randn(1, 6, 16)
    bias = padding_bias(torch.tensor([[1, 1, 1, 1, 0, 0]]))
    other = x.clone()
    other[:, 4:] = 9.0
    assert_close(encoder(x, placed, bias)[:, :4], encoder(other, placed, bias)[:, :4])
    query, asked = torch.zeros(1, 3, 16), torch.randn(1, 3, 16)
    found, same = (decoder(query, asked, m, m + placed, bias) for m in (x, other))
    assert_close(found, same)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@torch.no_grad()
def test_text_does_not_hear_padding(kind: str) -> None:
    torch.manual_seed(0)
    small = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    encoder = TextEncoder({"model_type": kind, **small, "intermediate_size": 16}).eval()
    ids, mask = torch.tensor([[2, 5, 6, 3, 1, 1]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
    whole = encoder(ids, mask)
    assert_close(whole[:, :4], encoder(ids[:, :4], mask[:, :4]))
    assert encoder.width == 16


def test_a_text_encoder_that_is_none() -> None:
    with pytest.raises(CheckpointError, match="bert, roberta, got gpt"):
        TextEncoder({"model_type": "gpt"})


@pytest.mark.parametrize("config", [mdetr_tiny(99), transvg_tiny(99)])
def test_a_configuration_is_read_as_it_was_written(config, tmp_path) -> None:
    config.save(tmp_path / "config.json")
    assert type(config).load(tmp_path / "config.json") == config
    other = TransvgConfig if isinstance(config, MdetrConfig) else MdetrConfig
    with pytest.raises(CheckpointError, match=f"not the configuration of a {other.METHOD} model"):
        other.load(tmp_path / "config.json")
    with pytest.raises(CheckpointError, match="threshold"):
        dataclasses.replace(config, calibration={})
