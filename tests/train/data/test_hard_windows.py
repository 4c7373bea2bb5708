"""Windows of a second step that show a twin of the target, both, or what the border cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sdk.geometry import contains, intersection
from train.data.samples import Ask, Labelled, Sampler
from train.models.piza import trajectories


def row_of_cars(positions: Sequence[int]) -> Labelled:
    """Red cars at these columns, and a sentence about the first."""
    boxes = np.array([[x, 200, x + 30, 230] for x in positions], np.float64)
    labels = np.zeros(len(boxes), np.int64)
    ask = (Ask("the red car on the left", 0),)
    return Labelled(boxes, ("red car",) * len(boxes), labels, labels, (0,), ask, ())


@pytest.mark.parametrize("seed", range(8))
def test_a_twin_is_not_the_target(sampler: Sampler, spoken, special, seed: int) -> None:
    """The window shows a car of the same phrase, and the sentence is true of nothing in it."""
    special(TWIN_SHARE=1.0)
    scene = row_of_cars([20, 560])
    sample = sampler.second_step((640, 480), scene, np.random.default_rng(seed))
    assert contains(sample.view.window, scene.boxes[1], 1e-6)
    assert intersection(sample.view.window, scene.boxes[0]) == 0
    assert sample.tokens.ref == "the red car on the left ."
    assert spoken(sample) == []
    assert len(sample.seen.kinds) == 1  # what is there is labelled all the same


@pytest.mark.parametrize("seed", range(8))
def test_a_window_of_both_twins(sampler: Sampler, spoken, special, seed: int) -> None:
    special(BOTH_SHARE=1.0)
    scene = row_of_cars([200, 300])
    sample = sampler.second_step((640, 480), scene, np.random.default_rng(seed))
    for box in scene.boxes:
        assert contains(sample.view.window, box, 1e-6)
    assert spoken(sample) == ["the red car on the left"]


@pytest.mark.parametrize("share", ["TWIN_SHARE", "BOTH_SHARE"])
@pytest.mark.parametrize("named", [True, False])
def test_targets_without_twins_are_looked_at_as_ever(
    sampler: Sampler, spoken, special, share: str, named: bool
) -> None:
    """Photographs name nothing: their objects have no twins."""
    special(**{share: 1.0})
    scene = row_of_cars([300] if named else [100, 500])
    scene = scene if named else replace(scene, phrases=("", ""))
    sample = sampler.second_step((640, 480), scene, np.random.default_rng(0))
    assert contains(sample.view.window, scene.boxes[0], 1e-6)
    assert spoken(sample) == ["the red car on the left"]


def test_sentences_of_what_a_window_cuts_are_left_out(sampler: Sampler, special) -> None:
    """They are neither true nor false there."""
    special()
    columns = range(0, 600, 60)
    boxes = np.array([[x, 200, x + 50, 250] for x in columns], np.float64)
    labels = np.zeros(len(boxes), np.int64)
    asks = tuple(Ask(f"the red car {'left ' * k}", k) for k in range(len(boxes)))
    scene = Labelled(boxes, ("red car",) * len(boxes), labels, labels, (4,), asks, ())
    target_of_ref = {ask.ref.strip(): ask.target for ask in asks}
    false = 0
    for seed in range(30):
        sample = sampler.second_step((640, 480), scene, np.random.default_rng(seed))
        whole = trajectories.visible(boxes, sample.view.window)
        touched = intersection(boxes, sample.view.window) > 0
        asked = sample.tokens.ref.removesuffix(" .").split(" . ")
        targets = [target_of_ref[ref] for ref in asked]
        assert len(set(targets)) == len(targets)
        assert all(whole[target] or not touched[target] for target in targets)
        assert len(sample.boxes) == sum(whole[target] for target in targets)
        false += sum(not touched[target] for target in targets)
    assert false > 5
