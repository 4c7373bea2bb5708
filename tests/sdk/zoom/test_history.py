"""The box-history encoder of the vehicle."""

from __future__ import annotations

import json
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sdk.errors import EngineError, MissingRuntimeError
from sdk.zoom.history import WEIGHT_SHAPES, HistoryEncoder, box_features


def _golden_weights(path):
    """The history encoder's tensors of a float16 safetensors file, read by hand."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header, body, prefix = json.loads(data[8 : 8 + size]), 8 + size, "bbox_encoder."
    weights = {}
    for name, entry in header.items():
        if name.startswith(prefix):
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[body + begin : body + end], np.float16)
            weights[name.removeprefix(prefix)] = values.reshape(entry["shape"])
    return weights


def test_golden_history_encoder(golden):
    """Features, end-of-search and progress equal those of the published implementation."""
    encoder = HistoryEncoder(_golden_weights(golden / "state_dict_d64.f16.safetensors"))
    expected = np.load(golden / "modules_d64.npz")
    for case in range(6):
        history = expected[f"box_hist_{case}"]
        np.testing.assert_allclose(
            box_features(history), expected[f"box_rawfeat_{case}"], rtol=1e-6
        )
        np.testing.assert_allclose(encoder.encode(history), expected["box_feat"][case], atol=1e-6)
        stop, progress = encoder(history)
        assert stop == pytest.approx(expected["box_eos_prob"][case], abs=1e-5)
        assert progress == pytest.approx(expected["box_zoom_raw"][case], abs=1e-5)


def test_features_are_relative_to_the_frame():
    features = box_features([[0, 0, 200, 100], [50, 20, 100, 50], [60, 30, 20, 10]])
    np.testing.assert_allclose(
        features,
        [
            [1, 1, 1, 1, 0.5, 0.5],
            [0.25, 0.25, 0.5, 0.5, 0.5, 0.45],
            [0.01, 0.04, 0.1, 0.1, 0.35, 0.35],
        ],
        rtol=1e-6,
    )


def test_the_first_step_does_not_depend_on_the_frame(make_history):
    encoder = HistoryEncoder(make_history())
    assert encoder([[0, 0, 64, 48]]) == encoder([[0, 0, 1920, 1080]])


def test_the_result_is_a_probability_and_a_number(make_history):
    encoder = HistoryEncoder(make_history())
    stop, progress = encoder([[0, 0, 640, 480], [3.5, 4.25, 30.5, 20.75]])
    assert 0 < stop < 1
    assert isinstance(progress, float)
    assert np.linalg.norm(encoder.encode([[0, 0, 640, 480]])) == pytest.approx(1)


@pytest.mark.parametrize("bias", [-1e9, 1e9])
def test_extreme_weights_do_not_overflow(make_history, bias):
    assert HistoryEncoder(make_history(bias))([[0, 0, 640, 480]])[0] == pytest.approx(
        float(bias > 0)
    )


@pytest.mark.parametrize(
    "history", [np.zeros((0, 4)), np.zeros(4), np.zeros((2, 3)), np.zeros((1, 5))]
)
def test_what_is_no_history(make_history, history):
    encoder = HistoryEncoder(make_history())
    for ask in (box_features, encoder, encoder.encode):
        with pytest.raises(ValueError, match=r"shape \(k, 4\)"):
            ask(history)


def test_a_history_may_lie_in_memory_in_any_way(make_history):
    encoder = HistoryEncoder(make_history())
    boxes = np.array([[0, 0, 640, 480], [100, 90, 200, 150], [120, 95, 30, 20]], np.float64)
    expected = encoder(boxes)
    for same in (boxes.tolist(), boxes.astype(int), np.asfortranarray(boxes), boxes[::-1][::-1]):
        assert encoder(same) == expected


@pytest.mark.parametrize("box", [[np.nan] * 4, [0, 0, np.inf, 1]])
def test_what_is_no_number_stays_so(make_history, box):
    assert np.isnan(HistoryEncoder(make_history())([[0, 0, 640, 480], box])).all()


def test_threads_do_not_disturb_each_other(make_history):
    encoder, rng = HistoryEncoder(make_history()), np.random.default_rng(1)
    histories = [rng.uniform(1, 100, (1 + k % 7, 4)) for k in range(200)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(encoder, histories))
    assert together == [encoder(each) for each in histories]


def test_names_that_are_not_used_are_ignored(make_history):
    weights = make_history()
    weights["box_encoder.transformer_layer.linear1.bias"] = np.zeros(3)
    HistoryEncoder(weights)


@pytest.mark.parametrize("name", list(WEIGHT_SHAPES))
def test_each_weight_is_needed_and_checked(make_history, name):
    weights = make_history()
    with pytest.raises(EngineError, match="have no"):
        HistoryEncoder({key: value for key, value in weights.items() if key != name})
    with pytest.raises(EngineError, match="of shape"):
        HistoryEncoder({**weights, name: np.zeros((3, 3, 3))})
    with pytest.raises(EngineError, match="not finite"):
        HistoryEncoder({**weights, name: np.full_like(weights[name], np.nan)})


@pytest.mark.parametrize("name", ["linear1.weight", "linear1.bias", "linear2.weight"])
def test_layers_that_do_not_fit_together(make_history, name):
    weights = make_history()
    name = f"box_encoder.transformer.layers.0.{name}"
    axis = weights[name].shape.index(64)
    with pytest.raises(EngineError, match=r"expected box_encoder\.\S*linear\d"):
        HistoryEncoder({**weights, name: weights[name].take([0], axis)})


def test_without_the_compiled_kernel(make_history, monkeypatch):
    monkeypatch.setitem(sys.modules, "cpp_ext", None)  # makes the import fail
    with pytest.raises(MissingRuntimeError, match="pip install piza-edge"):
        HistoryEncoder(make_history())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"text"])
def test_files_that_are_no_history_encoder(tmp_path, content):
    (tmp_path / "history.npz").write_bytes(content)
    with pytest.raises(EngineError, match="cannot read"):
        HistoryEncoder.from_npz(tmp_path / "history.npz")
    with pytest.raises(EngineError, match="cannot read"):
        HistoryEncoder.from_npz(tmp_path / "absent.npz")
