"""cpp_ext.HistoryNetwork: what it makes of its arguments. Its figures: tests/train/models."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cpp_ext import HistoryNetwork, box_features
from sdk.zoom.history import WEIGHT_SHAPES

HISTORY = np.array([[0, 0, 640, 480], [100, 90, 200, 150]], np.float64)


def random_weights(width: int = 40) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    return {
        name: rng.normal(0, 0.2, [width if side is None else side for side in shape]).astype("f4")
        for name, shape in WEIGHT_SHAPES.items()
    }


def test_weights_are_copied() -> None:
    weights = random_weights()
    network = HistoryNetwork(weights)
    expected = network.decide(HISTORY)
    for array in weights.values():
        array[:] = np.nan
    del weights
    assert network.decide(HISTORY) == expected


def test_weights_may_lie_in_memory_in_any_way() -> None:
    weights = random_weights()
    other = {name: np.asfortranarray(array, dtype="f8") for name, array in weights.items()}
    assert HistoryNetwork(other).decide(HISTORY) == HistoryNetwork(weights).decide(HISTORY)


@pytest.mark.parametrize("width", [0, 1, 31, 32, 33])
def test_any_number_of_inner_values(width: int) -> None:
    """More of them change nothing when nothing comes of them."""
    weights, layer = random_weights(width), "box_encoder.transformer.layers.0"
    wider = {
        **weights,
        f"{layer}.linear1.weight": np.pad(weights[f"{layer}.linear1.weight"], ((0, 50), (0, 0))),
        f"{layer}.linear1.bias": np.pad(weights[f"{layer}.linear1.bias"], (0, 50)),
        f"{layer}.linear2.weight": np.pad(weights[f"{layer}.linear2.weight"], ((0, 0), (0, 50))),
    }
    np.testing.assert_array_equal(
        HistoryNetwork(weights).encode(HISTORY), HistoryNetwork(wider).encode(HISTORY)
    )


@pytest.mark.parametrize("name", list(WEIGHT_SHAPES))
def test_weights_that_are_missing_or_do_not_fit(name: str) -> None:
    weights = random_weights()
    with pytest.raises(ValueError, match=f"no weight {name}"):
        HistoryNetwork({key: value for key, value in weights.items() if key != name})
    for wrong in (np.zeros(()), np.zeros((7, 5)), np.zeros(weights[name].size - 1)):
        with pytest.raises(ValueError, match=r"expected \S+ of shape \(.*\), found \("):
            HistoryNetwork({**weights, name: wrong.astype("f4")})


@pytest.mark.parametrize("weights", [None, [], {"box_encoder.lff1.Wr": object()}])
def test_what_are_no_weights(weights: object) -> None:
    with pytest.raises(TypeError):
        HistoryNetwork(weights)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(), (4,), (0, 4), (2, 3), (1, 2, 4)])
def test_what_is_no_history(shape: tuple[int, ...]) -> None:
    network = HistoryNetwork(random_weights())
    for ask in (box_features, network.encode, network.decide):
        with pytest.raises(ValueError, match=r"shape \(k, 4\) with k >= 1"):
            ask(np.zeros(shape))
        with pytest.raises(TypeError):
            ask("boxes")  # type: ignore[arg-type]
