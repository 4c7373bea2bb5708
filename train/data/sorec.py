"""SOREC's layout: one flat list of ``{"image", "bbox": [x, y, width, height], "ref", "id"}``."""

from __future__ import annotations

from typing import Any

from train.data.entries import (
    Annotation,
    AnnotationSet,
    Check,
    box_xyxy,
    collect,
    expression,
    fields,
    identity,
    image_name,
)


def read(document: list[Any], check: Check) -> AnnotationSet:
    """The annotations of a parsed file; a problem's entry is an index into the list."""
    return collect(document, _parse, check)


def _parse(entry: Any) -> list[Annotation]:
    image, bbox, ref, number = fields(entry, "image", "bbox", "ref", "id")
    return [Annotation(image_name(image), box_xyxy(bbox), expression(ref), identity(number))]
