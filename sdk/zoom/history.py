"""The box-history encoder: from the boxes so far to end-of-search and progress.

It sees geometry only, no pixels and no text, and a handful of numbers, so it runs on the host, in
compiled code, in a small fraction of a millisecond. The structure and the names of the weights are
those of the published PIZA checkpoints: two learnable Fourier feature layers, one post-norm
transformer layer, a mean over the boxes, two small heads.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.errors import EngineError
from sdk.kernel import import_kernel

if TYPE_CHECKING:
    from cpp_ext import HistoryNetwork

Array = NDArray[np.float32]

_LAYER = "box_encoder.transformer.layers.0"
WEIGHT_SHAPES = {
    "box_encoder.lff1.Wr": (8, 1),
    "box_encoder.lff1.mlp.0.weight": (32, 16),
    "box_encoder.lff1.mlp.0.bias": (32,),
    "box_encoder.lff1.mlp.2.weight": (8, 32),
    "box_encoder.lff1.mlp.2.bias": (8,),
    "box_encoder.lff2.Wr": (4, 2),
    "box_encoder.lff2.mlp.0.weight": (32, 8),
    "box_encoder.lff2.mlp.0.bias": (32,),
    "box_encoder.lff2.mlp.2.weight": (8, 32),
    "box_encoder.lff2.mlp.2.bias": (8,),
    f"{_LAYER}.self_attn.in_proj_weight": (96, 32),
    f"{_LAYER}.self_attn.in_proj_bias": (96,),
    f"{_LAYER}.self_attn.out_proj.weight": (32, 32),
    f"{_LAYER}.self_attn.out_proj.bias": (32,),
    f"{_LAYER}.linear1.weight": (None, 32),  # 2048 in the published checkpoints
    f"{_LAYER}.linear1.bias": (None,),
    f"{_LAYER}.linear2.weight": (32, None),
    f"{_LAYER}.linear2.bias": (32,),
    f"{_LAYER}.norm1.weight": (32,),
    f"{_LAYER}.norm1.bias": (32,),
    f"{_LAYER}.norm2.weight": (32,),
    f"{_LAYER}.norm2.bias": (32,),
    "box_encoder.fc3.weight": (16, 32),
    "box_encoder.fc3.bias": (16,),
    "binary_classifier.0.weight": (16, 16),
    "binary_classifier.0.bias": (16,),
    "binary_classifier.2.weight": (1, 16),
    "binary_classifier.2.bias": (1,),
    "continuous_regressor.0.weight": (16, 16),
    "continuous_regressor.0.bias": (16,),
    "continuous_regressor.2.weight": (1, 16),
    "continuous_regressor.2.bias": (1,),
}


def box_features(history_xywh: ArrayLike) -> Array:
    """Six numbers a box, ``(k, 4) xywh -> (k, 6)``; the first box is the whole frame.

    Area / first area, area / previous area (1 for the first), w / W, h / H, centre x / W,
    centre y / H, where W, H are the sides of the first box.
    """
    features: Array = import_kernel().box_features(np.asarray(history_xywh, dtype=np.float64))
    return features


class HistoryEncoder:
    """``encoder(history_xywh) -> (stop_probability, progress)``. Stateless, thread-safe.

    ``weights`` maps the names of the published checkpoint, without their ``bbox_encoder.``
    prefix, to arrays; names that the encoder does not use are ignored. Raises EngineError for a
    missing name, a wrong shape or a value that is not finite.
    """

    def __init__(self, weights: Mapping[str, ArrayLike]) -> None:
        checked = {name: _checked(weights, name, shape) for name, shape in WEIGHT_SHAPES.items()}
        kernel = import_kernel()
        try:
            self._network: HistoryNetwork = kernel.HistoryNetwork(checked)
        except ValueError as error:  # layers that do not fit together
            raise EngineError(f"history encoder: {error}") from error
        self._first = self._network.decide(np.array([[0.0, 0.0, 1.0, 1.0]]))

    @classmethod
    def from_npz(cls, path: str | Path) -> HistoryEncoder:
        """Reads ``history.npz``; raises EngineError when it cannot be read."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls({name: stored[name] for name in stored.files})
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise EngineError(f"cannot read the history encoder {path}: {error}") from error

    def __call__(self, history_xywh: ArrayLike) -> tuple[float, float]:
        """End-of-search probability, and progress as the head gives it (neither rounded nor
        clipped), for a history ``(k, 4)`` of xywh frame pixels that starts with the frame."""
        boxes = np.asarray(history_xywh, dtype=np.float64)
        if boxes.shape == (1, 4):
            return self._first  # features are relative to the first box, hence constant
        return self._network.decide(boxes)

    def encode(self, history_xywh: ArrayLike) -> Array:
        """The history as one vector of unit length, ``(16,)``."""
        return self._network.encode(np.asarray(history_xywh, dtype=np.float64))


def _checked(weights: Mapping[str, ArrayLike], name: str, shape: tuple[int | None, ...]) -> Array:
    """One weight as float32, of the expected shape and finite; raises EngineError."""
    if name not in weights:
        raise EngineError(f"the history encoder's weights have no {name!r}")
    array = np.asarray(weights[name], dtype=np.float32)
    fits = len(array.shape) == len(shape) and all(
        expected in (None, found) for expected, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise EngineError(f"history encoder: expected {name} of shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise EngineError(f"history encoder: {name} has values that are not finite")
    return array
