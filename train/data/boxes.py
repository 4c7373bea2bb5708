"""Boxes of a COCO file and what they are called, image by image: what detectors learn from.

Sentences are not looked at. Crowds, empty boxes, boxes outside of their images and of categories
that have no name are left out, and counted by reason.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.questions import Rect
from sdk.errors import InputError
from train.data import coco
from train.data.annotations import (
    INSTANCES,
    PICKLES,
    ImageFolder,
    Problem,
    nothing_usable,
    on_paper,
    read_json,
)
from train.data.entries import Annotation, Check, MalformedError, collect, fields, short
from train.data.refcoco import load_refs
from train.data.voc import DIFFICULT, LISTS, read_voc

CROWD = "a crowd, not one object"
_SHOWN = 5


@dataclass(frozen=True)
class Box:
    """An object: its box in pixels of the upright image, the name of its category."""

    xyxy: Rect
    category: str


@dataclass(frozen=True)
class BoxSet:
    """What a file holds.

    Attributes:
        images: the objects of every image that has some, by its name relative to the folder.
        categories: all that the file names, in the order of their numbers.
        problems: entries of its ``annotations`` that cannot be used.
    """

    images: Mapping[str, tuple[Box, ...]]
    categories: tuple[str, ...]
    problems: tuple[Problem, ...]

    def of(self, image: str) -> tuple[Box, ...]:
        """The objects of an image; none of one that is not known.

        Args:
            image: its name relative to the folder.
        """
        return self.images.get(image, ())

    @property
    def count(self) -> int:
        """How many objects there are."""
        return sum(map(len, self.images.values()))

    def complaints(self) -> list[str]:
        """How many entries cannot be used, in a line a reason, the most frequent first."""
        # Reasons that differ by numbers or names alone are one.
        alike = Counter(re.split(r"[\d:]", each.reason)[0].strip() for each in self.problems)
        first = {re.split(r"[\d:]", each.reason)[0].strip(): each for each in self.problems[::-1]}
        return [
            f"{count} left out, the first is entry {first[reason].entry}: {first[reason].reason}"
            for reason, count in alike.most_common(_SHOWN)
        ]


def read_boxes(
    path: str | Path, images: str | Path | None = None, split: str | None = None
) -> BoxSet:
    """Reads the boxes of a file.

    Args:
        path: ``instances.json`` in COCO's layout, RefCOCO's ``refs(...).p`` beside one, which says
            what splits its images are of, or a list of VOC's, ``ImageSets/Main/trainval.txt``.
        images: folder of the images, which boxes are held against; without it they are held
            against the sizes that the file states.
        split: of a RefCOCO file, only its images; all by default.

    Returns:
        The objects; images without any are left out.

    Raises:
        InputError: the file cannot be read or has another layout, or there is no such split.
    """
    path = Path(path)
    check = on_paper if images is None else ImageFolder(Path(images))
    try:
        if path.suffix in PICKLES:
            document = read_json(path.with_name(INSTANCES))
            wanted = None if split is None else _images_of(path, split)
        else:
            if split is not None:
                raise InputError(f"expected no split for {path}: only RefCOCO's refs(...).p do")
            document = read_voc(path) if path.suffix in LISTS else read_json(path)
            wanted = None
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror or error}") from error
    return _collected(document, check, wanted)


def read_usable_boxes(path: Path, images: Path, split: str | None = None) -> BoxSet:
    """``read_boxes`` for those who need some: says on stderr what cannot be used.

    Raises InputError also when nothing can.
    """
    known = read_boxes(path, images, split)
    for line in known.complaints():
        print(f"{path}: {line}", file=sys.stderr)
    if not known.images:
        raise nothing_usable(path)
    return known


def some_images(
    images: Mapping[str, Sequence[Box]], count: int, seed: int
) -> Mapping[str, Sequence[Box]]:
    """The objects of some images, drawn once and in their order."""
    names = list(images)
    order = np.random.default_rng((seed, 4)).permutation(len(names))[:count]
    return {names[k]: images[names[k]] for k in sorted(order.tolist())}


def of_categories(
    images: Mapping[str, Sequence[Box]], categories: Sequence[str]
) -> tuple[dict[str, tuple[Box, ...]], int]:
    """The objects of these categories, image by image, and how many others there are.

    Images without any are left out.
    """
    kept = {
        name: tuple(box for box in boxes if box.category in categories)
        for name, boxes in images.items()
    }
    lost = sum(len(images[name]) - len(boxes) for name, boxes in kept.items())
    return {name: boxes for name, boxes in kept.items() if boxes}, lost


def _collected(document: Any, check: Check, wanted: set[Any] | None) -> BoxSet:
    records = coco.objects(document)

    def parse(entry: Any) -> list[Annotation]:
        if wanted is not None and _image_of(entry) not in wanted:
            return []
        number, _ = fields(entry, "id", "category_id")
        if entry.get(DIFFICULT):
            raise MalformedError("difficult, as VOC says: no detector is asked for it")
        found = coco.place(entry, records, "", number)
        if found.crowd:
            raise MalformedError(CROWD)
        if found.category is None:
            raise MalformedError(
                f"no category with a name has the id {short(entry['category_id'])}"
            )
        return [found]

    found = collect(document["annotations"], parse, check)
    images: dict[str, list[Box]] = defaultdict(list)
    for item in found.items:
        images[item.image].append(Box(item.xyxy, str(item.category)))
    return BoxSet(
        {name: tuple(boxes) for name, boxes in images.items()},
        tuple(dict.fromkeys(records.categories[key] for key in _in_order(records.categories))),
        found.problems,
    )


def _in_order(numbers: Mapping[int | str, str]) -> list[int | str]:
    """Ids by their values; texts come after numbers."""
    return sorted(numbers, key=lambda each: (isinstance(each, str), each))


def _image_of(entry: Any) -> int | str:
    return coco.id_of(entry.get("image_id") if isinstance(entry, dict) else None)


def _images_of(path: Path, split: str) -> set[Any]:
    """The ids of the images that a split's refs are about."""
    refs = load_refs(path, split)
    return {_image_of(ref) for ref in refs if isinstance(ref, dict) and ref.get("split") == split}
