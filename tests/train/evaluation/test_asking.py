"""Trained models, asked as engines are."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from sdk.errors import InputError
from sdk.geometry import contains
from train.evaluation.asking import Searcher, open_grounder
from train.families.piza import history_weights, in_memory


def test_the_search_runs_in_pytorch(make_model, config, tokenizer_file) -> None:
    """Windows are nested and in the frame, the policy is the config's."""
    model = make_model()
    searcher = Searcher(in_memory(model, tokenizer_file))
    frame = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    found = searcher(frame, "the red car")
    assert 1 <= len(found.zooms) <= config.max_steps
    assert tuple(found.zooms[0].window_xyxy) == (0, 0, 320, 240)
    for outer, inner in itertools.pairwise(found.zooms):
        assert contains(outer.window_xyxy, inner.window_xyxy, 0.01)
    again = Searcher(in_memory(model, tokenizer_file))(frame, "the red car")
    np.testing.assert_array_equal(found.zooms[-1].xyxy, again.zooms[-1].xyxy)
    assert model.config.zoom_policy().max_steps == config.max_steps
    assert history_weights(model).keys() == model.history.state_dict().keys()


@torch.inference_mode()
def test_windows_are_encoded_once(make_model: Callable, tokenizer_file) -> None:
    """Two sentences share the frame's features; another frame is looked at anew."""
    model = make_model()
    locator, windows = open_grounder(in_memory(model, tokenizer_file)), []
    encode = model.encode_image
    model.encode_image = lambda pixels: windows.append(pixels) or encode(pixels)
    frame = np.random.default_rng(0).integers(0, 255, (60, 100, 3), np.uint8)
    first, again = locator.locate(frame, ["the red car", "the red car"])
    once = len(windows)
    assert once == len({zoom.window_xyxy.tobytes() for zoom in first.zooms})
    np.testing.assert_array_equal(first.xyxy, again.xyxy)
    locator.locate(frame.copy(), ["the red car"])
    assert len(windows) == 2 * once


def test_a_checkpoint_that_knows_no_word(make_model: Callable, tokenizer_file) -> None:
    frame = np.zeros((60, 100, 3), np.uint8)
    locator = open_grounder(in_memory(make_model(), tokenizer_file))
    (answer,) = locator.locate(frame, ["zzyzx qwertz"])
    assert (answer.found, answer.score, answer.xyxy, answer.zooms) == (False, 0.0, None, ())
    with pytest.raises(InputError, match="at most 64 tokens"):
        locator.locate(frame, ["the car " * 60])


def test_a_checkpoint_finds_what_reaches_its_threshold(
    make_model: Callable, make_config, tokenizer_file
):
    frame = np.zeros((60, 100, 3), np.uint8)
    for threshold, found in ((0.0, True), (1.0, False)):
        locator = open_grounder(
            in_memory(make_model(make_config(calibration={"threshold": threshold})), tokenizer_file)
        )
        [answer] = locator.locate(frame, ["the red car"])
        assert answer.found is found
        assert answer.xyxy is not None
