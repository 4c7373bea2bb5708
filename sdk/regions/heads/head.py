"""What every head has in common: from scores of all boxes to the few that are worth a look.

Scores are looked through first, and only the boxes of those that count are decoded: a detector
gives thousands of boxes, a frame holds dozens of objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdk.geometry import Boxes
from sdk.regions.suppression import MOST_COMPARED, suppress

Array = NDArray[Any]
ACTIVATIONS = ("none", "sigmoid", "softmax")  # what makes a score of what a network gives
NOTHING = ("none", "first", "last")  # the column of the class that is no object


@dataclass(frozen=True, eq=False)
class Found:
    """What one look of a detector found, best first.

    Attributes:
        unit: ``(N, 4)`` float64 boxes ``xyxy`` in units of the network's input.
        scores: ``(N,)`` float64 in 0..1.
        labels: ``(N,)`` int64, the detector's classes.
    """

    unit: Boxes
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Wanted:
    """How many boxes a look is to give.

    Attributes:
        least: the score that counts.
        most: how many at most.
    """

    least: float = 0.05
    most: int = 300


class Head(Protocol):
    """How the outputs of one detector become boxes; a frozen value, which the manifest holds."""

    @property
    def kind(self) -> str: ...

    @property
    def classes(self) -> int:
        """How many classes it tells apart."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that it reads."""

    def decode(self, outputs: Mapping[str, Array], wanted: Wanted) -> Found:
        """The boxes of one look.

        Args:
            outputs: of the network, by name.
            wanted: how many boxes.
        """

    def to_mapping(self) -> dict[str, Any]:
        """What ``sdk.regions.heads.read_head`` reads."""


@dataclass(frozen=True)
class Scoring:
    """How class scores are meant.

    Attributes:
        activation: one of ``ACTIVATIONS``. Softmax says which class a box is of, the others of each
            class by itself whether it is.
        nothing: where the class that is no object stands, one of ``NOTHING``.
    """

    activation: str = "none"
    nothing: str = "none"

    def classes_of(self, columns: int) -> int:
        """The classes of a network with so many columns."""
        return columns - (self.nothing != "none")

    def pick(
        self, raw: Array, wanted: Wanted, certainty: Array | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """The best pairs of a box and a class.

        Args:
            raw: ``(N, C)``: what the network says of each box and column.
            wanted: how many.
            certainty: ``(N,)`` in 0..1 that there is an object at all, a factor of its scores.

        Returns:
            Boxes, classes and scores, each ``(K,)``, best first; K is bounded.
        """
        scores = np.asarray(raw, np.float32)
        if self.activation == "sigmoid":
            scores = sigmoid(scores)
        elif self.activation == "softmax":
            scores = softmax(scores)
        if self.nothing != "none":
            scores = scores[:, 1:] if self.nothing == "first" else scores[:, :-1]
        if certainty is not None:
            scores = scores * certainty[:, None]
        if self.activation == "softmax" and scores.size:  # one class a box
            chosen = scores.argmax(axis=1)
            (rows,) = np.nonzero(scores[np.arange(len(scores)), chosen] >= wanted.least)
            labels = chosen[rows]
        else:
            rows, labels = np.nonzero(scores >= wanted.least)
        values = scores[rows, labels].astype(np.float64)
        # What is not a number has failed the comparisons above.
        best = np.argsort(-values, kind="stable")[: max(MOST_COMPARED, wanted.most)]
        return rows[best], labels[best].astype(np.int64), np.minimum(values[best], 1.0)


def separated(
    unit: Boxes,
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    wanted: Wanted,
    *,
    repeats: bool,
) -> Found:
    """The boxes of a look, those of the same object but once where a detector ``repeats`` itself.

    A box with a coordinate that is not a number, or whose corners are the wrong way round, is none.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity
        real = np.isfinite(unit).all(axis=1) & (unit[:, 2:] >= unit[:, :2]).all(axis=1)
    unit, labels, scores = unit[real], labels[real], scores[real]
    if repeats:
        kept = suppress(unit, scores, labels, wanted.most)
        return Found(unit[kept], scores[kept], labels[kept])
    return Found(unit[: wanted.most], scores[: wanted.most], labels[: wanted.most])


def from_centres(cxcywh: Array) -> Boxes:
    """``(centre x, centre y, width, height) -> xyxy``; sides below 0 are 0."""
    values = np.asarray(cxcywh, np.float64)
    half = np.maximum(values[:, 2:], 0.0) / 2
    return np.concatenate([values[:, :2] - half, values[:, :2] + half], axis=1)


def grid(
    input_hw: tuple[int, int], strides: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cells of several levels, row by row and level by level.

    Args:
        input_hw: height and width of the input.
        strides: of the levels.

    Returns:
        Their columns and rows ``(N, 2)``, and their strides ``(N,)``.
    """
    places, sizes = [], []
    for stride in strides:
        rows, columns = cells_of(input_hw, stride)
        y, x = np.mgrid[:rows, :columns]
        places.append(np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
        sizes.append(np.full(rows * columns, float(stride)))
    return np.concatenate(places), np.concatenate(sizes)


def cells_of(input_hw: tuple[int, int], stride: int) -> tuple[int, int]:
    """Rows and columns of a level: what is left over makes a cell as well."""
    return -(-input_hw[0] // stride), -(-input_hw[1] // stride)


def sigmoid(values: Array) -> Array:
    """``1 / (1 + exp(-x))`` without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * values))


def softmax(values: Array) -> Array:
    """Over the last axis."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=-1, keepdims=True)
