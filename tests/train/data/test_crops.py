"""Crops as products of matrices equal the one path from windows to the network's input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sdk.preprocess import network_input
from train.data.crops import crop

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def both(
    frames: np.ndarray, windows: np.ndarray, input_hw: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    found = crop(torch.from_numpy(frames), windows, input_hw, MEAN, STD).numpy()
    expected = [
        network_input(frame, window, input_hw, MEAN, STD)[0]
        for frame, window in zip(frames, windows, strict=True)
    ]
    return found, np.stack(expected)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("input_hw", [(64, 96), (96, 64), (35, 200), (1, 1)])
def test_random_windows(seed: int, input_hw: tuple[int, int]) -> None:
    """Wide and tall, smaller and larger than the input, down to less than a pixel."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(20, 200, 2)
    frames = rng.integers(0, 256, (5, height, width, 3), np.uint8)
    low = rng.uniform(0, 0.9, (5, 2)) * (width, height)
    high = low + rng.uniform(0.02, 1, (5, 2)) * ((width, height) - low)
    found, expected = both(frames, np.concatenate([low, high], axis=1), input_hw)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize(
    "window",
    [
        (0, 0, 192, 108),
        (0, 0, 192, 1),
        (191, 107, 192, 108),
        (100.25, 50.5, 100.75, 51),
        (0, 0, 0.5, 108),
    ],
)
def test_windows_at_the_border(window: tuple[float, ...]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 108, 192, 3), np.uint8)
    found, expected = both(frames, np.array([window], np.float64), (36, 64))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_half_precision_is_right_to_a_quarter_of_a_grey_level() -> None:
    """What a GPU computes in, on frames as large as the scenes are."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 1080, 1920, 3), np.uint8)
    windows = np.array([[0.0, 0, 1920, 1080], [1500.3, 700.7, 1871.9, 1001.2]])
    _, expected = both(frames, windows, (44, 80))
    half = torch.float16
    found = crop(torch.from_numpy(frames), windows, (44, 80), MEAN, STD, half).numpy()
    np.testing.assert_allclose(found, expected, atol=0.25 / min(STD))


def test_beside_the_content_there_is_nothing() -> None:
    frames = np.full((1, 40, 40, 3), 255, np.uint8)
    found, _ = both(frames, np.array([[0.0, 0, 40, 40]]), (20, 60))
    assert not found[..., :20].any()
    assert not found[..., 40:].any()
    assert (found[..., 20:40] > 1).all()


def test_channels_come_in_rgb_order() -> None:
    frames = np.zeros((1, 10, 10, 3), np.uint8)
    frames[..., 2] = 200  # red, in BGR
    found, _ = both(frames, np.array([[0.0, 0, 10, 10]]), (10, 10))
    assert (found[0, 0] > 1).all()
    assert (found[0, 1:] < -1).all()
