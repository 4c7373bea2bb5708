"""The box-history encoder: the vehicle's against PyTorch, and the searches it learns from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdk.geometry import contains, xywh_to_xyxy
from sdk.zoom import history as host
from train.models.piza import fit_history
from train.models.piza import target_sizes as sizes
from train.models.piza.history import BoxHistoryEncoder, box_features


@st.composite
def histories(draw: st.DrawFn) -> np.ndarray:
    """Boxes (k, 4) xywh, the frame first, each in the one before it."""
    boxes = [(0.0, 0.0, float(draw(st.integers(64, 6000))), float(draw(st.integers(64, 4000))))]
    unit = st.floats(0, 1, width=32)
    for _ in range(draw(st.integers(0, 5))):
        x, y, w, h = boxes[-1]
        new_w, new_h = max(w * draw(unit), 1.0), max(h * draw(unit), 1.0)
        left, top = x + (w - new_w) * draw(unit), y + (h - new_h) * draw(unit)
        boxes.append((left, top, new_w, new_h))
    return np.array(boxes)


def random_encoder(seed: int) -> BoxHistoryEncoder:
    torch.manual_seed(seed)
    return BoxHistoryEncoder().eval()


def weights_of(encoder: BoxHistoryEncoder) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy() for name, tensor in encoder.state_dict().items()}


@given(histories(), st.integers(0, 3))
def test_the_vehicle_equals_pytorch(boxes: np.ndarray, seed: int) -> None:
    """PyTorch computes in double precision here: what differs is the vehicle's error."""
    encoder = random_encoder(seed)
    vehicle = host.HistoryEncoder(weights_of(encoder))
    given_ = torch.from_numpy(boxes)[None]
    np.testing.assert_allclose(host.box_features(boxes), box_features(given_)[0], rtol=1e-6)
    with torch.inference_mode():
        stop, progress = encoder.double()(given_, torch.ones(1, len(boxes), dtype=torch.bool))
    found = vehicle(boxes)
    np.testing.assert_allclose(found[0], stop.sigmoid()[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[1], progress[0], rtol=0, atol=1e-5)


def test_every_weight_is_one_of_the_hosts() -> None:
    assert set(weights_of(random_encoder(0))) == set(host.WEIGHT_SHAPES)


def test_padding_has_no_influence() -> None:
    encoder = random_encoder(0)
    boxes = torch.tensor([[[0.0, 0, 640, 480], [100, 90, 200, 150], [1, 2, 3, 4]]])
    valid = torch.tensor([[True, True, False]])
    other = boxes.clone()
    other[:, 2] = torch.tensor([50.0, 60, 7, 800])
    with torch.inference_mode():
        results = [
            encoder(boxes, valid),
            encoder(other, valid),
            encoder(boxes[:, :2], valid[:, :2]),
        ]
    for result in results[1:]:
        torch.testing.assert_close(result, results[0])


@pytest.mark.parametrize("seed", range(50))
def test_simulated_searches_make_sense(seed: int) -> None:
    boxes_xywh, ends, progress = fit_history.simulate(np.random.default_rng(seed))
    boxes = xywh_to_xyxy(boxes_xywh)
    assert 1 <= len(boxes) <= fit_history.MOST_BOXES
    assert tuple(boxes[0, 2:]) in sizes.FRAMES_WH
    assert (boxes_xywh[:, 2:] >= 1).all()
    for outer, inner in itertools.pairwise(boxes):
        assert contains(outer, inner, 1e-6)
    assert 0 <= progress <= 1
    if len(boxes) == 1:
        assert not ends  # a search never ends before its first step
        assert progress == 0
    if ends:
        assert progress == 1


def test_simulations_reach_every_length_and_both_ends() -> None:
    drawn = [fit_history.simulate(np.random.default_rng(seed)) for seed in range(300)]
    assert {len(boxes) for boxes, _, _ in drawn} == {1, 2, 3, 4}
    assert 0.2 < np.mean([ends for _, ends, _ in drawn]) < 0.8


@pytest.fixture
def few_simulations(monkeypatch: pytest.MonkeyPatch) -> fit_history._Histories:
    """Trains on a twentieth of the histories; the fixture is 500 others."""
    simulations = fit_history._simulations
    monkeypatch.setattr(
        fit_history, "_simulations", lambda rng, draw, count: simulations(rng, draw, count // 20)
    )
    return simulations(np.random.default_rng(9), sizes.anything, 500)


def test_the_encoder_learns_when_to_stop(few_simulations: fit_history._Histories) -> None:
    """A few steps put searches that end before those that go on."""
    encoder = random_encoder(1)
    accuracy = fit_history.fit_history(encoder, seed=3, steps=200, batch=32)
    assert 0 <= accuracy <= 1
    assert not encoder.training
    with torch.inference_mode():
        stop, _ = encoder(few_simulations.boxes, few_simulations.valid)
    ends = few_simulations.ends.bool()
    right_order = stop[ends][:, None] > stop[~ends][None]
    assert right_order.float().mean() > 0.85


@pytest.mark.usefixtures("few_simulations")
def test_fitting_is_reproducible() -> None:
    fitted = []
    for _ in range(2):
        fitted.append(random_encoder(1))  # seeds the dropout too
        fit_history.fit_history(fitted[-1], seed=3, steps=3, batch=8)
    first, second = (weights_of(encoder) for encoder in fitted)
    assert all(np.array_equal(first[name], second[name]) for name in first)
