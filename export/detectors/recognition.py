"""Which head a detector has, from what it says of a picture: names, shapes, values.

A network says nothing of what its outputs mean. Their shapes nearly do: how many boxes there are
follows from the input's size and the head's kind, how many columns from its classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdk.errors import InputError
from sdk.regions.heads import KINDS, Head
from sdk.regions.heads.detr import Detr
from sdk.regions.heads.gfl import Gfl, Level
from sdk.regions.heads.head import Scoring, cells_of
from sdk.regions.heads.ssd import ANCHORS, PUBLISHED_HW, Ssd
from sdk.regions.heads.yolo import STRIDES, Yolo

Outputs = Mapping[str, NDArray[Any]]
_PLUS_STRIDES = (8, 16, 32, 64)  # NanoDet-Plus
_BINS = (8, 11, 17)  # of a distance: NanoDet-Plus, NanoDet, the paper
_CHOSEN = 6
_MOST_CHOSEN = 1000
_MOST_QUERIES = 1500


@dataclass(frozen=True)
class Pixels:
    """What is usual for the pixels of a kind of detector; see ``DetectorOptions``."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (255.0, 255.0, 255.0)
    order: str = "rgb"


IMAGENET = Pixels((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_YOLOX = Pixels(std=(1.0, 1.0, 1.0), order="bgr")
_NANODET = Pixels(IMAGENET.mean, IMAGENET.std, "bgr")
_TENSORFLOW = Pixels((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
_SSD300 = Pixels((128.0, 128.0, 128.0), (128.0, 128.0, 128.0))


@dataclass(frozen=True)
class Recognised:
    """A head, and the pixels that are usual for it."""

    head: Head
    pixels: Pixels


def recognise(
    outputs: Outputs,
    input_hw: tuple[int, int],
    counts: Sequence[int] = (),
    kind: str | None = None,
) -> Recognised:
    """The head that gave these outputs.

    Args:
        outputs: of the network for some picture, by name.
        input_hw: height and width of its input.
        counts: how many classes there may be; () where nobody knows.
        kind: the head, where it was named.

    Raises:
        InputError: it is none that is known, or not the one that was named.
    """
    for name, read in _READERS.items():
        if kind in (None, name):
            found = read(outputs, input_hw, counts)
            if found is not None:
                return found
    listed = ", ".join(f"{name} {list(value.shape)}" for name, value in outputs.items())
    wanted = f"the head {kind}" if kind else f"a detector's head ({', '.join(KINDS)})"
    advice = "" if kind else "; --head names one whose outputs are not recognised"
    raise InputError(f"expected the outputs of {wanted}, found {listed}{advice}")


def _gfl(outputs: Outputs, hw: tuple[int, int], counts: Sequence[int]) -> Recognised | None:
    """A pair of outputs for each level, or all in one for four levels (NanoDet-Plus)."""
    if any(value.ndim != 3 for value in outputs.values()):
        return None
    if len(outputs) == 1:
        [(name, value)] = outputs.items()
        _, count, columns = value.shape
        together = tuple(Level(stride, "", "") for stride in _PLUS_STRIDES)
        bins = next((b for b in _BINS if columns - 4 * b in counts), _BINS[0])
        classes = columns - 4 * bins
        if count != sum(_cells(hw, _PLUS_STRIDES)) or classes < 1:
            return None
        scoring = Scoring(_activation(value[..., :classes]))
        return Recognised(Gfl(together, classes, hw, scoring, bins, 0.0, name), _NANODET)
    levels: list[Level] = []
    columns_found = set()
    for stride in (4, *_PLUS_STRIDES, 128):
        (cells,) = _cells(hw, (stride,))
        pair = [name for name, value in outputs.items() if value.shape[1] == cells]
        if len(pair) == 2:
            scores, distances = sorted(pair, key=lambda name: _is_distance(outputs[name], counts))
            levels.append(Level(stride, scores, distances))
            columns_found.add((outputs[scores].shape[2], outputs[distances].shape[2]))
    if 2 * len(levels) != len(outputs) or len(levels) < 2 or len(columns_found) != 1:
        return None
    [(classes, wide)] = columns_found
    if wide % 4 or wide // 4 not in _BINS:
        return None
    scoring = Scoring(_activation(*(outputs[each.scores] for each in levels)))
    return Recognised(Gfl(tuple(levels), classes, hw, scoring, wide // 4), _NANODET)


def _is_distance(value: NDArray[Any], counts: Sequence[int]) -> bool:
    columns = value.shape[2]
    return columns not in counts and columns % 4 == 0 and columns // 4 in _BINS


def _yolo(outputs: Outputs, hw: tuple[int, int], counts: Sequence[int]) -> Recognised | None:
    """One tensor with a box a row or a column."""
    if len(outputs) != 1:
        return None
    [(name, value)] = outputs.items()
    if value.ndim != 3:
        return None
    _, rows, columns = value.shape
    cells = sum(_cells(hw, STRIDES))
    dense = (cells, 3 * cells, sum(_cells(hw, (8, 16, 32, 64))), 3 * sum(_cells(hw, _PLUS_STRIDES)))
    if columns == _CHOSEN and rows <= _MOST_CHOSEN and rows not in dense:
        classes = counts[0] if counts else int(np.nanmax(value[..., 5], initial=0)) + 1
        return Recognised(Yolo(name, "chosen", classes, hw), Pixels())
    if rows > columns:
        layout, wide, many, table = "rows", columns, rows, value[0]
    else:
        layout, wide, many, table = "columns", rows, columns, value[0].T
    if wide < 5:
        return None
    if wide - 4 in counts or wide - 5 in counts:
        objectness = wide - 4 not in counts
    else:  # who writes a column a box has dropped objectness; who writes a row has it
        objectness = layout == "rows" and wide > 5
    classes = wide - (5 if objectness else 4)
    scores = table[:, 4:]
    if classes < 1 or scores.min() < -1e-3 or scores.max() > 1 + 1e-3:
        return None
    anchorless = objectness and many == cells
    # YOLOX leaves it to its users to decode: centres are then within a cell or two of their own.
    relative = anchorless and float(np.abs(table[:, :2]).max()) < max(hw) / 8
    head = Yolo(name, layout, classes, hw, objectness, relative)
    return Recognised(head, _YOLOX if anchorless else Pixels())


def _ssd(outputs: Outputs, hw: tuple[int, int], counts: Sequence[int]) -> Recognised | None:
    """Offsets and class scores of a published set of anchors."""
    by_shape = _boxes_and_classes(outputs)
    if by_shape is None:
        return None
    offsets, scores, columns = by_shape
    raw = outputs[scores]
    many, wide = (raw.shape[2], raw.shape[1]) if columns else (raw.shape[1], raw.shape[2])
    if hw != PUBLISHED_HW:
        return None
    name = next((key for key, each in ANCHORS.items() if len(each.make(hw)) == many), None)
    if name is None:
        return None
    activation = _activation(raw)
    if activation != "none" and name == "ssd300":
        activation = "softmax"
    nothing = "none" if wide in counts else "first"
    scoring = Scoring(activation, nothing)
    head = Ssd(scores, offsets, scoring.classes_of(wide), scoring, name, columns)
    return Recognised(head, _TENSORFLOW if name == "tensorflow" else _SSD300)


def _detr(outputs: Outputs, hw: tuple[int, int], counts: Sequence[int]) -> Recognised | None:
    """Queries with a box and class logits each."""
    by_shape = _boxes_and_classes(outputs)
    if by_shape is None or by_shape[2]:
        return None
    boxes, logits, _ = by_shape
    raw, wide = outputs[logits], outputs[logits].shape[2]
    if raw.shape[1] > _MOST_QUERIES or not _within(outputs[boxes], -1.0, 2.0):
        return None
    activation, nothing = _activation(raw), "none"
    if counts and wide not in counts and wide - 1 in counts:
        activation, nothing = ("none" if activation == "none" else "softmax"), "last"
    scoring = Scoring(activation, nothing)
    return Recognised(Detr(logits, boxes, scoring.classes_of(wide), scoring), IMAGENET)


Reader = Callable[[Outputs, tuple[int, int], Sequence[int]], Recognised | None]
# In the order in which they are tried: what has one output of a certain size comes first.
_READERS: dict[str, Reader] = {"gfl": _gfl, "yolo": _yolo, "ssd": _ssd, "detr": _detr}


def _boxes_and_classes(outputs: Outputs) -> tuple[str, str, bool] | None:
    """The names of the outputs with 4 and with more columns, and whether columns come first."""
    if len(outputs) != 2 or any(value.ndim != 3 for value in outputs.values()):
        return None
    for axis in (2, 1):
        four = [name for name, value in outputs.items() if value.shape[axis] == 4]
        named = [name for name in four if "box" in name.lower() or "det" in name.lower()]
        chosen = named if len(four) == 2 else four
        if len(chosen) == 1:
            [other] = [name for name in outputs if name != chosen[0]]
            if outputs[other].shape[3 - axis] == outputs[chosen[0]].shape[3 - axis]:
                return chosen[0], other, axis == 1
    return None


def _activation(*raw: NDArray[Any]) -> str:
    """Scores in 0..1 are probabilities already."""
    return "none" if all(_within(each, 0.0, 1.0) for each in raw) else "sigmoid"


def _within(value: NDArray[Any], low: float, high: float) -> bool:
    return bool(value.min() >= low - 1e-3 and value.max() <= high + 1e-3)


def _cells(hw: tuple[int, int], strides: tuple[int, ...]) -> list[int]:
    """How many cells each level has."""
    return [rows * columns for rows, columns in (cells_of(hw, stride) for stride in strides)]
