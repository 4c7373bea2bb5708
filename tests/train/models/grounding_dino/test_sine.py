"""Sine codes against those of transformers."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close
from transformers.models.mm_grounding_dino.modeling_mm_grounding_dino import (
    encode_sinusoidal_position_embedding,
)

from train.models.grounding_dino.sine import box_codes, token_codes


@pytest.mark.parametrize("width", [32, 96, 256])
def test_tokens(width: int) -> None:
    places = torch.arange(64)[:, None].float()
    expected = encode_sinusoidal_position_embedding(places, num_pos_feats=width)
    found = token_codes(64, width, torch.device("cpu"))
    assert found.shape == (64, width)
    assert_close(found, expected, atol=1e-4, rtol=0)  # of angles up to 400


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4)])
def test_boxes(shape: tuple[int, ...]) -> None:
    boxes = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    boxes[0] = torch.tensor([0.0, 1.0, 0.5, 0.25])
    expected = encode_sinusoidal_position_embedding(boxes, num_pos_feats=48)
    assert_close(box_codes(boxes, 96), expected, atol=2e-6, rtol=0)
