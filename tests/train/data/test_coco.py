"""Annotation files in COCO's layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sdk.errors import InputError
from train.data.annotations import Annotation, AnnotationSet
from train.data.coco import SENTENCES

Read = Callable[..., AnnotationSet]

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
    "annotations": [
        {"id": 5, "image_id": 1, "bbox": [10, 20, 30, 40], "category_id": 3, "ref": "The red car."}
    ],
    "categories": [{"id": 3, "name": "car"}],
}
CAR = Annotation("a.jpg", (10.0, 20.0, 40.0, 60.0), "The red car.", 5, "car")


def coco(**changes: Any) -> dict[str, Any]:
    """COCO with one annotation, changed."""
    return COCO | {"annotations": [COCO["annotations"][0] | changes]}


def test_coco(read: Read) -> None:
    assert read(COCO) == AnnotationSet((CAR,), ())
    [item] = read(coco(category_id=9)).items
    assert item.category is None
    assert read({"images": [], "annotations": []}) == AnnotationSet((), ())


@pytest.mark.parametrize("name", SENTENCES)
def test_coco_sentences(read: Read, name: str) -> None:
    entry = {k: v for k, v in COCO["annotations"][0].items() if k != "ref"}
    one, two = entry | {name: "the car"}, entry | {name: ["the car", {"sent": "it", "raw": "It"}]}
    found = read(COCO | {"annotations": [one, two]})
    assert [(item.id, item.ref) for item in found.items] == [
        (5, "the car"),
        ("5-1", "the car"),
        ("5-2", "it"),
    ]


def test_captions_of_images_as_mdetr_has_them(read: Read) -> None:
    entry = {k: v for k, v in COCO["annotations"][0].items() if k != "ref"}
    images = [COCO["images"][0] | {"caption": "the car"}]
    [item] = read(COCO | {"images": images, "annotations": [entry]}).items
    assert item.ref == "the car"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_id": 2}, "no image has the id 2"),
        ({"image_id": [2]}, "expected an id"),
        ({"bbox": [90, 20, 30, 40]}, "outside its image a.jpg (100 x 80 px)"),
        ({"bbox": 3}, "expected a box"),
        ({"id": None}, "expected an id"),
        ({"ref": []}, "at least one sentence"),
        ({"ref": [{"words": "the car"}]}, "expected the expression as a str"),
    ],
)
def test_coco_problems(read: Read, changes: dict[str, Any], message: str) -> None:
    found = read(coco(**changes))
    assert found.items == ()
    assert message in found.problems[0].reason


def test_coco_entries_that_are_no_objects(read: Read) -> None:
    document = COCO | {
        "annotations": [None, 3, {"ref": "x"}, {"id": 1}, *COCO["annotations"]],
        "images": [None, {"id": []}, *COCO["images"]],
        "categories": "none",
    }
    found = read(document)
    assert [item.id for item in found.items] == [5]
    assert [problem.entry for problem in found.problems] == [0, 1, 2, 3]


def test_coco_without_sentences(read: Read) -> None:
    entry = {k: v for k, v in COCO["annotations"][0].items() if k != "ref"}
    with pytest.raises(InputError, match="expected a sentence for each annotation"):
        read(COCO | {"annotations": [entry]})


def stated(width: Any, height: Any, **changes: Any) -> dict[str, Any]:
    """COCO that states this size for its image, with one small box."""
    images = [COCO["images"][0] | {"width": width, "height": height}]
    return coco(bbox=[1, 2, 3, 4], **changes) | {"images": images}


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((200, 160), "states 200 x 160 px for a.jpg, which has 100 x 80 px: it was resized"),
        ((50, 40), "states 50 x 40 px for a.jpg"),
        ((100, 82), "states 100 x 82 px"),
        ((80, 100), "before its EXIF data turned it"),
        ((None, 160), "states ? x 160 px"),
    ],
)
def test_images_of_another_size_than_stated(read: Read, images: Path, size, why: str) -> None:
    found = read(stated(*size), images)
    assert found.items == ()
    assert why in found.problems[0].reason
    assert len(read(stated(*size)).items) == 1  # without images nobody knows


@pytest.mark.parametrize("size", [(100, 80), (101, 79), (99.5, 80), (None, None), ("200", 0)])
def test_images_of_the_size_that_is_stated(read: Read, images: Path, size) -> None:
    assert read(stated(*size), images).problems == ()


def test_crowds(read: Read) -> None:
    assert [item.crowd for item in read(coco(iscrowd=1)).items] == [True]
    assert [item.crowd for item in read(coco(iscrowd=0)).items] == [False]


def test_ids_of_several_images(read: Read) -> None:
    image = COCO["images"][0]
    other = COCO | {"images": [image, image | {"file_name": "b.jpg"}]}
    assert "several different images have the id 1" in read(other).problems[0].reason
    assert len(read(COCO | {"images": [image, dict(image)]}).items) == 1
