"""Annotated photographs -> crops of the objects in them, each with one of its sentences.

A photograph that is read gives several pairs, as objects of one picture are what is to be told
apart. Crops are cut by the vehicle's own kernel and views. Item k is a pure function of (seed, k),
as everywhere: a run that stops and goes on sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from sdk.engine.manifest import ImageInput
from sdk.errors import InputError
from sdk.frame import read_image
from sdk.geometry import Boxes, as_boxes, clip, grow
from sdk.regions.clip import TextIds
from sdk.regions.views import View
from sdk.text import normalise
from train.data.entries import Annotation, Rect


@dataclass(frozen=True)
class Spoken:
    """An object that somebody speaks of: its box in frame pixels, and all that is said of it."""

    xyxy: Rect
    refs: tuple[str, ...]


def spoken_of(items: Sequence[Annotation]) -> dict[str, tuple[Spoken, ...]]:
    """The objects of each photograph: annotations with the same box are of one object."""
    said: dict[str, dict[Rect, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for item in items:
        said[item.image][item.xyxy][normalise(item.ref)] = None
    return {
        image: tuple(Spoken(box, tuple(refs)) for box, refs in objects.items())
        for image, objects in said.items()
    }


@dataclass(frozen=True)
class Pairs:
    """Crops and sentences that belong together.

    Attributes:
        crops: (B, 3, S, S) normalised.
        ids: (B, T) int64 tokens.
        objects: (B,) number of the object in each crop.
        said: (B,) number of the sentence.
    """

    crops: Tensor
    ids: Tensor
    objects: Tensor
    said: Tensor


class CropPairs(Dataset[Pairs]):
    """Item k: up to ``most`` objects of one photograph, each once, with one of its sentences.

    Attributes:
        photographs: the objects of each, by its name.
        too_long: of the sentences, how many are cut.
        sentences: how many there are.

    Args:
        photographs: by ``spoken_of``.
        images: folder of the photographs; each item reads one.
        text_ids: of the model.
        image: size and normalisation of a crop.
        views: one of them at random shows a crop.
        seed: of the order and of everything random in a crop.
        most: objects of an item.
        shift: by what share of its sides each side of a box is moved at random, at most, as those
            that are proposed are not exact.

    Raises:
        InputError: there are no two objects to tell apart; while reading items, for a photograph
            that cannot be read.
    """

    def __init__(
        self,
        photographs: Mapping[str, tuple[Spoken, ...]],
        images: Path,
        text_ids: TextIds,
        image: ImageInput,
        views: Sequence[View],
        seed: int,
        most: int = 8,
        shift: float = 0.1,
    ) -> None:
        self.photographs, self.images, self.image = dict(photographs), images, image
        self.views, self.seed, self.most, self.shift = tuple(views), seed, most, shift
        self.names = tuple(self.photographs)
        first = np.cumsum([0, *(len(objects) for objects in self.photographs.values())])
        if first[-1] < 2:
            raise InputError(
                f"expected at least two objects with sentences, to tell them apart, got {first[-1]}"
            )
        self.first = dict(zip(self.names, first.tolist(), strict=False))  # object's number
        refs = dict.fromkeys(
            ref for objects in self.photographs.values() for each in objects for ref in each.refs
        )
        self.numbers = {ref: number for number, ref in enumerate(refs)}
        made = [text_ids(ref) for ref in refs]
        self.ids = np.stack([ids for ids, _ in made])
        self.too_long, self.sentences = sum(cut for _, cut in made), len(made)
        self.order: tuple[int, NDArray[np.int64]] | None = None  # epoch, permutation

    def __getitem__(self, index: int) -> Pairs:
        name = self.name(index)
        objects, rng = self.photographs[name], np.random.default_rng((self.seed, index))
        chosen = rng.permutation(len(objects))[: self.most]
        said = [self.numbers[rng.choice(objects[k].refs)] for k in chosen]
        frame = read_image(self.images / name)
        boxes = self._shifted(as_boxes([objects[k].xyxy for k in chosen]), frame.shape, rng)
        crops = np.empty((len(chosen), 3, *self.image.hw), np.float32)
        shown = rng.integers(len(self.views), size=len(chosen))
        for number, view in enumerate(self.views):
            crops[shown == number] = view.crops(frame, "bgr", boxes[shown == number], self.image)
        return Pairs(
            torch.from_numpy(crops),
            torch.from_numpy(self.ids[said].astype(np.int64)),
            torch.from_numpy(self.first[name] + chosen),
            torch.tensor(said),
        )

    def name(self, index: int) -> str:
        """The photograph of item ``index``: all of them in each epoch, in an order of its own."""
        epoch, place = divmod(index, len(self.names))
        if self.order is None or self.order[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch, 1))  # (seed, index) is for the crops
            self.order = (epoch, rng.permutation(len(self.names)))
        return self.names[self.order[1][place]]

    def _shifted(self, boxes: Boxes, shape: tuple[int, ...], rng: np.random.Generator) -> Boxes:
        """Boxes a little beside themselves, of at least a pixel, inside the frame (h, w, 3)."""
        whole = (0, 0, shape[1], shape[0])
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        moved = clip(boxes + rng.uniform(-self.shift, self.shift, boxes.shape) * sides, whole)
        return np.stack([grow(box, 1.0, whole) for box in moved])


def stack(items: Sequence[Pairs], filler: int | None = None) -> Pairs:
    """One batch of the pairs of several items.

    Args:
        items: at least one.
        filler: the token that fills texts up from behind, where a text network looks back only:
            what all of them are filled up with is left out then. None keeps the full length.
    """
    made = Pairs(
        *(torch.cat([getattr(item, field.name) for item in items]) for field in fields(Pairs))
    )
    if filler is None:
        return made
    longest = int((made.ids != filler).any(0).sum())
    # The end of a text may be marked with what fills up: one of them stays.
    return Pairs(made.crops, made.ids[:, : longest + 1], made.objects, made.said)
