"""What networks say, in the order of its worth."""

from __future__ import annotations

import pytest
import torch

from sdk.errors import CheckpointError
from sdk.families.piza import grid_levels
from sdk.zoom.claims import locations
from train.families.piza import in_memory
from train.models.grounding_dino.grounder import Prediction
from train.models.grounding_dino.networks import networks, ranked

TWO_LAYERS = {"encoder_layers": 2}


def test_candidates_come_best_first() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1, 5, 7, generator=generator)
    boxes = torch.rand(2, 1, 5, 4, generator=generator)
    found, scores = ranked(Prediction(logits[0], boxes[0], logits, boxes))
    assert found.shape == (1, 5, 4)
    assert scores[0].tolist() == sorted(scores[0].tolist(), reverse=True)
    best = logits[-1, 0].amax(-1).argmax()
    assert scores[0, 0] == logits[-1, 0, best].max().sigmoid()
    centre = (found[0, 0, :2] + found[0, 0, 2:]) / 2
    torch.testing.assert_close(centre, boxes[-1, 0, best, :2])


def test_what_words_mean_is_told_where_the_configuration_says_so(
    make_config, make_model, tokenizer_file
) -> None:
    """Besides the answers, which stay the same to the bit; what the encoder's last layer but one
    says of every location of the grid that the engine knows."""
    plain = make_model(make_config(TWO_LAYERS))
    telling = make_model(make_config(TWO_LAYERS, landmarks=True))
    nets = {model: networks(model)[-1] for model in (plain, telling)}
    assert nets[plain].outputs == ("boxes", "scores")
    assert nets[telling].outputs == ("boxes", "scores", "meanings")
    given = {
        name: torch.rand_like(t) if t.is_floating_point() else t
        for name, t in nets[telling].inputs.items()
    }
    with torch.inference_mode():
        boxes, scores = nets[plain].module(*given.values())
        *same, meanings = nets[telling].module(*given.values())
        held = telling.ground(
            *(given[name][0] for name in list(given)[:-1]), given["progress"], inner=True
        ).inner_logits
    torch.testing.assert_close([boxes, scores], same, rtol=0, atol=0)
    torch.testing.assert_close(meanings[0], held[-2])
    levels = grid_levels(in_memory(telling, tokenizer_file).manifest())
    assert levels == telling.levels
    centres = telling.constants(torch.device("cpu")).centres
    torch.testing.assert_close(torch.from_numpy(locations(levels)).float(), centres)
    assert meanings.shape[1] == len(centres)
    assert grid_levels(in_memory(plain, tokenizer_file).manifest()) == ()


def test_methods_that_do_not_zoom_tell_nothing(make_config, make_model) -> None:
    model = make_model(make_config(TWO_LAYERS, landmarks=True, method="full"))
    assert model.levels == ()
    assert networks(model)[-1].outputs == ("boxes", "scores")


def test_one_layer_is_too_few(make_config) -> None:
    with pytest.raises(CheckpointError, match="two encoder layers"):
        make_config({"encoder_layers": 1}, landmarks=True)
