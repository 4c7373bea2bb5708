"""Annotation files of three layouts behind one function: SOREC, COCO with sentences, RefCOCO."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdk.errors import InputError
from train.data import coco, refcoco, sorec
from train.data.entries import (
    Annotation,
    AnnotationSet,
    Check,
    MalformedError,
    Problem,
    as_stated,
    short,
    within,
)
from train.data.image_size import decoded_wh, image_wh

__all__ = [
    "Annotation",
    "AnnotationSet",
    "Problem",
    "read_annotations",
    "read_usable",
    "MISSING_IMAGE",
]

PICKLES = (".p", ".pkl", ".pickle")
INSTANCES = "instances.json"
MISSING_IMAGE = "missing image"  # how the reason of such a problem begins


def read_annotations(
    path: str | Path,
    images: str | Path | None = None,
    split: str | None = None,
    decode: bool = False,
    left_out: Collection[int] | None = None,
) -> AnnotationSet:
    """Reads an annotation file; the content tells which layout it has.

    Args:
        path: a JSON file, a list as SOREC has it or a dict as COCO has it (with sentences), or
            RefCOCO's ``refs(...).p`` with ``instances.json`` beside it.
        images: folder of the images. Without it images are not looked at: a box that is too far
            to the right or the bottom is found out only where the file states the image's size.
        split: RefCOCO keeps all splits in one file: only this one.
        decode: decode every image, which finds damage in the middle of it; by default only those
            whose header and end do not tell that they are whole.
        left_out: the entries that were problems when a run began. The same ones are problems now,
            and others stay items even when their photographs have become unreadable since: the
            run's order is over all of them.

    Returns:
        The usable annotations, boxes cut to their images, and the entries that cannot be used.

    Raises:
        InputError: the file cannot be read or has none of the layouts, ``images`` is no folder,
            or there is no such split.
    """
    path = Path(path)
    if images is None:
        return _read(path, on_paper, split)
    check = ImageFolder(Path(images), decode, left_out)
    return replace(_read(path, check, split), lost=check.lost)


def _read(path: Path, check: Check, split: str | None) -> AnnotationSet:
    try:
        if path.suffix in PICKLES:
            return refcoco.read(path, read_json(path.with_name(INSTANCES)), check, split)
        document = read_json(path)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror or error}") from error
    if split is not None:
        raise InputError(f"expected no split for {path}: only RefCOCO's refs(...).p have them")
    if isinstance(document, list):
        return sorec.read(document, check)
    if isinstance(document, dict) and "images" in document and "annotations" in document:
        return coco.read(document, check)
    raise InputError(
        f'expected a list of {{"image", "bbox", "ref", "id"}} (SOREC) or a dict with "images" and'
        f' "annotations" (COCO) in {path}, got {short(document)}'
    )


def read_json(path: Path) -> Any:
    """What a JSON file holds; raises InputError where it holds none, OSError as reading does."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # also what is not Unicode
        raise InputError(f"expected JSON in {path}: {error}") from error


def on_paper(_: int, annotation: Annotation) -> Annotation:
    """The check of a box whose image is not at hand: it does not begin before the image does."""
    return within(annotation, math.inf, math.inf)


class ImageFolder:
    """Holds annotations against the images of a folder; each image is looked at once."""

    def __init__(
        self, folder: Path, decode: bool = False, left_out: Collection[int] | None = None
    ) -> None:
        if not folder.is_dir():
            raise InputError(f"expected a folder of images at {folder}, found none")
        self._folder, self._left_out = folder, left_out
        self._size = decoded_wh if decode else image_wh
        self._known: dict[str, tuple[int, int] | str] = {}  # size or reason
        self.lost: dict[str, str] = {}

    def __call__(self, entry: int, annotation: Annotation) -> Annotation:
        if self._left_out is not None and entry in self._left_out:
            raise MalformedError("it could not be used when the run began")
        name = annotation.image
        if name not in self._known:
            self._known[name] = self._look(name)
        found = self._known[name]
        if not isinstance(found, str):
            return within(as_stated(annotation, *found), *found)
        if self._left_out is None:
            raise MalformedError(found)
        self.lost[name] = found
        return annotation

    def _look(self, name: str) -> tuple[int, int] | str:
        path = self._folder / name
        if not os.path.isfile(path):  # False as well for a name that no file can have
            return f"{MISSING_IMAGE}: no {name} in {self._folder}"
        try:
            return self._size(path)
        except InputError as error:
            return str(error)


def read_usable(
    path: Path,
    images: Path,
    split: str | None = None,
    left_out: Collection[int] | None = None,
) -> AnnotationSet:
    """``read_annotations`` for those who need some: says on stderr what cannot be used.

    Args:
        path: see ``read_annotations``, as all of them.
        images: folder of the images.
        split: of a RefCOCO file.
        left_out: the entries that were problems when a run began.

    Raises:
        InputError: as ``read_annotations`` does, and when nothing can be used.
    """
    known = read_annotations(path, images, split, left_out=left_out)
    if known.problems:
        lost, first = len(known.problems), known.problems[0]
        print(
            f"{lost} entries of {path} cannot be used; entry {first.entry}: {first.reason}"
            f" (piza train data {path} --images {images} lists them)",
            file=sys.stderr,
        )
    if not known.items:
        raise nothing_usable(path)
    return known


def nothing_usable(path: Path) -> InputError:
    """What to raise where some annotations are needed and there are none."""
    return InputError(f"expected annotations in {path}, found none that can be used")
