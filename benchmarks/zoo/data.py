"""What the zoo is trained on and asked: rendered close-ups, or annotated photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.questions import Rect
from evaluation.scenes.refcoco_writer import INSTANCES
from sdk.errors import InputError


@dataclass(frozen=True)
class Source:
    """Sentences and boxes of some pictures.

    Attributes:
        annotations: the sentences, in any layout that training reads.
        images: the folder of the pictures.
        split: of a RefCOCO file.
    """

    annotations: Path
    images: Path
    split: str | None = None

    @property
    def instances(self) -> Path:
        """The boxes of everything in the pictures, beside the sentences."""
        return self.annotations.parent / INSTANCES

    def options(self, prefix: str = "") -> list[str]:
        """As options of a training command: ``--annotations`` or, with "val-",
        ``--val-annotations``."""
        named = [f"--{prefix}annotations", str(self.annotations)]
        named += [f"--{prefix}images", str(self.images)]
        return named if self.split is None else [*named, f"--{prefix}split", self.split]


@dataclass(frozen=True)
class Question:
    """A sentence about a picture, and the truth.

    Attributes:
        image: file of the picture.
        ref: the sentence.
        target_xyxy: pixels of the picture.
        category: of the target.
        boxes_xyxy: of everything annotated in the picture, the target among them.
        labels: their categories.
    """

    image: Path
    ref: str
    target_xyxy: Rect
    category: str
    boxes_xyxy: tuple[Rect, ...]
    labels: tuple[str, ...]


def questions(source: Source, count: int, seed: int = 0) -> list[Question]:
    """``count`` of a source's sentences, at random and without repetition; fewer if it has fewer.

    Raises:
        InputError: it cannot be read, has no sentence, or does not say what its objects are.
    """
    from train.data.annotations import read_usable
    from train.data.boxes import read_boxes

    items = read_usable(source.annotations, source.images, source.split).items
    known = read_boxes(source.instances, source.images)
    if not items:
        raise InputError(f"expected sentences to ask in {source.annotations}, found none")
    order = np.random.default_rng(seed).permutation(len(items))[:count]
    found = []
    for item in (items[k] for k in order.tolist()):
        if item.category is None:
            raise InputError(f"expected a category of annotation {item.id} of {source.annotations}")
        boxes = known.of(item.image)
        found.append(
            Question(
                source.images / item.image,
                item.ref,
                item.xyxy,
                item.category,
                tuple(box.xyxy for box in boxes),
                tuple(box.category for box in boxes),
            )
        )
    return found


def categories(asked: Sequence[Question]) -> tuple[str, ...]:
    """Every category that anything in the pictures has, sorted."""
    return tuple(sorted({label for each in asked for label in each.labels}))
