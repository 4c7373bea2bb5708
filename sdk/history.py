"""The box-history encoder: from the boxes so far to end-of-search and progress, in numpy.

It sees geometry only, no pixels and no text, and a handful of numbers, so it runs on the host in
a small fraction of a millisecond. The structure and the names of the weights are those of the
published PIZA checkpoints: two learnable Fourier feature layers, one post-norm transformer layer,
a mean over the boxes, two small heads.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.errors import EngineError

Array = NDArray[np.float32]

HEADS = 4
_WIDTH = 32  # features of one box
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
    boxes = np.asarray(history_xywh, dtype=np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) == 0:
        raise ValueError(f"expected a history of shape (k, 4) with k >= 1, got {boxes.shape}")
    frame_wh = boxes[0, 2:]
    areas = boxes[:, 2] * boxes[:, 3]
    previous = np.concatenate([areas[:1], areas[:-1]])
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    ratios = np.stack([areas / areas[0], areas / previous], axis=1)
    features = np.concatenate([ratios, boxes[:, 2:] / frame_wh, centres / frame_wh], axis=1)
    return np.asarray(features, dtype=np.float32)


class HistoryEncoder:
    """``encoder(history_xywh) -> (stop_probability, progress)``. Stateless, thread-safe.

    ``weights`` maps the names of the published checkpoint, without their ``bbox_encoder.``
    prefix, to arrays; names that the encoder does not use are ignored. Raises EngineError for a
    missing name, a wrong shape or a value that is not finite.
    """

    def __init__(self, weights: Mapping[str, ArrayLike]) -> None:
        self._weights = {
            name: _checked(weights, name, shape) for name, shape in WEIGHT_SHAPES.items()
        }
        self._first = self._decide([[0.0, 0.0, 1.0, 1.0]])

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
        if len(np.asarray(history_xywh)) == 1:
            return self._first  # features are relative to the first box, hence constant
        return self._decide(history_xywh)

    def _decide(self, history_xywh: ArrayLike) -> tuple[float, float]:
        features = self.encode(history_xywh)  # (16,)
        stop = float(self._head("binary_classifier", features))
        progress = float(self._head("continuous_regressor", features))
        return 1.0 / (1.0 + math.exp(-max(stop, -700.0))), progress

    def encode(self, history_xywh: ArrayLike) -> Array:
        """The history as one vector of unit length, ``(16,)``."""
        raw = box_features(history_xywh)  # (k, 6)
        count = len(raw)
        areas = self._fourier("lff1", raw[:, :2].reshape(count, 2, 1))
        places = self._fourier("lff2", raw[:, 2:].reshape(count, 2, 2))
        boxes = self._transform(np.concatenate([areas, places], axis=1))  # (k, 32)
        pooled = self._linear("box_encoder.fc3", boxes).mean(axis=0)
        return np.asarray(pooled / max(float(np.linalg.norm(pooled)), 1e-12))

    def _fourier(self, name: str, groups: Array) -> Array:
        """Learnable Fourier features of ``(k, groups, pos_dim)``, flattened to ``(k, 16)``."""
        basis = self._weights[f"box_encoder.{name}.Wr"]  # (f_dim / 2, pos_dim)
        angles = groups @ basis.T
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=-1)
        waves /= np.float32(math.sqrt(waves.shape[-1]))
        hidden = _gelu(self._linear(f"box_encoder.{name}.mlp.0", waves))
        return self._linear(f"box_encoder.{name}.mlp.2", hidden).reshape(len(groups), -1)

    def _transform(self, x: Array) -> Array:
        """One post-norm transformer layer over the boxes. ``(k, 32) -> (k, 32)``."""
        weights = self._weights
        count, size = len(x), _WIDTH // HEADS
        projection = x @ weights[f"{_LAYER}.self_attn.in_proj_weight"].T
        projection += weights[f"{_LAYER}.self_attn.in_proj_bias"]
        query, key, value = projection.reshape(count, 3, HEADS, size).transpose(1, 2, 0, 3)
        attention = _softmax(query @ key.transpose(0, 2, 1) / np.float32(math.sqrt(size)))
        mixed = (attention @ value).transpose(1, 0, 2).reshape(count, _WIDTH)
        x = self._norm("norm1", x + self._linear(f"{_LAYER}.self_attn.out_proj", mixed))
        hidden = np.maximum(self._linear(f"{_LAYER}.linear1", x), 0)
        return self._norm("norm2", x + self._linear(f"{_LAYER}.linear2", hidden))

    def _head(self, name: str, features: Array) -> Array:
        hidden = np.maximum(self._linear(f"{name}.0", features), 0)
        return self._linear(f"{name}.2", hidden)[0]

    def _linear(self, name: str, x: Array) -> Array:
        return np.asarray(x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"])

    def _norm(self, name: str, x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(1e-5))
        weights = self._weights
        return np.asarray(
            centred / scale * weights[f"{_LAYER}.{name}.weight"] + weights[f"{_LAYER}.{name}.bias"]
        )


def _checked(
    weights: Mapping[str, ArrayLike], name: str, shape: tuple[int | None, ...]
) -> NDArray[np.float32]:
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
    return np.ascontiguousarray(array)


def _gelu(x: Array) -> Array:
    """The exact GELU, x * Phi(x); numpy has no erf, and the arrays are small."""
    erf = np.fromiter((math.erf(v) for v in (x / math.sqrt(2)).ravel().tolist()), np.float32)
    return np.asarray(x * (1 + erf.reshape(x.shape)) * np.float32(0.5))


def _softmax(x: NDArray[Any]) -> Array:
    exponential = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(exponential / exponential.sum(axis=-1, keepdims=True))
