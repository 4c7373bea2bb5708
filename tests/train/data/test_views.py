"""Views: the light of a sample changes its pixels as said, and never their hue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sdk.preprocess import network_input
from train.data.views import View, lit, pixels_of, random_view

PLAIN = View(0, np.array([0.0, 0.0, 640.0, 480.0]), 1.0, 0.0, 0.0, 0.0, 7)


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)


def test_a_plain_view_is_the_networks_input(config, frame) -> None:
    for window in ((0.0, 0.0, 640.0, 480.0), (10.5, 20.0, 200.0, 90.25)):
        view = replace(PLAIN, window=np.array(window))
        expected = network_input(frame, window, config.input_hw, config.mean, config.std)[0]
        np.testing.assert_array_equal(pixels_of(frame, view, config), expected)


def test_gain_and_offset(config, frame) -> None:
    plain = pixels_of(frame, PLAIN, config)
    changed = pixels_of(frame, replace(PLAIN, gain=1.1, offset=-0.1), config)
    np.testing.assert_allclose(changed, plain * 1.1 - 0.1, atol=1e-5)


def test_softening_shares_with_neighbours(config) -> None:
    """A point becomes a cross that weighs the same; a grey picture stays as it is."""
    point = torch.zeros(1, 3, 7, 7)
    point[..., 3, 3] = 1.0
    soft = lit(point, torch.tensor([[1.0, 0.0, 0.1, 0.0]]), None)[0, 0]
    assert soft.sum().item() == pytest.approx(1.0)
    assert soft[3, 3].item() == pytest.approx(0.8**2)
    assert [soft[3, 2].item(), soft[4, 3].item()] == pytest.approx([0.1 * 0.8] * 2)
    assert soft[2, 2].item() == pytest.approx(0.01)
    grey = torch.full((1, 3, 5, 5), 0.5)
    torch.testing.assert_close(lit(grey, torch.tensor([[1.0, 0.0, 0.1, 0.0]]), None), grey)


def test_noise_is_the_same_each_time(config, frame) -> None:
    noisy = replace(PLAIN, noise=0.1)
    one, again = pixels_of(frame, noisy, config), pixels_of(frame, noisy, config)
    np.testing.assert_array_equal(one, again)
    noise = one - pixels_of(frame, PLAIN, config)
    assert noise.std() == pytest.approx(0.1, rel=0.05)
    assert abs(noise.mean()) < 0.01
    other = pixels_of(frame, replace(noisy, seed=8), config)
    assert not np.array_equal(one, other)


def test_colours_vary_in_strength_but_not_in_hue(config) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[:] = (40, 80, 200)
    mean, std = np.array(config.mean), np.array(config.std)
    plain = (np.array([200, 80, 40]) - mean) / std  # RGB
    rng = np.random.default_rng(0)
    for _ in range(8):
        view = replace(random_view(3, PLAIN.window, rng), noise=0.0)
        middle = pixels_of(frame, view, config)[:, 32, 48]
        slope = (middle[0] - middle[2]) / (plain[0] - plain[2])
        assert 0.85 <= slope <= 1.15
        shift = middle - plain * slope
        np.testing.assert_allclose(shift, shift.mean(), atol=1e-3)  # as exact as crops are


def test_views_vary() -> None:
    rng = np.random.default_rng(0)
    views = [random_view(3, PLAIN.window, rng) for _ in range(200)]
    assert {view.number for view in views} == {3}
    for name in ("soft", "noise"):
        share = np.mean([getattr(view, name) > 0 for view in views])
        assert 0.15 < share < 0.45
    assert len({view.seed for view in views}) == 200


def test_a_disguise_changes_what_the_frame_shows_alone(config, frame) -> None:
    """Around the content of the letterbox there is nothing, as before; the frame stays whole."""
    before, objects = frame.copy(), np.array([[10.0, 10.0, 60.0, 50.0]])
    tall = np.array([100.0, 0.0, 200.0, 480.0])
    plain = replace(PLAIN, window=tall)
    shown = pixels_of(frame, plain, config)
    seen = [pixels_of(frame, replace(plain, objects=objects, seed=k), config) for k in (1, 1, 2)]
    np.testing.assert_array_equal(seen[0], seen[1])
    assert (seen[0] != seen[2]).any()
    empty = (shown == 0).all((0, 1))
    assert 0 < empty.sum() < len(empty)
    assert not seen[0][..., empty].any()
    assert (np.abs(seen[0] - shown)[..., ~empty] > 0.01).mean() > 0.5
    np.testing.assert_array_equal(frame, before)
