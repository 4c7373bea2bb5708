"""What a detector proposes in a frame: boxes, how sure it is, what it takes them for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdk.errors import InputError

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Proposals:
    """The boxes that a detector found in one frame, best first. Anything array-like is taken.

    Attributes:
        xyxy: ``(N, 4)`` float32 frame pixels, clipped to the frame.
        scores: ``(N,)`` float32 in 0..1, the detector's own, descending.
        labels: ``(N,)`` int64, what each box is taken for: an index into ``names``.
        names: the detector's classes.

    Raises:
        InputError: shapes or values are others.
    """

    xyxy: Float32
    scores: Float32
    labels: Int64
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        xyxy = _array(self.xyxy, "boxes", np.float32)
        xyxy = xyxy.reshape(0, 4) if xyxy.size == 0 else xyxy
        scores = _array(self.scores, "scores", np.float32)
        labels = _labels(self.labels)
        if xyxy.ndim != 2 or xyxy.shape[1] != 4:
            raise InputError(f"expected boxes of shape (N, 4), got {xyxy.shape}")
        for array, what in ((scores, "scores"), (labels, "labels")):
            if array.shape != (len(xyxy),):
                raise InputError(f"expected {what} of shape ({len(xyxy)},), got {array.shape}")
        if not np.isfinite(xyxy).all() or (xyxy[:, 2:] < xyxy[:, :2]).any():
            raise InputError("expected boxes x1 <= x2, y1 <= y2 of finite numbers, got others")
        if not ((scores >= 0) & (scores <= 1)).all():
            raise InputError("expected scores in 0..1, got others")
        if (np.diff(scores) > 0).any():
            raise InputError("expected the best score first, got others: sort the proposals")
        names = tuple(self.names)
        if not all(isinstance(name, str) for name in names):
            raise InputError(f"expected the names of classes as texts, got {names!r}")
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
            raise InputError(
                f"expected labels of 0 to {len(names) - 1}, the indices of the detector's"
                f" {len(names)} classes, got {labels.min()} to {labels.max()}"
            )
        for name, value in zip(
            ("xyxy", "scores", "labels", "names"), (xyxy, scores, labels, names), strict=True
        ):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.xyxy)

    @classmethod
    def empty(cls, names: Sequence[str]) -> Self:
        """None at all, of a detector of these classes."""
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), tuple(names))  # type: ignore[arg-type]

    def take(self, indices: ArrayLike) -> Self:
        """Those with these indices, or where this mask is True; the order must stay best first."""
        chosen = np.asarray(indices)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        return type(self)(self.xyxy[chosen], self.scores[chosen], self.labels[chosen], self.names)

    def label(self, index: int) -> str:
        """The name of the class that one box is taken for."""
        return self.names[int(self.labels[index])]


def _array(values: Any, what: str, dtype: type[np.float32]) -> Float32:
    try:
        return np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected {what} of numbers, got {type(values).__name__}") from error


def _labels(values: Any) -> Int64:
    labels = np.asarray(values)
    if labels.size == 0:
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise InputError(f"expected labels of whole numbers, got {labels.dtype}")
    return labels.astype(np.int64)
