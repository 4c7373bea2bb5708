"""Annotated photographs -> what one-look models are trained on: a picture, and several sentences
about objects in it.

A picture is looked at once for all of its sentences, which differ in what they mean and not in what
is seen. Now and then a sentence of another photograph is among them, which is true of nothing here.
Item k is a pure function of (seed, k), as everywhere: a run that stops and goes on sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sdk.errors import InputError
from sdk.frame import read_image
from sdk.geometry import Boxes, as_boxes, contains, xyxy_to_cxcywh
from sdk.letterbox import Letterbox
from sdk.sentences import SentenceTokenizer
from train.data.entries import Annotation
from train.data.samples import NOTHING
from train.data.views import NetworkInput, pixels_of, random_view

WHOLE_SHARE = 0.5  # of the samples: the photograph as it is; others are cut at their sides
LEAST_SIDE = 0.75  # of the photograph's sides that is left then: what a sentence speaks of as well


@dataclass(frozen=True)
class Asked:
    """B pictures and S sentences about them; m objects of a picture at most.

    Attributes:
        picture: (S,) which of the pictures each sentence is about.
        pixels: (B, 3, H, W) normalised, 0 where nothing is shown.
        ids: (S, T) tokens.
        mask: (S, T) int64, 1 for tokens, 0 for padding.
        boxes: (S, 4) cxcywh, what each sentence means, as the model says boxes.
        places: (S, 4) cxcywh, the same as shares of the network input.
        there: (S,) bool, whether there is any such thing in the picture.
        objects: (B, m, 4) cxcywh, all that is known of a picture, as shares of the network input.
        kinds: (B, m) their categories, ``NOTHING`` where there are fewer.
    """

    picture: Tensor
    pixels: Tensor
    ids: Tensor
    mask: Tensor
    boxes: Tensor
    places: Tensor
    there: Tensor
    objects: Tensor
    kinds: Tensor


@dataclass(frozen=True, eq=False)
class _Photograph:
    """Its objects: boxes (n, 4) xyxy pixels, categories (n,), numbers of their sentences."""

    name: str
    boxes: Boxes
    kinds: NDArray[np.int64]
    said: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Reading:
    """How the sentences of a training are read and asked.

    Attributes:
        network: the input that is made.
        of_content: boxes are shares of what the input shows, not of all of it.
        most: sentences of a picture, each about another object.
        foreign: share of pictures that are also asked for something of another photograph.
    """

    network: NetworkInput
    of_content: bool
    most: int = 4
    foreign: float = 0.0


class Referring(Dataset[Asked]):
    """Item k: one photograph, once an epoch; a batch is what ``stacked`` makes of several.

    Attributes:
        refs: the different sentences.
        too_long: how many of them fill all places: they are cut, or nearly.
        categories: what objects are, in the order of their numbers.

    Args:
        items: read together with ``images``, so that boxes lie in their photographs.
        images: folder of the photographs; each item reads one.
        tokenizer: of the model.
        reading: see there.
        seed: of the order and of everything random in an item.

    Raises:
        InputError: while reading items, for a photograph that cannot be read.
    """

    def __init__(
        self,
        items: Sequence[Annotation],
        images: Path,
        tokenizer: SentenceTokenizer,
        reading: Reading,
        seed: int,
    ) -> None:
        self.images, self.reading, self.seed = images, reading, seed
        self.refs = tuple(dict.fromkeys(item.ref for item in items))
        numbers = {ref: number for number, ref in enumerate(self.refs)}
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # of each that is too long: they are counted
            tokens = [tokenizer.encode(ref) for ref in self.refs]
        self.ids = np.stack([each.ids for each in tokens])
        self.mask = np.stack([each.segments for each in tokens])
        self.too_long = int(self.mask.all(1).sum())
        self.categories = tuple(sorted({item.category for item in items if item.category}))
        self.photographs = _photographs(items, numbers, self.categories)
        self.order: tuple[int, NDArray[np.int64]] | None = None  # epoch, permutation

    def __getitem__(self, index: int) -> Asked:
        photograph = self.photographs[self.place(index)]
        rng = np.random.default_rng((self.seed, index))
        frame = read_image(self.images / photograph.name)
        frame_wh = (frame.shape[1], frame.shape[0])
        if not contains((0, 0, *frame_wh), photograph.boxes).all():
            raise InputError(
                f"a box is outside its image {photograph.name}: it was exchanged since it was read"
            )
        window = random_window(frame_wh, rng)
        whole = contains(window, photograph.boxes)
        if not whole.any():
            window, whole = np.array([0.0, 0.0, *frame_wh]), np.ones(len(whole), bool)
        network = self.reading.network
        pixels = pixels_of(frame, random_view(0, window, rng), network)
        fitted = Letterbox(tuple(window.tolist()), network.input_hw)
        pixels[:, ~_content(fitted)] = 0.0  # light is of the frame, not of what is around it
        chosen = rng.permutation(np.flatnonzero(whole))[: self.reading.most]
        said = [int(rng.choice(photograph.said[k])) for k in chosen]
        boxes, objects = photograph.boxes[chosen], photograph.boxes[whole]
        foreign = self._foreign(photograph, rng)
        there = np.arange(len(said) + len(foreign)) < len(said)
        said, boxes = [*said, *foreign], np.concatenate([boxes, np.zeros((len(foreign), 4))])
        places = xyxy_to_cxcywh(fitted.to_unit(boxes)) * there[:, None]
        own = xyxy_to_cxcywh(_of_window(boxes, window)) if self.reading.of_content else places
        return Asked(
            picture=torch.zeros(len(said), dtype=torch.int64),
            pixels=torch.from_numpy(pixels)[None],
            ids=torch.from_numpy(self.ids[said].astype(np.int64)),
            mask=torch.from_numpy(self.mask[said].astype(np.int64)),
            boxes=_floats(own * there[:, None]),
            places=_floats(places),
            there=torch.from_numpy(there),
            objects=_floats(xyxy_to_cxcywh(fitted.to_unit(objects)))[None],
            kinds=torch.from_numpy(photograph.kinds[whole])[None],
        )

    def place(self, index: int) -> int:
        """The photograph of item ``index``: all of them in each epoch, in an order of its own."""
        epoch, place = divmod(index, len(self.photographs))
        if self.order is None or self.order[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch, 1))  # (seed, index) is for the items
            self.order = (epoch, rng.permutation(len(self.photographs)))
        return int(self.order[1][place])

    def _foreign(self, photograph: _Photograph, rng: np.random.Generator) -> list[int]:
        """Once in a while a sentence that nobody says of this photograph."""
        if rng.random() >= self.reading.foreign:
            return []
        number = int(rng.integers(len(self.refs)))
        return [] if any(number in said for said in photograph.said) else [number]


def random_window(frame_wh: tuple[int, int], rng: np.random.Generator) -> Boxes:
    """(4,) frame pixels: the frame, or most of it."""
    size = np.array(frame_wh, np.float64)
    if rng.random() < WHOLE_SHARE:
        return np.array([0.0, 0.0, *size])
    sides = size * rng.uniform(LEAST_SIDE, 1.0)
    low = rng.uniform(0.0, 1.0, 2) * (size - sides)
    return np.concatenate([low, low + sides])


def stacked(samples: Sequence[Asked]) -> Asked:
    """One batch of the pictures and the sentences of several items."""
    most = max(sample.kinds.shape[1] for sample in samples)

    def padded(rows: Tensor, filler: int = 0) -> Tensor:
        blank = rows.new_full((1, most, *rows.shape[2:]), filler)
        blank[:, : rows.shape[1]] = rows
        return blank

    columns = {
        each.name: [getattr(sample, each.name) for sample in samples] for each in fields(Asked)
    }
    columns["objects"] = [padded(rows) for rows in columns["objects"]]
    columns["kinds"] = [padded(rows, NOTHING) for rows in columns["kinds"]]
    columns["picture"] = [rows + number for number, rows in enumerate(columns["picture"])]
    return Asked(**{name: torch.cat(rows) for name, rows in columns.items()})


def _photographs(
    items: Sequence[Annotation], numbers: dict[str, int], categories: Sequence[str]
) -> list[_Photograph]:
    """Annotations with the same box are of one object."""
    known: dict[str, dict[tuple[float, ...], tuple[int, list[int]]]] = {}
    for item in items:
        kind = categories.index(item.category) if item.category else NOTHING
        objects = known.setdefault(item.image, {})
        objects.setdefault(item.xyxy, (kind, []))[1].append(numbers[item.ref])
    return [
        _Photograph(
            name,
            as_boxes(list(objects)),
            np.array([kind for kind, _ in objects.values()], np.int64),
            tuple(tuple(said) for _, said in objects.values()),
        )
        for name, objects in known.items()
    ]


def _content(fitted: Letterbox) -> NDArray[np.bool_]:
    """(H, W): where a network input shows something of the window."""
    shows = np.zeros(fitted.input_hw, np.bool_)
    (width, height), (left, top) = fitted.content_wh, fitted.offset_xy
    shows[top : top + height, left : left + width] = True
    return shows


def _of_window(boxes: Boxes, window: Boxes) -> Boxes:
    """xyxy frame pixels -> shares of the window."""
    low, sides = np.tile(window[:2], 2), np.tile(window[2:] - window[:2], 2)
    return np.asarray((boxes - low) / sides)


def _floats(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
