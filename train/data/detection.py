"""Images with boxes -> what detectors are trained on: windows of any size and light, mirrored or
not, each with the objects in it.

Item k is a pure function of (seed, k), as everywhere: a run that stops and goes on sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sdk.errors import InputError
from sdk.frame import read_image
from sdk.geometry import Boxes, area, as_boxes, clip, xyxy_to_cxcywh
from sdk.letterbox import Letterbox
from train.data.boxes import Box
from train.data.views import NetworkInput, pixels_of, random_view

WHOLE_SHARE = 0.4  # of the samples: the frame as it is, as a vehicle looks at it first
LEAST_SIDE = 0.4  # of the frame's, of other windows: at most so much larger do objects become
SEEN = 0.4  # share of an object in the window from which it is to be found


@dataclass(frozen=True)
class Shown:
    """One sample: normalised pixels (3, H, W), boxes (n, 4) cxcywh in units of the input, labels
    (n,)."""

    pixels: NDArray[np.float32]
    boxes: Boxes
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class ShownBatch:
    """B samples, n objects at most (rows beyond a sample's own are not valid)."""

    pixels: Tensor  # (B, 3, H, W)
    boxes: Tensor  # (B, n, 4) cxcywh
    labels: Tensor  # (B, n)
    valid: Tensor  # (B, n) bool


class BoxSamples(Dataset[Shown]):
    """Item k: one window of one image; every image once an epoch.

    Args:
        known: the objects of each image, by its name.
        images: folder of the images; each item reads one.
        labels: the categories that are learned, in the order of their numbers.
        network: the input that is made.
        seed: of the order and of everything random in a sample.
        most: objects of a sample; the largest where a window shows more.

    Raises:
        InputError: while reading items, for an image that cannot be read.
    """

    def __init__(
        self,
        known: Mapping[str, Sequence[Box]],
        images: Path,
        labels: Sequence[str],
        network: NetworkInput,
        seed: int,
        most: int,
    ) -> None:
        self.images, self.network, self.seed, self.most = images, network, seed, most
        self.known = {name: as_arrays(boxes, labels) for name, boxes in known.items()}
        self.names = tuple(self.known)
        self.order: tuple[int, NDArray[np.int64]] | None = None  # epoch, permutation

    def __getitem__(self, index: int) -> Shown:
        name, rng = self.name(index), np.random.default_rng((self.seed, index))
        frame = read_image(self.images / name)
        boxes, labels = self.known[name]
        if len(boxes) and (boxes[:, 2:].max(axis=0) > frame.shape[1::-1]).any():
            raise InputError(
                f"a box is outside its image {name}: it was exchanged since it was read"
            )
        window = random_window((frame.shape[1], frame.shape[0]), rng)
        pixels = pixels_of(frame, random_view(0, window, rng), self.network)
        found, rows = in_window(boxes, window, self.most)
        unit = Letterbox(tuple(window.tolist()), self.network.input_hw).to_unit(found)
        if rng.random() < 0.5:  # no detector has a left and a right
            pixels = np.ascontiguousarray(pixels[:, :, ::-1])
            unit = np.stack([1 - unit[:, 2], unit[:, 1], 1 - unit[:, 0], unit[:, 3]], axis=1)
        return Shown(pixels, xyxy_to_cxcywh(unit), labels[rows])

    def name(self, index: int) -> str:
        """The image of item ``index``: all of them in each epoch, in an order of its own."""
        epoch, place = divmod(index, len(self.names))
        if self.order is None or self.order[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch, 1))  # (seed, index) is for the windows
            self.order = (epoch, rng.permutation(len(self.names)))
        return self.names[self.order[1][place]]


def as_arrays(boxes: Sequence[Box], labels: Sequence[str]) -> tuple[Boxes, NDArray[np.int64]]:
    """Boxes (n, 4) xyxy and the numbers (n,) of their categories among ``labels``."""
    numbers = {name: number for number, name in enumerate(labels)}
    return (
        as_boxes([box.xyxy for box in boxes]),
        np.array([numbers[box.category] for box in boxes], dtype=np.int64),
    )


def random_window(frame_wh: tuple[int, int], rng: np.random.Generator) -> Boxes:
    """(4,) frame pixels: the frame, or a part of it of another shape."""
    size = np.array(frame_wh, np.float64)
    if rng.random() < WHOLE_SHARE:
        return np.array([0.0, 0.0, *size])
    sides = size * rng.uniform(LEAST_SIDE, 1.0, 2)
    low = rng.uniform(0.0, 1.0, 2) * (size - sides)
    return np.concatenate([low, low + sides])


def in_window(boxes: Boxes, window: Boxes, most: int) -> tuple[Boxes, NDArray[np.int64]]:
    """What of boxes (n, 4) is to be found in a window (4,): cut to it, and their rows.

    The largest come first, ``most`` of them. What is seen of the others is too little.
    """
    cut = clip(boxes, window)
    sizes = area(cut)
    order = np.argsort(-sizes, kind="stable")
    rows = order[(sizes > 0)[order] & (sizes >= SEEN * area(boxes))[order]][:most]
    return cut[rows], rows


def stacked(samples: Sequence[Shown]) -> ShownBatch:
    """One batch; objects are padded to the most of a sample."""
    most = max(1, *(len(sample.labels) for sample in samples))
    boxes = np.zeros((len(samples), most, 4), np.float32)
    labels = np.zeros((len(samples), most), np.int64)
    valid = np.zeros((len(samples), most), np.bool_)
    for row, sample in enumerate(samples):
        count = len(sample.labels)
        boxes[row, :count], labels[row, :count] = sample.boxes, sample.labels
        valid[row, :count] = True
    pixels = np.stack([sample.pixels for sample in samples])
    return ShownBatch(*map(torch.from_numpy, (pixels, boxes, labels, valid)))
