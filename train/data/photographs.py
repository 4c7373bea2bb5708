"""Annotated photographs -> training samples, each annotation once an epoch.

Item k is a pure function of (seed, k), as with rendered scenes: training that stops and resumes
sees what an uninterrupted run would have seen, however many workers there are.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from sdk.errors import InputError
from sdk.frame import Frame, read_image
from sdk.geometry import contains
from sdk.text import Tokenizer
from train.data.entries import Annotation, AnnotationSet, Rect
from train.data.image_size import image_wh
from train.data.samples import NOTHING, Ask, Labelled, Sample, Sampler
from train.data.views import pixels_of
from train.models.grounding_dino.config import PizaConfig

# Share of first steps among the samples of a model that zooms. A search takes two steps in the
# mean (2.11 as published), and each sample is one of them at random.
FIRST_STEPS = 0.5


class PhotoSamples(Dataset[list[Sample]]):
    """Item k: ``crops`` samples of one annotation.

    Every sample is one random step of the search, as published: the whole frame, or a window on
    the way; a model that does not zoom gets the whole frame alone. A photograph of 12 megapixels
    takes longer to decode than to crop, so ``crops`` above 1 (our own choice; published: 1) gets
    more out of it, at the price of batches that are less varied.

    Attributes:
        items: the annotations, less those whose sentence has too many tokens for the model.
        left_out: those.
        unreadable: by the number of a photograph in ``numbers``, whether it turned out to be: bool,
            in memory that all processes share.

    Args:
        annotations: read together with ``images``, so that boxes lie in their images.
        images: folder of the photographs; each item reads one, once.
        config: of the model.
        tokenizer_file: of the model.
        seed: of the order and of the crops.
        epochs: how often each annotation comes; ``len`` is ``epochs * len(items)``.
        crops: samples of an item.
        skip_unreadable: in place of an annotation whose photograph cannot be read (any more), take
            the next one in the epoch's order whose photograph can. Which ones come is still a pure
            function of (seed, k) and the files.

    Raises:
        InputError: there is no annotation that the model can read; while reading items also for a
            photograph that cannot be read or does not hold its boxes.
    """

    def __init__(
        self,
        annotations: AnnotationSet,
        images: Path,
        config: PizaConfig,
        tokenizer_file: Path,
        seed: int,
        epochs: int = 1,
        crops: int = 1,
        skip_unreadable: bool = False,
    ) -> None:
        self.images, self.config, self.tokenizer_file = images, config, tokenizer_file
        self.seed, self.epochs, self.crops = seed, epochs, crops
        self.skip_unreadable = skip_unreadable
        tokenizer = Tokenizer.from_file(tokenizer_file, config.max_tokens)
        fitting = [_fits(tokenizer, item.ref) for item in annotations.items]
        pairs = list(zip(annotations.items, fitting, strict=True))
        self.items = tuple(item for item, fits in pairs if fits)
        self.left_out = tuple(item for item, fits in pairs if not fits)
        if not self.items:
            raise InputError(
                f"expected annotations to train on, found none: {len(annotations.problems)} entries"
                f" cannot be used, {len(self.left_out)} sentences are longer than"
                f" {config.max_tokens} tokens"
            )
        boxes: dict[str, dict[Rect, None]] = defaultdict(dict)  # of each image, without doubles
        for item in annotations.items:
            boxes[item.image][item.xyxy] = None
        self.boxes = {image: tuple(of_image) for image, of_image in boxes.items()}
        self.numbers = {image: number for number, image in enumerate(self.boxes)}
        self.unreadable = torch.zeros(len(self.numbers), dtype=torch.bool).share_memory_()
        self.sampler: Sampler | None = None
        self.order: tuple[int, NDArray[np.int64]] | None = None  # epoch, permutation

    def __len__(self) -> int:
        return self.epochs * len(self.items)

    def __getitem__(self, index: int) -> list[Sample]:
        if self.sampler is None:  # made in the worker: tokenizers do not survive a fork well
            tokenizer = Tokenizer.from_file(self.tokenizer_file, self.config.max_tokens)
            self.sampler = Sampler(self.config, tokenizer, ())
        frame, scene = self._read(index)
        rng = np.random.default_rng((self.seed, index))
        samples = []
        for _ in range(self.crops):
            first = not self.config.zooms or rng.random() < FIRST_STEPS
            step = self.sampler.first_step if first else self.sampler.second_step
            sample = step((frame.shape[1], frame.shape[0]), scene, rng)
            samples.append(replace(sample, pixels=pixels_of(frame, sample.view, self.config)))
        return samples

    def sizes(self, most: int = 1000) -> tuple[list[tuple[int, int]], list[tuple[float, float]]]:
        """Width and height in pixels of images and of targets in them, ``most`` at random."""
        rng = np.random.default_rng((self.seed, 2))
        chosen = [self.items[k] for k in rng.permutation(len(self.items))[:most]]
        targets = [(x2 - x1, y2 - y1) for x1, y1, x2, y2 in (item.xyxy for item in chosen)]
        return [image_wh(self.images / item.image) for item in chosen], targets

    def item(self, index: int) -> Annotation:
        """The annotation of item ``index``: all of them in each epoch, in an order of its own."""
        if not 0 <= index < len(self):
            raise IndexError(f"expected an item of 0..{len(self) - 1}, got {index}")
        epoch, place = divmod(index, len(self.items))
        if self.order is None or self.order[0] != epoch:
            rng = np.random.default_rng((self.seed, epoch, 1))  # (seed, index) is for the crops
            self.order = (epoch, rng.permutation(len(self.items)))
        return self.items[self.order[1][place]]

    def skipped(self) -> list[str]:
        """Names of the photographs that were found to be unreadable, by any process."""
        return [image for image, number in self.numbers.items() if self.unreadable[number]]

    def _read(self, index: int) -> tuple[Frame, Labelled]:
        """The photograph and the labels of item ``index``, or of the one that takes its place."""
        epoch, place = divmod(index, len(self.items))
        for ahead in range(len(self.items) if self.skip_unreadable else 1):
            item = self.item(epoch * len(self.items) + (place + ahead) % len(self.items))
            number = self.numbers[item.image]
            if self.unreadable[number]:
                continue
            try:
                frame = read_image(self.images / item.image)
                return frame, self._labelled(item, frame.shape)
            except InputError as error:
                if not self.skip_unreadable:
                    raise InputError(
                        f"{error}; --skip-unreadable goes on without such photographs"
                    ) from error
                self.unreadable[number] = True
        raise InputError(f"expected photographs in {self.images}, found none that can be read")

    def _labelled(self, item: Annotation, shape: tuple[int, ...]) -> Labelled:
        """All known boxes of the photograph and the one sentence that is asked."""
        known = self.boxes[item.image]
        boxes = np.array(known, dtype=np.float64)
        if not contains((0, 0, shape[1], shape[0]), boxes).all():
            raise InputError(
                f"a box is outside its image {item.image} ({shape[1]} x {shape[0]} px): read the"
                " annotations together with the images"
            )
        target = known.index(item.xyxy)
        unknown = np.full(len(boxes), NOTHING)
        return Labelled(
            boxes=boxes,
            phrases=("",) * len(boxes),
            kinds=unknown,
            colours=unknown,
            targetable=(target,),
            expressions=(Ask(item.ref, target),),
            absent=(),
        )


def _fits(tokenizer: Tokenizer, ref: str) -> bool:
    try:
        tokenizer.encode(ref)
    except InputError:
        return False
    return True
