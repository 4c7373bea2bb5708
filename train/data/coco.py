"""COCO's layout with sentences: ``{"images": [...], "annotations": [...], "categories": [...]}``.

COCO itself has no place for a sentence. Found in the field are a text or a list of them in the
annotation, under the names of ``SENTENCES``, and the ``caption`` of the annotation's image, as the
files of MDETR have it (which repeat the image for each sentence).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

from sdk.errors import InputError
from train.data.entries import (
    Annotation,
    AnnotationSet,
    Check,
    MalformedError,
    box_xyxy,
    collect,
    expressions,
    fields,
    identity,
    image_name,
    short,
    within,
)

SENTENCES = ("ref", "refs", "expression", "expressions", "sentence", "sentences", "caption")


@dataclass(frozen=True)
class Objects:
    """The boxes of a COCO file by annotation id, without sentences.

    ``doubtful``: ids that several different records have, so that nobody knows which is meant.
    """

    images: dict[int | str, dict[str, Any]]
    annotations: dict[int | str, dict[str, Any]]
    categories: dict[int | str, str]
    doubtful_images: frozenset[int | str] = frozenset()
    doubtful_annotations: frozenset[int | str] = frozenset()


def read(document: dict[str, Any], check: Check) -> AnnotationSet:
    """The annotations of a parsed file; a problem's entry is an index into ``annotations``.

    An annotation with several sentences gives one item for each, with the ids ``"ID-1"``, ...

    Raises InputError when nothing in the file has a sentence.
    """
    records = objects(document)
    entries = document["annotations"]
    worded = [*entries, *records.images.values()]
    if entries and not any(name in e for e in worded if isinstance(e, dict) for name in SENTENCES):
        raise InputError(
            f"expected a sentence for each annotation ({', '.join(SENTENCES)}), found none: for"
            " RefCOCO give the file refs(...).p that lies beside instances.json"
        )

    def parse(entry: Any) -> list[Annotation]:
        number = identity(*fields(entry, "id"))
        texts = expressions(_sentence(entry, records))
        ids = [f"{number}-{k}" for k in range(1, len(texts) + 1)] if len(texts) > 1 else [number]
        return [place(entry, records, text, name) for text, name in zip(texts, ids, strict=True)]

    return collect(entries, parse, check)


def objects(document: Any) -> Objects:
    """Images, annotations and names of categories by their ids.

    Records without a usable id are left out: whoever asks for them is told.
    Raises InputError when the file is not laid out like COCO's.
    """
    if not isinstance(document, dict) or not all(
        isinstance(document.get(name), list) for name in ("images", "annotations")
    ):
        raise InputError('expected COCO\'s layout {"images": [...], "annotations": [...]}')
    categories = _by_id(document.get("categories", []))
    names = {key: c["name"] for key, c in categories.items() if isinstance(c.get("name"), str)}
    images, annotations = document["images"], document["annotations"]
    return Objects(
        _by_id(images), _by_id(annotations), names, _doubtful(images), _doubtful(annotations)
    )


def place(entry: dict[str, Any], records: Objects, ref: str, number: Any) -> Annotation:
    """What a COCO annotation says of where its object is, under a sentence.

    The box is held against the size that the file states for the image, where it does.
    """
    image_id, bbox = fields(entry, "image_id", "bbox")
    image = records.images.get(identity(image_id))
    if image is None:
        raise MalformedError(f"no image has the id {short(image_id)}")
    if image_id in records.doubtful_images:
        raise MalformedError(f"several different images have the id {short(image_id)}")
    (name,) = fields(image, "file_name")
    annotation = Annotation(
        image=image_name(name),
        xyxy=box_xyxy(bbox),
        ref=ref,
        id=identity(number),
        category=records.categories.get(id_of(entry.get("category_id"))),
        crowd=entry.get("iscrowd") in (1, True),
        stated_wh=(_side(image.get("width")), _side(image.get("height"))),
    )
    return within(annotation, *annotation.stated_wh)


def _sentence(entry: dict[str, Any], records: Objects) -> Any:
    image = records.images.get(id_of(entry.get("image_id")), {})
    for name in SENTENCES:
        if name in entry:
            return entry[name]
    if "caption" in image:
        return image["caption"]
    raise MalformedError(f"no sentence: expected one of the fields {', '.join(SENTENCES)}")


def _by_id(records: Any) -> dict[int | str, dict[str, Any]]:
    known = records if isinstance(records, list) else []
    return {
        id_of(r.get("id")): r for r in known if isinstance(r, dict) and id_of(r.get("id")) != ""
    }


def _doubtful(records: list[Any]) -> frozenset[int | str]:
    known, doubtful = _by_id(records), set()
    for record in records:
        key = id_of(record.get("id")) if isinstance(record, dict) else ""
        if key != "" and known[key] != record:
            doubtful.add(key)
    return frozenset(doubtful)


def id_of(value: Any) -> int | str:
    """An id to look up; the empty text, which is nobody's, for what cannot be one."""
    try:
        return identity(value)
    except MalformedError:
        return ""


def _side(value: Any) -> float:
    """A stated width or height; infinite when there is none."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(min(value, sys.maxsize)) if known else math.inf
