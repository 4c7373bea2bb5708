"""RISF's loss, fusion and decoupled layer against outputs of the published implementation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sdk.regions.class_bank import NOT_IN_BANK, Fusion, corrected
from train.losses.bnrl import AS_RELEASED, CLASS_LOSSES, ClassLoss
from train.models.few_shot.decoupling import Decoupled

CLOSE = {"rtol": 1e-6, "atol": 1e-6}
LOSSES = {
    "intended_a0.2_b0.8_e1_g4": CLASS_LOSSES["bnrl"],
    "intended_no_negative_a1_b0_g2": ClassLoss(right=1.0, wrong=0.0, focus=2.0),
    "a0.5_b0.5_e2_g2": ClassLoss(right=0.5, wrong=0.5, power=2.0, focus=2.0),
    "AS_RELEASED_hyper_tuple_in_weight_slot": AS_RELEASED,
}
FUSIONS = ("all_classes", "generalised_base_excluded", "high_cosine_overflow")


@pytest.fixture(scope="module")
def about(golden_zoo: Callable[[str], Path]) -> dict[str, Any]:
    return json.loads((golden_zoo("risf") / "risf.json").read_text())


@pytest.fixture(scope="module")
def arrays(golden_zoo, stored) -> dict[str, Tensor]:
    return stored(golden_zoo("risf") / "risf.npz")


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("case", ["bnrl_a", "bnrl_b"])
def test_golden_loss(arrays, about, case, name) -> None:
    loss, labels = LOSSES[name], arrays[f"{case}_target"]
    logits = arrays[f"{case}_logits"].clone().requires_grad_()
    assert_close(loss.each(logits, labels), arrays[f"{case}_{name}_per_sample"], **CLOSE)
    mean = loss(logits, labels)
    mean.backward()
    told = about[case][name]
    assert mean.item() == pytest.approx(told["mean"], rel=1e-6)
    assert loss.each(logits, labels).sum().item() == pytest.approx(told["sum"], rel=1e-6)
    assert loss(logits.double(), labels).item() == pytest.approx(told["mean_fp64"], rel=1e-6)
    assert_close(logits.grad, arrays[f"{case}_{name}_grad"], **CLOSE)


def test_golden_loss_without_what_is_ignored(arrays, about) -> None:
    found = CLASS_LOSSES["bnrl"](arrays["bnrl_ignore_logits"], arrays["bnrl_ignore_target"])
    assert found.item() == pytest.approx(about["bnrl_ignore"]["mean"], rel=1e-6)


@pytest.mark.parametrize("case", FUSIONS)
def test_golden_fusion(arrays, about, case) -> None:
    """Published values; where the published softmax overflows, corrected ones, for what is not
    infinite there is wrong as well."""
    told = about[f"cmclip_{case}"]
    seen, said = (
        arrays[f"cmclip_{case}_{side}_features"].double().numpy() for side in ("region", "text")
    )
    seen, said = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (seen, said))
    rows = [told["class_to_text_row"].get(str(k), NOT_IN_BANK) for k in told["classes"]]
    fusion = Fusion(told["alpha"], told["lower_exclusive"])
    scores = arrays[f"cmclip_{case}_scores"].numpy()  # 0.05 in single precision is not above 0.05
    fused = corrected(scores, np.array(rows), seen @ said.T, 100.0, fusion)
    np.testing.assert_allclose(fused, told["rescored_CORRECTED_stable_softmax"], atol=2e-6)
    if None not in told["rescored_PUBLISHED"]:
        np.testing.assert_allclose(fused, told["rescored_PUBLISHED"], atol=2e-6)


@pytest.mark.parametrize("factor", [0.0, 0.001, 0.01, 0.75, 1.0])
def test_golden_decoupled_layer(arrays, factor) -> None:
    layer = Decoupled(3, factor)
    layer.load_state_dict(
        {"weight": arrays["gdl_affine_weight"], "bias": arrays["gdl_affine_bias"]}
    )
    features = arrays["gdl_x"].clone().requires_grad_()
    found = layer(features)
    found.backward(arrays["gdl_upstream_grad"])
    learned = torch.zeros_like(features) if features.grad is None else features.grad
    key = f"gdl_lambda{factor}"
    assert_close(found.detach(), arrays[f"{key}_out"], **CLOSE)
    assert_close(learned, arrays[f"{key}_grad_x"], **CLOSE)
    assert_close(layer.weight.grad, arrays[f"{key}_grad_affine_weight"], **CLOSE)
    assert_close(layer.bias.grad, arrays[f"{key}_grad_affine_bias"], **CLOSE)
