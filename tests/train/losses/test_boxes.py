"""The loss terms of heads that say one box."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from train.losses.boxes import noise_terms, pixel_terms, regression_terms


def boxes(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)


def test_pixels_by_their_mean_square() -> None:
    found, wanted = boxes((0, 0, 10, 10), (5, 5, 5, 5)), boxes((0, 0, 10, 14), (5, 7, 5, 5))
    assert pixel_terms(found, wanted)["pixels"].item() == pytest.approx((16 + 4) / 8)


def test_noise_by_huber() -> None:
    found, wanted = torch.zeros(1, 4), boxes((0.5, -0.5, 3.0, 0.0))
    assert noise_terms(found, wanted)["noise"].item() == pytest.approx((0.125 * 2 + 2.5) / 4)


def test_regression_is_zero_for_the_same_box_alone() -> None:
    same = boxes((0.5, 0.5, 0.2, 0.2))
    for term in regression_terms(same, same).values():
        assert term.item() == pytest.approx(0, abs=1e-6)
    terms = regression_terms(same, boxes((0.5, 0.5, 0.4, 0.2)))
    assert terms["box"].item() == pytest.approx(0.2)
    assert terms["giou"].item() == pytest.approx(0.5)
