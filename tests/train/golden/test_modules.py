"""Our modules against outputs of the published implementation, on its weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from train.models.piza.adapters import AdapterPair, ZoomEmbedding, sinusoid
from train.models.piza.history import BoxHistoryEncoder, box_features

BOTTLENECKS = (64, 256)
CASES = range(6)


@pytest.fixture(params=BOTTLENECKS)
def case(request, golden, golden_weights):
    """(expected arrays as tensors, weights by the authors' names)"""
    stored = np.load(golden / f"modules_d{request.param}.npz")
    expected = {name: torch.from_numpy(stored[name]) for name in stored.files}
    return expected, golden_weights(request.param)


def part(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }


@torch.inference_mode()
def test_golden_zoom_embedding(case) -> None:
    expected, weights = case
    assert_close(sinusoid(expected["time_t"], 256), expected["time_sincos"], atol=1e-6, rtol=0)
    embedding = ZoomEmbedding(256)
    embedding.load_state_dict(part(weights, "zoom_embedding."))
    assert_close(embedding(expected["time_t"]), expected["time_out"], atol=2e-6, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("layer", [0, 1])
def test_golden_adapters(case, layer) -> None:
    """The authors' names load as they are; text adapters do not hear about the zoom."""
    expected, weights = case
    for kind, prefix in (("vision", "layers"), ("text", "text_layers")):
        own = part(weights, f"encoder.{prefix}.{layer}.adapter")
        own = {f"adapter{name}": tensor for name, tensor in own.items()}
        bottleneck = len(own["adapter1.linear_down.bias"])
        pair = AdapterPair(256, bottleneck, 256 if kind == "vision" else None)
        pair.load_state_dict(own)
        for name in ("adapter1", "adapter2"):
            adapter = getattr(pair, name)
            out = adapter(expected["adapter_x"], expected["adapter_embed"][:, None])
            wanted = expected[f"adapter_out_{kind}_layer{layer}_{name}"]
            assert_close(out, wanted, atol=1e-5, rtol=1e-5)


def history_encoder(weights: dict[str, torch.Tensor]) -> BoxHistoryEncoder:
    """With the authors' weights, less their unused second copy of the transformer layer."""
    own = part(weights, "bbox_encoder.")
    encoder = BoxHistoryEncoder()
    encoder.load_state_dict({k: v for k, v in own.items() if ".transformer_layer." not in k})
    return encoder.eval()


@torch.inference_mode()
def test_golden_history_encoder(case) -> None:
    expected, weights = case
    encoder = history_encoder(weights)
    for index in CASES:
        history = expected[f"box_hist_{index}"][None]
        assert_close(box_features(history)[0], expected[f"box_rawfeat_{index}"])
        stop, progress = encoder(history, torch.ones(history.shape[:2], dtype=torch.bool))
        assert_close(stop.sigmoid()[0], expected["box_eos_prob"][index], atol=1e-5, rtol=0)
        assert_close(progress[0], expected["box_zoom_raw"][index], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_golden_history_encoder_in_one_padded_batch(case) -> None:
    expected, weights = case
    histories = torch.ones(len(CASES), 6, 4)
    valid = torch.zeros(len(CASES), 6, dtype=torch.bool)
    for index in CASES:
        history = expected[f"box_hist_{index}"]
        histories[index, : len(history)] = history
        valid[index, : len(history)] = True
    stop, progress = history_encoder(weights)(histories, valid)
    assert_close(stop.sigmoid(), expected["box_eos_prob_batched"], atol=1e-5, rtol=0)
    assert_close(progress, expected["box_zoom_raw_batched"], atol=1e-5, rtol=0)
